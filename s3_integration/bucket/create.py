"""Making sure that the bucket is there; a new one gets the controls of `controls.py`."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

from s3_integration.aws.errors import translated
from s3_integration.bucket.audit import Step, finding_of, plan
from s3_integration.bucket.controls import new_bucket_controls
from s3_integration.bucket.exchange import BucketSettings, is_unknown_to_server, wanted_of
from s3_integration.bucket.settings import not_set
from s3_integration.bucket.statements import arn_of
from s3_integration.config import DEFAULT_REGION
from s3_integration.exceptions import (
    S3AccessDeniedError,
    S3BucketError,
    S3IntegrationError,
    both,
)

if TYPE_CHECKING:
    from s3_integration.aws.session import Connection
    from s3_integration.bucket.wanted import Wanted

logger = logging.getLogger(__name__)


def ensure_bucket(connection: Connection, bucket: str) -> bool:
    """Create the bucket with its protections unless it is there; what is there stays as it is.

    Returns:
        Whether it was created.

    Raises:
        S3BucketError: it belongs to someone else, or could not be made safe.
        S3IntegrationError: S3 could not be asked.
    """
    if bucket_exists(connection, bucket) or not _create(connection, bucket):
        return False
    try:
        missing = _apply_baseline(connection, bucket)
    except BaseException as error:
        _take_back(connection, bucket, error)
        raise
    logger.info("created bucket %r in %s", bucket, connection.region)
    if missing:
        logger.warning("bucket %r was created without: %s", bucket, "; ".join(missing))
    return True


def bucket_exists(connection: Connection, bucket: str, owner: str = "") -> bool:
    """Whether the bucket is there; where `owner`, an account's number, is given, as theirs.

    Raises:
        S3BucketError: it belongs to someone else, or may not even be looked at.
    """
    try:
        with translated("HeadBucket", bucket):
            expected = {"ExpectedBucketOwner": owner} if owner else {}
            connection.client.head_bucket(Bucket=bucket, **expected)
    except S3BucketError as error:
        if error.http_status != 404:
            raise
        return False
    except S3AccessDeniedError as error:
        arn = arn_of(bucket, connection.client.meta.partition)
        raise both(S3BucketError, S3AccessDeniedError)(
            f"Cannot use bucket {bucket!r}: it belongs to someone else"
            f"{f' than account {owner}' if owner else ''}, or the permission "
            f"s3:ListBucket on it is missing.",
            **error.facts
            | {
                "suggestion": "Choose another bucket name; or, if it is yours, allow s3:ListBucket "
                f"on {arn}, or pass create_bucket=False to skip this look."
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
    """Set what a new bucket gets and read it back; return what could not be had, and why."""
    settings, wanted = BucketSettings(connection, bucket), wanted_of(connection, bucket)
    controls = new_bucket_controls(wanted)
    fresh = not_set(bucket)
    impossible = [finding_of(control, fresh, wanted) for control in controls]
    missing = {f.control: f.fact for f in impossible if f.status == "unsupported"}
    for step in plan(fresh, wanted, controls):
        if reason := _apply(settings, step, wanted):
            missing |= {control.name: reason for control in step.controls}
    return [f"{c.name} ({missing[c.name]})" for c in controls if c.name in missing]


def _apply(settings: BucketSettings, step: Step, wanted: Wanted) -> str:
    """Replace one setting; return why it could not be had, "" where it holds."""
    try:
        if settings.carry_out(step, wanted, not_set(settings.bucket)) is None:
            return "the server took it and forgot it"
    except S3IntegrationError as error:
        if not is_unknown_to_server(error, settings.connection):
            raise
        return f"this server does not know it: {error.code}"
    if step.setting != "public access block" or settings.connection.endpoint.name == "aws":
        return ""
    if settings.can_write():
        return ""
    settings.soften_public_access(step.document)
    return "in part: in full, this server refuses every write"


def _take_back(connection: Connection, bucket: str, cause: BaseException) -> None:
    """Remove the bucket that was just made and is still empty, rather than leave it open."""
    logger.warning("bucket %r could not be made safe and is removed again: %s", bucket, cause)
    with contextlib.suppress(S3IntegrationError), translated("DeleteBucket", bucket):
        connection.client.delete_bucket(Bucket=bucket)
