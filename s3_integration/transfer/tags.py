"""The tags of one object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3_integration.aws.errors import translated
from s3_integration.transfer.looking import named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3_integration.aws.session import Connection
    from s3_integration.transfer.engine import ObjectId


def tags_of(connection: Connection, which: ObjectId) -> dict[str, str]:
    """Names and values of the tags, in S3's order."""
    with translated("GetObjectTagging", which.bucket, which.key):
        answer = connection.client.get_object_tagging(**named(which))
    return {tag["Key"]: tag["Value"] for tag in answer.get("TagSet", ())}


def set_tags(connection: Connection, which: ObjectId, tags: Mapping[str, str]) -> None:
    """Let these be all the tags of the object; its content and its version stay."""
    if not tags:
        _delete_tags(connection, which)
        return
    tag_set: Any = [{"Key": name, "Value": value} for name, value in tags.items()]
    with translated("PutObjectTagging", which.bucket, which.key):
        connection.client.put_object_tagging(**named(which), Tagging={"TagSet": tag_set})


def _delete_tags(connection: Connection, which: ObjectId) -> None:
    # moto answers 500 to an empty set of tags.
    with translated("DeleteObjectTagging", which.bucket, which.key):
        connection.client.delete_object_tagging(**named(which))
