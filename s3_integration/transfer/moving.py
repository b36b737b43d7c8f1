"""The second half of a move: the source is deleted, unless it is no longer what was copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3_integration.aws.errors import translated
from s3_integration.exceptions import S3ConflictError, S3FileNotFoundError, S3IntegrationError
from s3_integration.transfer.looking import look_at, named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3_integration.aws.session import Connection
    from s3_integration.transfer.engine import ObjectId

_MARKS = ("ETag", "VersionId", "LastModified")
"""What HeadObject tells of a version and not of the next, which may have the same content."""


def delete_moved(
    connection: Connection, source: ObjectId, copied: Mapping[str, Any], target: ObjectId
) -> None:
    """Delete what `copied`, an answer to HeadObject, told of; in a versioned bucket it stays below.

    AWS compares the ETag while it deletes (API Reference, "DeleteObject", If-Match). Servers
    that overlook that header are asked just before what they hold.

    Raises:
        S3ConflictError: something else is stored there now, and stays.
        S3IntegrationError: it could not be deleted. The copy stays either way.
    """
    try:
        now = look_at(connection, source)
        if any(now.get(mark) != copied.get(mark) for mark in _MARKS):
            raise _changed(source)
        with translated("DeleteObject", source.bucket, source.key):
            connection.client.delete_object(**named(source), IfMatch=copied["ETag"])
    except S3FileNotFoundError:
        return  # it is gone, perhaps by an attempt of ours whose answer was lost
    except S3IntegrationError as error:
        where = f"s3://{target.bucket}/{target.key}"
        message = f"{error.message} The copy of it is stored: {where!r}."
        raise type(error)(message, **error.facts) from error


def _changed(source: ObjectId) -> S3ConflictError:
    return S3ConflictError(
        f"Cannot delete {source.key!r} from bucket {source.bucket!r}: it changed after it was "
        "copied.",
        code="PreconditionFailed",
        operation="DeleteObject",
        bucket=source.bucket,
        key=source.key,
        suggestion="Move it again when nothing writes to it.",
    )
