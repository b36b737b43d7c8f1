"""Looking at one object: what S3 tells of it, and whether it is there at all."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import TYPE_CHECKING, Any

from s3_integration.aws.clock import offset_of
from s3_integration.aws.errors import translated
from s3_integration.exceptions import S3FileNotFoundError, S3IntegrationError
from s3_integration.transfer import described
from s3_integration.transfer.integrity import DamagedError
from s3_integration.transfer.persistence import persistently

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3_integration.aws.session import Connection
    from s3_integration.transfer.engine import ObjectId


def look_at(connection: Connection, which: ObjectId) -> Mapping[str, Any]:
    """S3's answer to HeadObject, its checksum included; `described.from_head` can read it.

    Raises:
        S3FileNotFoundError: nothing is stored there, or not that version.
    """
    try:
        return _looked_at(connection, which)
    except S3FileNotFoundError as error:
        if error.http_status != 404:  # 405 tells of a delete marker, and enough
            raise
    _ask_in_words(connection, which)
    return _looked_at(connection, which)  # stored between the two questions


def is_stored(connection: Connection, which: ObjectId) -> bool:
    """Whether it is there; False only where S3 said that the key is not."""
    try:
        with translated("HeadObject", which.bucket, which.key):
            connection.client.head_object(**named(which))
    except S3FileNotFoundError:
        return _is_stored_by_get(connection, which)
    return True


def time_by(connection: Connection, bucket: str) -> dt.datetime | None:
    """What time it is by S3's clock, rounded up to seconds; None where S3 does not tell."""
    try:
        with translated("HeadBucket", bucket):
            answer = connection.client.head_bucket(Bucket=bucket)
    except S3IntegrationError:
        return None
    ahead = offset_of(answer["ResponseMetadata"]["HTTPHeaders"].get("date", ""))
    return None if ahead is None else dt.datetime.now(dt.UTC) + ahead + dt.timedelta(seconds=1)


def named(which: ObjectId) -> dict[str, Any]:
    """The object, or one version of it, in the words of S3's requests."""
    version = {} if which.version_id is None else {"VersionId": which.version_id}
    return {"Bucket": which.bucket, "Key": which.key, **version}


def _looked_at(connection: Connection, which: ObjectId) -> Mapping[str, Any]:
    try:
        return persistently(
            partial(_head, connection, which),
            operation="HeadObject",
            total_attempts=connection.total_attempts,
        )
    except DamagedError as error:
        raise S3IntegrationError(
            f"Cannot look at {which.key!r} in bucket {which.bucket!r}: {error}.",
            operation="HeadObject",
            bucket=which.bucket,
            key=which.key,
            suggestion="Check the network, the endpoint and any proxy settings.",
            retryable=True,
        ) from error


def _head(connection: Connection, which: ObjectId) -> Mapping[str, Any]:
    with translated("HeadObject", which.bucket, which.key):
        answer = connection.client.head_object(**named(which), ChecksumMode="ENABLED")
    described.from_head(which.key, answer)  # else it is no answer of S3's
    return answer


def _is_stored_by_get(connection: Connection, which: ObjectId) -> bool:
    try:
        _ask_in_words(connection, which)
    except S3FileNotFoundError:
        return False
    return True  # it was stored between the two questions


def _ask_in_words(connection: Connection, which: ObjectId) -> None:
    """Ask again in a way whose answer has a body, and so tells key and bucket apart.

    Raises:
        S3FileNotFoundError: it is the key, or the version, that is missing.
    """
    try:
        with translated("GetObject", which.bucket, which.key):
            answer = connection.client.get_object(**named(which), Range="bytes=0-0")
    except S3IntegrationError as error:
        if error.http_status == 416:  # an empty object has no first byte
            return
        raise
    answer["Body"].close()
