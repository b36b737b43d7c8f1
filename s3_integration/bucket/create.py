"""Making sure that the bucket is there; a new one gets the baseline of `controls.py`."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any

from s3_integration.aws.errors import translated
from s3_integration.bucket.controls import BASELINE, Control
from s3_integration.config import DEFAULT_REGION
from s3_integration.exceptions import (
    S3AccessDeniedError,
    S3BucketError,
    S3IntegrationError,
    both,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3_integration.aws.session import Connection

logger = logging.getLogger(__name__)

_READ_BACK_WAITS_SECONDS = (0.0, 0.2, 1.0, 3.0)
"""Settings of a bucket take a moment to show (User Guide, "Amazon S3 data consistency model")."""

_BUCKET_IS_THERE = frozenset({"BucketAlreadyExists", "BucketAlreadyOwnedByYou"})

_PROBE_KEY = ".s3_integration-write-probe"


def ensure_bucket(connection: Connection, bucket: str) -> None:
    """Create the bucket with the baseline unless it is there; what is there stays as it is.

    Raises:
        S3BucketError: it belongs to someone else, or could not be made safe.
        S3IntegrationError: S3 could not be asked.
    """
    if bucket_exists(connection, bucket):
        return
    if not _create(connection, bucket):
        return
    try:
        missing = _apply_baseline(connection, bucket)
    except BaseException as error:
        _take_back(connection, bucket, error)
        raise
    logger.info("created bucket %r in %s", bucket, connection.region)
    if missing:
        logger.warning("bucket %r was created without: %s", bucket, "; ".join(missing))


def bucket_exists(connection: Connection, bucket: str) -> bool:
    """Whether the bucket is there.

    Raises:
        S3BucketError: it belongs to someone else, or may not even be looked at.
    """
    try:
        with translated("HeadBucket", bucket):
            connection.client.head_bucket(Bucket=bucket)
    except S3BucketError as error:
        if error.http_status != 404:
            raise
        return False
    except S3AccessDeniedError as error:
        raise both(S3BucketError, S3AccessDeniedError)(
            f"Cannot use bucket {bucket!r}: it belongs to someone else, or the permission "
            f"s3:ListBucket on it is missing.",
            **error.facts
            | {
                "suggestion": "Choose another bucket name; or, if it is yours, allow s3:ListBucket "
                f"on arn:aws:s3:::{bucket}, or pass create_bucket=False to skip this look."
            },
        ) from error
    return True


def _create(connection: Connection, bucket: str) -> bool:
    """Create the bucket; False where another process of the same owner was faster."""
    place: dict[str, Any] = {}
    if connection.region != DEFAULT_REGION:
        # us-east-1 is the one region that may not be named here (API Reference, "CreateBucket").
        place = {"CreateBucketConfiguration": {"LocationConstraint": connection.region}}
    try:
        with translated("CreateBucket", bucket, outcome=S3BucketError):
            connection.client.create_bucket(Bucket=bucket, **place)
    except S3BucketError as error:
        if error.code != "BucketAlreadyOwnedByYou":
            raise
        return False
    return True


def _apply_baseline(connection: Connection, bucket: str) -> list[str]:
    """Set every control and read it back; return the names of those that could not be had."""
    reasons = [(control.name, _apply(connection, bucket, control)) for control in BASELINE]
    return [f"{name} ({reason})" for name, reason in reasons if reason]


def _apply(connection: Connection, bucket: str, control: Control) -> str:
    """Set one control; return why it could not be had, "" where it holds."""
    if control.needs_https and connection.client.meta.endpoint_url.startswith("http:"):
        return "this endpoint is plain http itself"
    try:
        _set(connection, bucket, control, control.arguments(bucket))
        if not _holds_soon(connection, bucket, control):
            return "the server took it and forgot it"
    except S3IntegrationError as error:
        if not _is_unknown_to_server(error, connection):
            raise
        return f"this server does not know it: {error.code}"
    return _soften(connection, bucket, control)


def _set(
    connection: Connection, bucket: str, control: Control, arguments: Mapping[str, Any]
) -> None:
    with translated(_operation(control.set_by), bucket):
        getattr(connection.client, control.set_by)(Bucket=bucket, **arguments)


def _holds_soon(connection: Connection, bucket: str, control: Control) -> bool:
    for wait_seconds in _READ_BACK_WAITS_SECONDS:
        time.sleep(wait_seconds)
        try:
            with translated(_operation(control.read_by), bucket):
                answer = getattr(connection.client, control.read_by)(Bucket=bucket)
        except S3IntegrationError as error:
            if error.http_status != 404 or wait_seconds == _READ_BACK_WAITS_SECONDS[-1]:
                raise
            continue  # it does not even show as not set
        if control.holds(answer, bucket):
            return True
    return False


def _soften(connection: Connection, bucket: str, control: Control) -> str:
    """Take back what makes a bucket useless on this server; AWS needs no such test."""
    if control.undone_by and connection.hooks.is_mocked():
        return _undo_in_a_mock(connection, bucket, control)
    if control.milder is None or connection.endpoint.name == "aws":
        return ""
    if _can_write(connection, bucket):
        return ""
    _set(connection, bucket, control, control.milder)
    return "in part: in full, this server refuses every write"


def _undo_in_a_mock(connection: Connection, bucket: str, control: Control) -> str:
    if _can_write(connection, bucket):
        return ""
    with translated(_operation(control.undone_by), bucket):
        getattr(connection.client, control.undone_by)(Bucket=bucket)
    return "moto would refuse every write"


def _can_write(connection: Connection, bucket: str) -> bool:
    try:
        with translated("PutObject", bucket, _PROBE_KEY):
            probe: dict[str, Any] = {"Bucket": bucket, "Key": _PROBE_KEY}
            stored = connection.client.put_object(**probe, Body=b"")
            if stored.get("VersionId"):  # else a marker would stay, and the probe below it
                probe["VersionId"] = stored["VersionId"]
            connection.client.delete_object(**probe)
    except S3AccessDeniedError:
        return False
    return True


def _is_unknown_to_server(error: S3IntegrationError, connection: Connection) -> bool:
    # Ceph 16 answers InvalidArgument, others NotImplemented or MethodNotAllowed; rclone's server
    # takes a PUT of any setting for one more CreateBucket. AWS knows all.
    return connection.endpoint.name != "aws" and (
        error.http_status in {400, 404, 405, 501} or error.code in _BUCKET_IS_THERE
    )


def _take_back(connection: Connection, bucket: str, cause: BaseException) -> None:
    """Remove the bucket that was just made and is still empty, rather than leave it open."""
    logger.warning("bucket %r could not be made safe and is removed again: %s", bucket, cause)
    with contextlib.suppress(S3IntegrationError), translated("DeleteBucket", bucket):
        connection.client.delete_bucket(Bucket=bucket)


def _operation(method: str) -> str:
    """S3's name of a boto3 method: `put_bucket_policy` is `PutBucketPolicy`."""
    return "".join(word.capitalize() for word in method.split("_"))
