"""Uploads: one PUT for small files, parts for large ones."""

from __future__ import annotations

import contextlib
import functools
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from botocore.exceptions import BotoCoreError, ClientError

from s3_integration.exceptions import S3ConflictError, S3UploadError
from s3_integration.transfer import integrity
from s3_integration.transfer.engine import Transferred
from s3_integration.transfer.integrity import DamagedError, EtagCheck, etag_verdict
from s3_integration.transfer.local import SourceChangedError
from s3_integration.transfer.parts import in_threads, results_of
from s3_integration.transfer.persistence import persistently
from s3_integration.transfer.progress import Progress
from s3_integration.utils import ByteRange, part_size_for, split_into_ranges

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

    from s3_integration.aws.session import Connection
    from s3_integration.config import TransferConfig
    from s3_integration.models import ProgressCallback
    from s3_integration.transfer.engine import ObjectId, UploadOptions
    from s3_integration.transfer.local import SourceFile
    from s3_integration.transfer.parts import PartThreads
    from s3_integration.transfer.wires import Route

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Part:
    """One part that S3 has taken."""

    number: int
    etag: str
    digest: bytes


@contextlib.contextmanager
def _failures_told(source: SourceFile, target: ObjectId) -> Iterator[None]:
    """Turn what the checks of an upload find into errors for the caller."""
    deed = f"Cannot upload {target.key!r} to bucket {target.bucket!r}"
    try:
        yield
    except SourceChangedError as error:
        raise S3UploadError(
            f"{deed}: the file {str(source.path)!r} changed meanwhile, {error}.",
            operation="upload",
            bucket=target.bucket,
            key=target.key,
            suggestion="Upload it again when nothing writes to it any more, or upload a copy.",
            retryable=True,
        ) from error
    except DamagedError as error:
        raise S3UploadError(
            f"{deed}: {error}.",
            operation="upload",
            bucket=target.bucket,
            key=target.key,
            suggestion="Try again; if it goes on, something on the way changes the bytes.",
            retryable=True,
        ) from error


def upload_single(
    s3: Route,
    source: SourceFile,
    target: ObjectId,
    options: UploadOptions,
    progress: ProgressCallback | None,
) -> Transferred:
    """Store a file by one request; it is read whole, and checked, before that is sent."""
    with _failures_told(source, target):
        whole = ByteRange(0, source.size_bytes)
        content = source.read(whole)
        digest = integrity.md5_digest(content)
        _settle(source, {whole: digest})
        if s3.connection.endpoint.conditional_writes == "unproven":
            refuse_if_taken(s3.connection, target, options)
        answer = _put(s3, content, digest, target, options)
    Progress(len(content), progress).add(len(content))
    etag = integrity.unquoted(answer.get("ETag"))
    return Transferred(len(content), etag, answer.get("VersionId"))


def _put(
    s3: Route,
    content: bytes,
    digest: bytes,
    target: ObjectId,
    options: UploadOptions,
) -> Mapping[str, Any]:
    connection = s3.connection
    etags = EtagCheck(connection.endpoint, connection.learned)
    condition = _condition(options)

    def send() -> Mapping[str, Any]:
        answer = s3.wire.put_object(
            content,
            Bucket=target.bucket,
            Key=target.key,
            ContentMD5=integrity.content_md5_header(digest),
            **_headers(options),
            **condition,
        )
        if condition and answer.get("ETag"):
            # Now this upload's own object is stored: sent again, it may replace that alone.
            condition.clear()
            condition["IfMatch"] = answer["ETag"]
        _check_is_from_s3(answer)
        if not etags.accepts(digest.hex(), answer):
            raise _stored_otherwise(digest.hex(), answer)
        return answer

    try:
        return persistently(send, operation="PutObject", total_attempts=connection.total_attempts)
    except (ClientError, BotoCoreError) as error:
        # An earlier attempt may have stored the object, and its answer been lost.
        stored = _stored_after_all(connection, target, digest.hex(), error)
        if stored is None:
            raise
        return stored


