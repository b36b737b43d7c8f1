"""What an upload tells S3 about an object, and what S3 says that it stored."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from botocore.exceptions import BotoCoreError, ClientError

from s3_integration.exceptions import (
    S3ConflictError,
    S3FileNotFoundError,
    S3IntegrationError,
    S3UploadError,
    both,
)
from s3_integration.transfer import checksums, integrity
from s3_integration.transfer.integrity import DamagedError
from s3_integration.transfer.local import SourceChangedError
from s3_integration.transfer.proof import fingerprint
from s3_integration.transfer.turns import end_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from s3_integration.aws.endpoints import EndpointProfile
    from s3_integration.aws.session import Connection
    from s3_integration.transfer.engine import ObjectId, UploadOptions
    from s3_integration.transfer.sources import Source
    from s3_integration.utils import ByteRange

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def failures_told(source: Source, target: ObjectId, options: UploadOptions) -> Iterator[None]:
    """Turn what the checks of an upload find into errors for the caller."""
    try:
        yield
    except SourceChangedError as error:
        raise _upload_failure(
            target,
            f"{source.name} changed meanwhile, {error}",
            suggestion="Upload it again when nothing writes to it any more, or upload a copy.",
        ) from error
    except DamagedError as error:
        raise _upload_failure(
            target,
            str(error),
            suggestion="Try again; if it goes on, something on the way changes the bytes.",
        ) from error
    except ClientError as error:
        if options.if_match is not None and code_of(error) in {"NoSuchKey", "404"}:
            raise gone(target) from error
        raise


def _upload_failure(target: ObjectId, why: str, *, suggestion: str) -> S3UploadError:
    return S3UploadError(
        f"Cannot upload {target.key!r} to bucket {target.bucket!r}: {why}.",
        operation="upload",
        bucket=target.bucket,
        key=target.key,
        suggestion=suggestion,
        retryable=True,
    )


def settle(source: Source, fingerprints: Mapping[ByteRange, int]) -> None:
    """Make sure that what was read is what the file held all the time.

    A file that was written to just before may be written to again without its time of
    change telling; it is read a second time.
    """
    if source.is_fresh:
        for part, found in fingerprints.items():
            if fingerprint(source.read(part)) != found:
                message = "it was written to while it was read"
                raise SourceChangedError(message)
    source.check_unchanged()


def refuse_if_taken(connection: Connection, target: ObjectId, options: UploadOptions) -> None:
    """Raise an `S3ConflictError` where something is stored that may not be overwritten.

    The condition on the write itself decides; this spares sending a large file for nothing,
    and is all there is on servers that ignore conditions.
    """
    if options.if_match is None and options.if_exists != "fail":
        return
    try:
        found = head_of(connection, target)
    except ClientError as error:
        if _is_left_to_condition(connection, error):
            return
        raise
    if options.if_match is None:
        if found is not None:
            raise conflict(target, "the object exists already", TAKEN)
    elif found is None:
        raise gone(target)
    elif integrity.unquoted(found.get("ETag")) != options.if_match:
        raise conflict(target, "the object is another one than was expected", _CHANGED)


def is_taken(connection: Connection, target: ObjectId) -> bool:
    """Whether something is known to be stored there; a copy's own condition decides."""
    try:
        return head_of(connection, target) is not None
    except ClientError as error:
        if _is_left_to_condition(connection, error):
            return False
        raise


def _is_left_to_condition(connection: Connection, error: ClientError) -> bool:
    """Whether a look was refused to somebody who may write, and whose write tells as well.

    S3 refuses a look at nothing to who may not list (API Reference, "HeadObject"). Where
    servers are sure to obey the condition of a write, it decides.
    """
    return code_of(error) == "403" and connection.endpoint.conditional_writes == "enforced"


TAKEN = "Use another key, or if_exists='overwrite'."
_CHANGED = "Read it again, then decide what to store."


def conflict(
    target: ObjectId,
    why: str,
    suggestion: str,
    kind: type[S3IntegrationError] = S3ConflictError,
) -> S3IntegrationError:
    """The error for an upload whose condition does not hold."""
    return kind(
        f"Cannot upload {target.key!r} to bucket {target.bucket!r}: {why}.",
        code="PreconditionFailed",
        operation="upload",
        bucket=target.bucket,
        key=target.key,
        suggestion=suggestion,
    )


def gone(target: ObjectId) -> S3IntegrationError:
    """The error where nothing is stored in the place of what was to be replaced."""
    kind = both(S3ConflictError, S3FileNotFoundError)
    return conflict(target, "the object that was expected is not there", _CHANGED, kind)


def head_of(
    connection: Connection, target: ObjectId, *, with_checksum: bool = False
) -> Mapping[str, Any] | None:
    """What S3 says of the object; None where it is not there."""
    asked: dict[str, Any] = {"ChecksumMode": "ENABLED"} if with_checksum else {}
    end_turn()
    try:
        return connection.client.head_object(Bucket=target.bucket, Key=target.key, **asked)
    except ClientError as error:
        if code_of(error) in {"404", "NoSuchKey"}:
            return None
        raise


