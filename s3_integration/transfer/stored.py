"""What an upload tells S3 about an object, and what S3 says that it stored."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from botocore.exceptions import BotoCoreError, ClientError

from s3_integration.exceptions import S3ConflictError, S3UploadError
from s3_integration.transfer import integrity
from s3_integration.transfer.integrity import DamagedError
from s3_integration.transfer.local import SourceChangedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from s3_integration.aws.session import Connection
    from s3_integration.transfer.engine import ObjectId, UploadOptions
    from s3_integration.transfer.local import SourceFile
    from s3_integration.utils import ByteRange

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def failures_told(source: SourceFile, target: ObjectId) -> Iterator[None]:
    """Turn what the checks of an upload find into errors for the caller."""
    try:
        yield
    except SourceChangedError as error:
        raise _upload_failure(
            target,
            f"the file {str(source.path)!r} changed meanwhile, {error}",
            suggestion="Upload it again when nothing writes to it any more, or upload a copy.",
        ) from error
    except DamagedError as error:
        raise _upload_failure(
            target,
            str(error),
            suggestion="Try again; if it goes on, something on the way changes the bytes.",
        ) from error


def _upload_failure(target: ObjectId, why: str, *, suggestion: str) -> S3UploadError:
    return S3UploadError(
        f"Cannot upload {target.key!r} to bucket {target.bucket!r}: {why}.",
        operation="upload",
        bucket=target.bucket,
        key=target.key,
        suggestion=suggestion,
        retryable=True,
    )


def settle(source: SourceFile, digests: Mapping[ByteRange, bytes]) -> None:
    """Make sure that what was read is what the file held all the time.

    A file that was written to just before may be written to again without its time of
    change telling; it is read a second time.
    """
    if source.is_fresh:
        for part, digest in digests.items():
            if integrity.md5_digest(source.read(part)) != digest:
                message = "it was written to while it was read"
                raise SourceChangedError(message)
    source.check_unchanged()


def refuse_if_taken(connection: Connection, target: ObjectId, options: UploadOptions) -> None:
    """Raise an `S3ConflictError` where something is stored that may not be overwritten.

    The condition on the write itself decides; this spares sending a large file for nothing,
    and is all there is on servers that ignore conditions.
    """
    if options.if_exists == "overwrite" or head_of(connection, target) is None:
        return
    raise S3ConflictError(
        f"Cannot upload {target.key!r} to bucket {target.bucket!r}: the object exists already.",
        code="PreconditionFailed",
        operation="upload",
        bucket=target.bucket,
        key=target.key,
        suggestion="Use another key, or if_exists='overwrite'.",
    )


def head_of(connection: Connection, target: ObjectId) -> Mapping[str, Any] | None:
    """What S3 says of the object; None where it is not there."""
    try:
        return connection.client.head_object(Bucket=target.bucket, Key=target.key)
    except ClientError as error:
        if code_of(error) in {"404", "NoSuchKey"}:
            return None
        raise


def stored_after_all(
    connection: Connection,
    target: ObjectId,
    expected_etag: str,
    error: Exception,
    *,
    is_retry: bool = False,
) -> Mapping[str, Any] | None:
    """What is stored, if it is what this upload sent although its last answer says otherwise."""
    if not _may_be_stored(error, is_retry=is_retry):
        return None
    with contextlib.suppress(ClientError, BotoCoreError):
        found = head_of(connection, target)
        if found is not None and integrity.unquoted(found.get("ETag")) == expected_etag:
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


def check_is_from_s3(answer: Mapping[str, Any]) -> None:
    """Refuse what a proxy's login page says in S3's place: S3 tells an ETag of all it stores."""
    if not answer.get("ETag"):
        message = "the answer has no ETag, so it is not S3's"
        raise DamagedError(message)


def stored_otherwise(expected: str, answer: Mapping[str, Any]) -> DamagedError:
    """The error for an ETag that is not the one `expected`."""
    return DamagedError(
        f"S3 stored other bytes than were sent (ETag {answer['ETag']}, not {expected})"
    )


def write_condition(options: UploadOptions) -> dict[str, Any]:
    """Under what condition S3 is to store the object, in the words of PutObject."""
    return {"IfNoneMatch": "*"} if options.if_exists == "fail" else {}


def storage_parameters(options: UploadOptions) -> dict[str, Any]:
    """How the object is to be stored, in the words of PutObject and CreateMultipartUpload."""
    headers: dict[str, Any] = {"ContentType": options.content_type}
    if options.metadata:
        headers["Metadata"] = dict(options.metadata)
    if options.tags:
        # %20, not +, for a blank: Ceph 16 takes the + for a +.
        headers["Tagging"] = urlencode(options.tags, quote_via=quote)
    return headers
