"""How an upload in parts begins: with the checksum that its server takes."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from s3_integration.aws.retries import no_retries
from s3_integration.exceptions import S3IntegrationError
from s3_integration.transfer.encrypted import check_start, refuse_what_was_refused
from s3_integration.transfer.integrity import DamagedError
from s3_integration.transfer.persistence import persistently
from s3_integration.transfer.proof import (
    ALGORITHM,
    WHOLE_OBJECT,
    WRONG_CHECKSUM,
    is_mismatch,
    is_worth_asking,
    may_refuse_checksums,
)
from s3_integration.transfer.stored import storage_parameters
from s3_integration.transfer.turns import end_turn
from s3_integration.transfer.unfinished import abort_upload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from s3_integration.aws.session import Connection
    from s3_integration.transfer.engine import ObjectId, UploadOptions
    from s3_integration.transfer.proof import ChecksumsSent
    from s3_integration.transfer.wire import Wire
    from s3_integration.transfer.wires import Route

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Started:
    """An upload that S3 has begun."""

    upload_id: str
    sent: ChecksumsSent
    """What its parts are to carry."""


def start_upload(
    connection: Connection, target: ObjectId, options: UploadOptions, sent: ChecksumsSent
) -> Started:
    """Begin an upload in parts, which then has checksums if `sent` and the server want them.

    Raises:
        DamagedError: it was answered again and again, but never by an upload's name.
    """
    refuse_what_was_refused(connection, target)
    return persistently(
        partial(_start_once, connection, target, options, sent),
        operation="CreateMultipartUpload",
        total_attempts=connection.total_attempts,
    )


def _start_once(
    connection: Connection, target: ObjectId, options: UploadOptions, sent: ChecksumsSent
) -> Started:
    create: Callable[..., Mapping[str, Any]] = partial(
        connection.client.create_multipart_upload,
        Bucket=target.bucket,
        Key=target.key,
        **storage_parameters(options),
    )
    answer, taken = _answer_to(create, sent)
    if not answer.get("UploadId"):
        message = "the server took the request, but started no upload"
        raise DamagedError(message)
    check_start(connection, target, answer)
    if taken != sent:
        connection.learned.checksums = "refused"
    return Started(answer["UploadId"], taken)


def _answer_to(
    create: Callable[..., Mapping[str, Any]], sent: ChecksumsSent
) -> tuple[Mapping[str, Any], ChecksumsSent]:
    if sent == "md5":
        return create(), sent
    try:
        return create(**ALGORITHM, **WHOLE_OBJECT), sent
    except ClientError as error:
        if not may_refuse_checksums(error):
            raise
    return create(), "md5"


def prove_checksums(s3: Route, target: ObjectId, options: UploadOptions) -> None:
    """Learn once whether a server verifies the checksums that it repeats."""
    learned = s3.connection.learned
    with learned.finding_out:
        if learned.checksums == "repeated":
            _send_a_wrong_one(s3, target, options)


def prove_checksums_of_small_files(s3: Route, target: ObjectId, options: UploadOptions) -> None:
    """The same, once it is worth while, for uploads that go well without: nothing is raised."""
    learned = s3.connection.learned
    if not is_worth_asking(learned) or not learned.finding_out.acquire(blocking=False):
        return
    end_turn()
    try:
        if is_worth_asking(learned):  # nobody has asked since
            with no_retries():
                _send_a_wrong_one(s3, target, options)
    except (ClientError, BotoCoreError, DamagedError, S3IntegrationError) as error:
        logger.info("whether the server verifies checksums cannot be found out: %s", error)
        learned.checksums = "believed"
    finally:
        learned.repeated_bytes = 0
        learned.finding_out.release()


def _send_a_wrong_one(s3: Route, target: ObjectId, options: UploadOptions) -> None:
    """Send one byte, to an upload of its own: some servers give up one with a damaged part."""
    started = start_upload(s3.connection, target, options, "both")
    names = {"Bucket": target.bucket, "Key": target.key, "UploadId": started.upload_id}
    try:
        if started.sent == "both":
            s3.connection.learned.checksums = _judged_by_a_wrong_one(s3.wire, names)
    finally:
        abort_upload(s3.connection, target.bucket, target.key, started.upload_id)


def _judged_by_a_wrong_one(
    wire: Wire, names: Mapping[str, str]
) -> Literal["repeated", "believed", "verified"]:
    try:
        with no_retries():
            wire.upload_part(b"?", **names, PartNumber=1, **WRONG_CHECKSUM)
    except ClientError as error:
        return "verified" if is_mismatch(error) else "believed"
    except BotoCoreError as error:
        logger.info("whether the server verifies checksums stays unknown: %s", error)
        return "repeated"
    return "believed"