@dataclass(frozen=True, slots=True)
class Expected:
    """What S3 should tell of the object that an upload has stored."""

    size_bytes: int
    checksum: str
    """CRC64NVME of the whole; "" where S3 was told none."""
    etag: Callable[[], str]
    """What its ETag is where that is made of MD5s; "" where that is not known."""
    md5_of_whole: Callable[[], str]
    """Called only where nothing else tells."""
    checksum_decides: bool = False
    """The server verifies checksums, and it would take long to find the ETag."""

    def is_in(self, answer: Mapping[str, Any], endpoint: EndpointProfile) -> bool:
        """Whether `answer`, to a HEAD, speaks of that object."""
        told = checksums.stored_checksum(answer) if self.checksum else ""
        if told and self.checksum_decides:
            return told == self.checksum
        if (etag := self.etag()) and (
            verdict := integrity.etag_verdict(etag, answer, endpoint)
        ) != "untold":
            return verdict == "same"
        if told:
            return told == self.checksum
        # rclone's server tells the MD5 of the whole for joined parts as well.
        same_size = answer.get("ContentLength") == self.size_bytes
        return same_size and integrity.unquoted(answer.get("ETag")) == self.md5_of_whole()

    def check_joined(self, answer: Mapping[str, Any], endpoint: EndpointProfile) -> None:
        """Compare what S3 says of joined parts.

        Raises:
            DamagedError: it joined something else.
        """
        told = checksums.stored_checksum(answer) if self.checksum else ""
        if told not in {"", self.checksum}:
            raise integrity.stored_otherwise("CRC64NVME", self.checksum, told)
        # Every part was compared by itself, so that doubt may rest here.
        expected = self.etag()
        if expected and integrity.etag_verdict(expected, answer, endpoint) == "different":
            found = integrity.unquoted(answer.get("ETag"))
            raise integrity.stored_otherwise("ETag", expected, found)


def stored_after_all(
    connection: Connection,
    target: ObjectId,
    expected: Expected,
    error: Exception,
    *,
    is_retry: bool = False,
) -> Mapping[str, Any] | None:
    """What is stored, if it is what this upload sent although its last answer says otherwise."""
    if not _may_be_stored(error, is_retry=is_retry):
        return None
    with contextlib.suppress(ClientError, BotoCoreError):
        found = head_of(connection, target, with_checksum=bool(expected.checksum))
        if found is not None and expected.is_in(found, connection.endpoint):
            logger.info("%r is stored: only the answer that said so was lost", target.key)
            return found
    return None


def _may_be_stored(error: Exception, *, is_retry: bool) -> bool:
    """Whether an attempt before the one that failed with `error` may have done its work.

    A refusal of any other kind proves nothing: the same bytes may be stored from before,
    with other metadata.
    """
    if not isinstance(error, ClientError):
        return True
    was_sent_before = is_retry or error.response["ResponseMetadata"].get("RetryAttempts", 0) > 0
    return was_sent_before and code_of(error) in {"NoSuchUpload", "PreconditionFailed"}


def code_of(error: ClientError) -> str:
    """The code by which S3 names what went wrong."""
    return error.response["Error"]["Code"]


def write_condition(connection: Connection, options: UploadOptions) -> dict[str, Any]:
    """Under what condition S3 is to store the object, in the words of PutObject."""
    if options.if_match is None:
        return {"IfNoneMatch": "*"} if options.if_exists == "fail" else {}
    match connection.learned.if_match:
        case "quoted":
            return {"IfMatch": f'"{options.if_match}"'}
        case "bare":
            return {"IfMatch": options.if_match}
        case "useless":  # the look before the write is all there is
            return {}


def is_condition_misread(
    connection: Connection,
    target: ObjectId,
    options: UploadOptions,
    condition: Mapping[str, Any],
    error: ClientError,
) -> bool:
    """Whether a server refused a condition that holds (RFC 9110, section 13.1.1).

    Ceph 16 compares If-Match with the ETag as it keeps it, without quotes, at uploads alone; and
    in a versioned bucket with what the new version had before, which is nothing (measured).
    """
    may_be = (
        options.if_match is not None
        and "IfMatch" in condition  # what was sent, whatever was learned since then
        and connection.endpoint.conditional_writes == "unproven"
        and code_of(error) == "PreconditionFailed"
        and not error.response["ResponseMetadata"].get("RetryAttempts", 0)
    )
    found = head_of(connection, target) if may_be else None
    return found is not None and integrity.unquoted(found.get("ETag")) == options.if_match


def storage_parameters(options: UploadOptions) -> dict[str, Any]:
    """How the object is to be stored, in the words of PutObject and CreateMultipartUpload."""
    headers: dict[str, Any] = dict(options.further)
    if options.content_type:
        headers["ContentType"] = options.content_type
    if options.metadata:
        headers["Metadata"] = dict(options.metadata)
    if options.tags:
        # %20, not +, for a blank: Ceph 16 takes the + for a +.
        headers["Tagging"] = urlencode(options.tags, quote_via=quote)
    return headers
