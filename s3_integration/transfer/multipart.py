"""Uploads of large files: parts, each checked, that S3 joins in the end."""

from __future__ import annotations

import contextlib
import logging
import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from s3_integration.transfer import integrity, resume
from s3_integration.transfer.engine import Transferred
from s3_integration.transfer.integrity import DamagedError, EtagCheck, etag_verdict
from s3_integration.transfer.parts import in_threads, results_of
from s3_integration.transfer.persistence import persistently
from s3_integration.transfer.progress import Progress
from s3_integration.transfer.resume import UploadFacts
from s3_integration.transfer.stored import (
    check_is_from_s3,
    failures_told,
    head_of,
    refuse_if_taken,
    settle,
    storage_parameters,
    stored_after_all,
    stored_otherwise,
    write_condition,
)
from s3_integration.transfer.unfinished import Continuation, abort_upload
from s3_integration.utils import ByteRange, part_size_for, split_into_ranges

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

    from s3_integration.config import TransferConfig
    from s3_integration.models import ProgressCallback
    from s3_integration.transfer.engine import ObjectId, UploadOptions
    from s3_integration.transfer.local import SourceFile
    from s3_integration.transfer.parts import PartThreads
    from s3_integration.transfer.resume import FoundPart
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
        self._resume_threshold_bytes = transfer.resume_threshold_bytes
        self._progress = Progress(source.size_bytes, progress)
        self._names: dict[str, Any] = {"Bucket": target.bucket, "Key": target.key}

    def run(self) -> Transferred:
        """Send the parts and join them; only a kill leaves an unfinished upload."""
        memory = Continuation(self._connection, self._facts())
        with failures_told(self._source, self._target), contextlib.closing(memory):
            if self._source.size_bytes >= self._resume_threshold_bytes:
                memory.look_back()
            stored = self._stored_already(memory)
            return stored or self._run(memory)

    def _run(self, memory: Continuation) -> Transferred:
        upload = self._named(memory.upload_id) if memory.upload_id else None
        try:
            refuse_if_taken(self._connection, self._target, self._options)
            upload = upload or self._start(memory)
            parts = self._send_parts(upload, memory.parts)
            memory.note_completing()
            done = self._complete(upload, parts)
        except BaseException as error:
            # Where S3 did not say whether it started one, the next run looks for it.
            if self._abort(upload) if upload else isinstance(error, ClientError):
                memory.forget()
            raise
        memory.forget()
        return done

    def _facts(self) -> UploadFacts:
        return UploadFacts(
            endpoint_url=self._connection.client.meta.endpoint_url,
            bucket=self._target.bucket,
            key=self._target.key,
            path=str(self._source.path.absolute()),
            size_bytes=self._source.size_bytes,
            mtime_ns=self._source.mtime_ns,
            inode=os.fstat(self._source.descriptor).st_ino,
            part_size_bytes=self._part_size_bytes,
            parameters_digest=resume.digest_of_parameters(storage_parameters(self._options)),
        )

    def _start(self, memory: Continuation) -> dict[str, Any]:
        memory.expect_start()
        upload = persistently(
            self._start_once,
            operation="CreateMultipartUpload",
            total_attempts=self._connection.total_attempts,
        )
        memory.note_start(upload["UploadId"])
        return upload

    def _named(self, upload_id: str) -> dict[str, Any]:
        return {**self._names, "UploadId": upload_id}

    def _start_once(self) -> dict[str, Any]:
        started: Mapping[str, Any] = self._connection.client.create_multipart_upload(
            **self._names, **storage_parameters(self._options)
        )
        if not started.get("UploadId"):
            message = "the server took the request, but started no upload"
            raise DamagedError(message)
        return self._named(started["UploadId"])

    def _send_parts(self, upload: Mapping[str, Any], there: Mapping[int, FoundPart]) -> list[_Part]:
        ranges = list(split_into_ranges(0, self._source.size_bytes, self._part_size_bytes))
        calls = [
            partial(self._send_part, upload, number, part, there.get(number))
            for number, part in enumerate(ranges, start=1)
        ]
        with in_threads(self._threads, calls) as jobs:
            parts = results_of(jobs)
        settle(self._source, {ranges[part.number - 1]: part.digest for part in parts})
        return parts

    def _send_part(
        self, upload: Mapping[str, Any], number: int, part: ByteRange, there: FoundPart | None
    ) -> _Part:
        content = self._source.read(part)
        digest = integrity.md5_digest(content)
        if there and resume.is_same_part(there, part.size, digest.hex()):
            self._progress.add(part.size)
            return _Part(number, there.etag, digest)
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

    def _abort(self, upload: Mapping[str, Any]) -> bool:
        return abort_upload(
            self._connection, self._target.bucket, self._target.key, upload["UploadId"]
        )

    def _stored_already(self, memory: Continuation) -> Transferred | None:
        """What is stored, where a process was killed after the end of its upload."""
        if memory.stored_since is None:
            return None
        ranges = list(split_into_ranges(0, self._source.size_bytes, self._part_size_bytes))
        with in_threads(self._threads, [partial(self._digest, part) for part in ranges]) as jobs:
            digests = results_of(jobs)
        settle(self._source, dict(zip(ranges, digests, strict=True)))
        etag = integrity.multipart_etag(digests)
        found = head_of(self._connection, self._target)
        memory.forget()
        parameters = storage_parameters(self._options)
        if not found or not resume.is_stored_by(found, etag, parameters, memory.stored_since):
            return None
        logger.info("%r is stored: only its process was killed", self._target.key)
        self._progress.add(self._source.size_bytes)
        return Transferred(self._source.size_bytes, etag, found.get("VersionId"))

    def _digest(self, part: ByteRange) -> bytes:
        return integrity.md5_digest(self._source.read(part))
