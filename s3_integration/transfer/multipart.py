"""Uploads of large files: parts, each checked, that S3 joins in the end."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from s3_integration.transfer import integrity
from s3_integration.transfer.engine import Transferred
from s3_integration.transfer.integrity import DamagedError, EtagCheck, etag_verdict
from s3_integration.transfer.parts import in_threads, results_of
from s3_integration.transfer.persistence import persistently
from s3_integration.transfer.progress import Progress
from s3_integration.transfer.stored import (
    check_is_from_s3,
    code_of,
    failures_told,
    refuse_if_taken,
    settle,
    storage_parameters,
    stored_after_all,
    stored_otherwise,
    write_condition,
)
from s3_integration.utils import ByteRange, part_size_for, split_into_ranges

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

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
        with failures_told(self._source, self._target):
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
            **self._names, **storage_parameters(self._options)
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
        settle(self._source, {ranges[part.number - 1]: part.digest for part in parts})
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
            check_is_from_s3(answer)  # and without its ETag, S3 could not join the parts
            if not etags.accepts(digest.hex(), answer):
                raise stored_otherwise(digest.hex(), answer)
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
                **upload, MultipartUpload={"Parts": numbered}, **write_condition(self._options)
            )
            if not (answer.get("Key") or answer.get("Bucket")):  # Ceph 16 may leave out the ETag
                check_is_from_s3(answer)
            return answer

        try:
            answer = persistently(
                send,
                operation="CompleteMultipartUpload",
                total_attempts=self._connection.total_attempts,
            )
        except (ClientError, BotoCoreError, DamagedError) as error:
            # The upload may be complete, and only the answer that said so be lost.
            stored = stored_after_all(
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
            raise stored_otherwise(expected_etag, answer)
        etag = integrity.unquoted(answer.get("ETag"))
        return Transferred(self._source.size_bytes, etag, answer.get("VersionId"))

    def _abort(self, upload: Mapping[str, Any]) -> None:
        """Give back what S3 keeps, and bills, of an unfinished upload."""
        try:
            self._connection.client.abort_multipart_upload(**upload)
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and code_of(error) == "NoSuchUpload":
                return  # there is nothing to give back any more
            # The first failure is the one to tell; the bucket's lifecycle rule aborts the rest.
            logger.warning("could not abort the upload of %r: %s", self._target.key, error)
