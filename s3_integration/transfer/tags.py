"""The tags of one object.

Servers that do not know them overlook the word `tagging` in a request: rclone's then reads,
replaces or deletes the object itself (measured). So a server that is not AWS has to show that
it knows them before it is told any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from s3_integration.aws.errors import translated
from s3_integration.aws.retries import no_retries
from s3_integration.exceptions import S3IntegrationError
from s3_integration.transfer.looking import named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3_integration.aws.session import Connection
    from s3_integration.transfer.engine import ObjectId

_RANGE = "bytes=0-65535"
"""More than ten tags take, and less than most objects, which some servers answer with."""


def tags_of(connection: Connection, which: ObjectId) -> dict[str, str]:
    """Names and values of the tags, in S3's order.

    Raises:
        S3IntegrationError: among others, where the server knows no tags.
    """
    if connection.endpoint.name != "aws":
        events: Any = connection.client.meta.events
        events.register("before-sign.s3.GetObjectTagging", _ask_for_little, unique_id=_RANGE)
    with translated("GetObjectTagging", which.bucket, which.key):
        answer = connection.client.get_object_tagging(**named(which))
    if "etag" in answer["ResponseMetadata"]["HTTPHeaders"]:  # it is the object itself
        raise _unknown(which)
    # Ceph 16 answers with nothing where it dropped the tags of an upload in parts.
    tag_set = answer.get("TagSet") or []
    return {tag["Key"]: tag["Value"] for tag in tag_set}


def _ask_for_little(request: Any, **_: object) -> None:
    request.headers["Range"] = _RANGE


def set_tags(connection: Connection, which: ObjectId, tags: Mapping[str, str]) -> None:
    """Let these be all the tags of the object; its content and its version stay.

    Raises:
        S3IntegrationError: among others, where the server knows no tags; the object stays.
    """
    if connection.endpoint.name != "aws":
        tags_of(connection, which)
    tag_set: Any = [{"Key": name, "Value": value} for name, value in tags.items()]
    with translated("PutObjectTagging", which.bucket, which.key):
        if not tags:
            _remove_tags(connection, which)
            return
        connection.client.put_object_tagging(**named(which), Tagging={"TagSet": tag_set})


def _remove_tags(connection: Connection, which: ObjectId) -> None:
    # Ceph 16 overlooks DeleteObjectTagging in versioned buckets, moto fails with an empty set.
    try:
        with no_retries():
            connection.client.put_object_tagging(**named(which), Tagging={"TagSet": []})
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
            raise
        connection.client.delete_object_tagging(**named(which))


def _unknown(which: ObjectId) -> S3IntegrationError:
    return S3IntegrationError(
        f"Cannot read the tags of {which.key!r} in bucket {which.bucket!r}: this server does not "
        "know the request.",
        code="NotImplemented",
        operation="GetObjectTagging",
        bucket=which.bucket,
        key=which.key,
        suggestion="Use a server that supports GetObjectTagging, or do without it.",
    )