class MultipartUpload:
    """The upload of one large file."""

    def __init__(
        self,
        s3: Route,
        source: SourceFile,
        target: ObjectId,
        options: UploadOptions,
        transfer: TransferConfig,
        threads: PartThreads,
        progress: ProgressCallback | None,
    ) -> None:
        self._connection = s3.connection
        self._wire = s3.wire
        self._source = source
        self._target = target
        self._options = options
        self._part_size_bytes = part_size_for(source.size_bytes, transfer.part_size_bytes)
        self._threads = threads
        self._progress = Progress(source.size_bytes, progress)
        self._names: dict[str, Any] = {"Bucket": target.bucket, "Key": target.key}

    def run(self) -> Transferred:
        """Send the parts and join them; whatever fails, no unfinished upload stays."""
        refuse_if_taken(self._connection, self._target, self._options)
        with _failures_told(self._source, self._target):
            upload = self._start()
            try:
                parts = self._send_parts(upload)
                return self._complete(upload, parts)
            except BaseException:
                self._abort(upload)
                raise

    def _start(self) -> dict[str, Any]:
        return persistently(
            self._start_once,
            operation="CreateMultipartUpload",
            total_attempts=self._connection.total_attempts,
        )

    def _start_once(self) -> dict[str, Any]:
        started: Mapping[str, Any] = self._connection.client.create_multipart_upload(
            **self._names, **_headers(self._options)
        )
        if not started.get("UploadId"):
            message = "the server took the request, but started no upload"
            raise DamagedError(message)
        return {**self._names, "UploadId": started["UploadId"]}

    def _send_parts(self, upload: Mapping[str, Any]) -> list[_Part]:
        ranges = list(split_into_ranges(0, self._source.size_bytes, self._part_size_bytes))
        calls = [
            functools.partial(self._send_part, upload, number, part)
            for number, part in enumerate(ranges, start=1)
        ]
        with in_threads(self._threads, calls) as jobs:
            parts = results_of(jobs)
        _settle(self._source, {ranges[part.number - 1]: part.digest for part in parts})
        return parts

    def _send_part(self, upload: Mapping[str, Any], number: int, part: ByteRange) -> _Part:
        content = self._source.read(part)
        digest = integrity.md5_digest(content)
        etags = EtagCheck(self._connection.endpoint, self._connection.learned)

        def send() -> _Part:
            answer = self._wire.upload_part(
                content,
                **upload,
                PartNumber=number,
                ContentMD5=integrity.content_md5_header(digest),
            )
            if not etags.accepts(digest.hex(), answer):
                raise _stored_otherwise(digest.hex(), answer)
            if not answer.get("ETag"):  # without it, S3 could not join the parts
                message = f"S3 gave part {number} no ETag"
                raise DamagedError(message)
            return _Part(number, answer["ETag"], digest)

        sent = persistently(
            send, operation="UploadPart", total_attempts=self._connection.total_attempts
        )
        self._progress.add(part.size)
        return sent

    def _complete(self, upload: Mapping[str, Any], parts: list[_Part]) -> Transferred:
        expected_etag = integrity.multipart_etag(part.digest for part in parts)
        numbered: list[CompletedPartTypeDef] = [
            {"PartNumber": part.number, "ETag": part.etag} for part in parts
        ]
        times_sent = 0

        def send() -> Mapping[str, Any]:
            nonlocal times_sent
            times_sent += 1
            answer: Mapping[str, Any] = self._connection.client.complete_multipart_upload(
                **upload, MultipartUpload={"Parts": numbered}, **_condition(self._options)
            )
            if not (answer.get("Key") or answer.get("Bucket")):  # Ceph 16 may leave out the ETag
                _check_is_from_s3(answer)
            return answer

        try:
            answer = persistently(
                send,
                operation="CompleteMultipartUpload",
                total_attempts=self._connection.total_attempts,
            )
        except (ClientError, BotoCoreError, DamagedError) as error:
            # The upload may be complete, and only the answer that said so be lost.
            stored = _stored_after_all(
                self._connection, self._target, expected_etag, error, is_retry=times_sent > 1
            )
            if stored is None:
                raise
            answer = stored
            if not isinstance(error, ClientError):
                # Perhaps it is stored from before, and the parts still wait.
                self._abort(upload)
        # Every part was compared by itself, so that doubt may rest here.
        if etag_verdict(expected_etag, answer, self._connection.endpoint) == "different":
            raise _stored_otherwise(expected_etag, answer)
        etag = integrity.unquoted(answer.get("ETag"))
        return Transferred(self._source.size_bytes, etag, answer.get("VersionId"))

    def _abort(self, upload: Mapping[str, Any]) -> None:
        """Give back what S3 keeps, and bills, of an unfinished upload."""
        try:
            self._connection.client.abort_multipart_upload(**upload)
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and _code_of(error) == "NoSuchUpload":
                return  # there is nothing to give back any more
            # The first failure is the one to tell; the bucket's lifecycle rule aborts the rest.
            logger.warning("could not abort the upload of %r: %s", self._target.key, error)


def _settle(source: SourceFile, digests: Mapping[ByteRange, bytes]) -> None:
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
    if options.if_exists == "overwrite" or _head(connection, target) is None:
        return
    raise S3ConflictError(
        f"Cannot upload {target.key!r} to bucket {target.bucket!r}: the object exists already.",
        code="PreconditionFailed",
        operation="upload",
        bucket=target.bucket,
        key=target.key,
        suggestion="Use another key, or if_exists='overwrite'.",
    )


def _head(connection: Connection, target: ObjectId) -> Mapping[str, Any] | None:
    try:
        return connection.client.head_object(Bucket=target.bucket, Key=target.key)
    except ClientError as error:
        if _code_of(error) in {"404", "NoSuchKey"}:
            return None
        raise


def _stored_after_all(
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
        found = _head(connection, target)
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
    return was_sent_before and _code_of(error) in {"NoSuchUpload", "PreconditionFailed"}


def _code_of(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def _check_is_from_s3(answer: Mapping[str, Any]) -> None:
    """Refuse what a proxy's login page says in S3's place: S3 tells an ETag of all it stores."""
    if not answer.get("ETag"):
        message = "the answer has no ETag, so it is not S3's"
        raise DamagedError(message)


def _stored_otherwise(expected: str, answer: Mapping[str, Any]) -> DamagedError:
    return DamagedError(
        f"S3 stored other bytes than were sent (ETag {answer['ETag']}, not {expected})"
    )


def _condition(options: UploadOptions) -> dict[str, Any]:
    return {"IfNoneMatch": "*"} if options.if_exists == "fail" else {}


def _headers(options: UploadOptions) -> dict[str, Any]:
    """How the object is to be stored, in the words of PutObject and CreateMultipartUpload."""
    headers: dict[str, Any] = {"ContentType": options.content_type}
    if options.metadata:
        headers["Metadata"] = dict(options.metadata)
    if options.tags:
        # %20, not +, for a blank: Ceph 16 takes the + for a +.
        headers["Tagging"] = urlencode(options.tags, quote_via=quote)
    return headers
