"""Uploads of large files: parts, each checked, that S3 joins in the end."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from s3_integration.aws.retries import no_retries
from s3_integration.exceptions import S3UploadError
from s3_integration.transfer import checksums, integrity, resume
from s3_integration.transfer.encrypted import check_start
from s3_integration.transfer.engine import Transferred
from s3_integration.transfer.integrity import DamagedError
from s3_integration.transfer.parts import in_threads, results_of
from s3_integration.transfer.persistence import persistently
from s3_integration.transfer.progress import Progress
from s3_integration.transfer.proof import (
    ALGORITHM,
    WHOLE_OBJECT,
    WRONG_CHECKSUM,
    Piece,
    checksums_to_send,
    is_mismatch,
    may_refuse_checksums,
)
from s3_integration.transfer.resume import UploadFacts
from s3_integration.transfer.stored import (
    Expected,
    code_of,
    failures_told,
    head_of,
    refuse_if_taken,
    settle,
    storage_parameters,
    stored_after_all,
    write_condition,
)
from s3_integration.transfer.unfinished import Continuation, abort_upload
from s3_integration.utils import MIB, part_size_for, split_into_ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from s3_integration.config import TransferConfig
    from s3_integration.models import ProgressCallback
    from s3_integration.transfer.engine import ObjectId, UploadOptions
    from s3_integration.transfer.local import SourceFile
    from s3_integration.transfer.parts import PartThreads
    from s3_integration.transfer.proof import ChecksumsSent
    from s3_integration.transfer.resume import FoundPart
    from s3_integration.transfer.wires import Route
    from s3_integration.utils import ByteRange

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Part:
    """One part that S3 has taken."""

    number: int
    where: ByteRange
    etag: str
    fingerprint: int


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
        learned = s3.connection.learned
        self._sent: ChecksumsSent = checksums_to_send(s3.connection.endpoint, learned)

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
            done = self._join(upload, parts)
        except BaseException as error:
            # Where S3 did not say whether it started one, the next run looks for it.
            if self._abort(upload) if upload else isinstance(error, ClientError | S3UploadError):
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
            parameters_digest=resume.digest_of_parameters(
                storage_parameters(self._options)
                | dict(self._connection.terms.of_storing)
                | self._algorithm()
            ),
        )

    def _algorithm(self) -> dict[str, str]:
        """What CreateMultipartUpload is told of the parts' checksums; they have to keep to it."""
        return {} if self._sent == "md5" else {**ALGORITHM, **WHOLE_OBJECT}

    def _start(self, memory: Continuation) -> dict[str, Any]:
        memory.expect_start()
        if self._connection.learned.checksums == "repeated":
            self._find_out_about_checksums()
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
        started = self._ask_to_start()
        if not started.get("UploadId"):
            message = "the server took the request, but started no upload"
            raise DamagedError(message)
        check_start(self._connection, self._target, started)
        return self._named(started["UploadId"])

    def _ask_to_start(self) -> Mapping[str, Any]:
        create: Callable[..., Mapping[str, Any]] = partial(
            self._connection.client.create_multipart_upload,
            **self._names,
            **storage_parameters(self._options),
        )
        try:
            return create(**self._algorithm())
        except ClientError as error:
            if self._sent == "md5" or not may_refuse_checksums(error):
                raise
            started = create()
        self._sent = "md5"
        self._connection.learned.checksums = "refused"
        return started

    def _find_out_about_checksums(self) -> None:
        """Learn whether the server verifies what it repeats, by a byte with a wrong checksum.

        It goes to an upload of its own, since some servers give up one whose part was damaged.
        """
        learned = self._connection.learned
        upload = self._named(self._start_once()["UploadId"])
        try:
            with no_retries():
                self._wire.upload_part(b"?", **upload, PartNumber=1, **WRONG_CHECKSUM)
            learned.checksums = "believed"
        except ClientError as error:
            learned.checksums = "verified" if is_mismatch(error) else "believed"
        except BotoCoreError as error:
            logger.info("whether the server verifies checksums stays unknown: %s", error)
        finally:
            self._abort(upload)
        self._sent = checksums_to_send(self._connection.endpoint, learned)

    def _send_parts(self, upload: Mapping[str, Any], there: Mapping[int, FoundPart]) -> list[_Part]:
        ranges = split_into_ranges(0, self._source.size_bytes, self._part_size_bytes)
        calls = [
            partial(self._send_part, upload, number, part, there.get(number))
            for number, part in enumerate(ranges, start=1)
        ]
        return self._settled(calls)

    def _settled(self, calls: Sequence[Callable[[], _Part]]) -> list[_Part]:
        with in_threads(self._threads, calls) as jobs:
            parts = results_of(jobs)
        settle(self._source, {part.where: part.fingerprint for part in parts})
        return parts

    def _send_part(
        self, upload: Mapping[str, Any], number: int, where: ByteRange, there: FoundPart | None
    ) -> _Part:
        piece = Piece(self._connection, self._source.read(where), self._sent)
        if there and piece.is_same(there):
            sent = _Part(number, where, there.etag, piece.fingerprint)
        else:
            sent = self._store_part(upload, number, where, piece)
        self._progress.add(where.size)
        return sent

    def _store_part(
        self, upload: Mapping[str, Any], number: int, where: ByteRange, piece: Piece
    ) -> _Part:
        def put(**told: Any) -> Mapping[str, Any]:
            return self._wire.upload_part(piece.content, **upload, PartNumber=number, **told)

        def send() -> _Part:
            return _Part(number, where, piece.stored_by(put)["ETag"], piece.fingerprint)

        return persistently(
            send, operation="UploadPart", total_attempts=self._connection.total_attempts
        )

    def _join(self, upload: Mapping[str, Any], parts: list[_Part]) -> Transferred:
        """Let S3 join the parts; where it knows one by another ETag, send that again.

        Where checksums prove a part, its ETag is believed, and that may have come damaged.
        """
        try:
            return self._complete(upload, parts)
        except ClientError as error:
            if code_of(error) != "InvalidPart" or self._sent != "crc64nvme":
                raise
            mended = self._settled([partial(self._mended, upload, part) for part in parts])
            if mended == parts:
                raise
        return self._complete(upload, mended)

    def _mended(self, upload: Mapping[str, Any], part: _Part) -> _Part:
        """The part as it is, or sent again where its ETag is not the MD5 of its bytes."""
        piece = Piece(self._connection, self._source.read(part.where), "both")
        if integrity.unquoted(part.etag) == piece.md5_hex():
            return part
        return self._store_part(upload, part.number, part.where, piece)

    def _complete(self, upload: Mapping[str, Any], parts: list[_Part]) -> Transferred:
        expected = self._expected(parts)
        completion = self._completion(parts, expected)
        times_sent = 0

        def send() -> Mapping[str, Any]:
            nonlocal times_sent
            times_sent += 1
            answer: Mapping[str, Any] = self._connection.client.complete_multipart_upload(
                **upload, **completion, **write_condition(self._options)
            )
            if not (answer.get("Key") or answer.get("Bucket")):  # Ceph 16 may leave out the ETag
                integrity.check_is_from_s3(answer)
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
                self._connection, self._target, expected, error, is_retry=times_sent > 1
            )
            if stored is None:
                raise
            answer = stored
            if not isinstance(error, ClientError):
                # Perhaps it is stored from before, and the parts still wait.
                self._abort(upload)
        expected.check_joined(answer, self._connection.endpoint)
        etag = integrity.unquoted(answer.get("ETag"))
        return Transferred(self._source.size_bytes, etag, answer.get("VersionId"))

    def _completion(self, parts: list[_Part], expected: Expected) -> dict[str, Any]:
        """What CompleteMultipartUpload says of the parts, and of what they become."""
        numbered: list[dict[str, Any]] = [
            {"PartNumber": part.number, "ETag": part.etag} for part in parts
        ]
        if not expected.checksum:
            return {"MultipartUpload": {"Parts": numbered}}
        for told, part in zip(numbered, parts, strict=True):
            told[checksums.FIELD] = checksums.as_text(part.fingerprint)
        return {
            "MultipartUpload": {"Parts": numbered},
            checksums.FIELD: expected.checksum,
            **WHOLE_OBJECT,
            "MpuObjectSize": expected.size_bytes,
        }

    def _expected(self, parts: list[_Part]) -> Expected:
        checksum = ""
        if self._sent != "md5":
            pieces = ((part.fingerprint, part.where.size) for part in parts)
            checksum = checksums.as_text(checksums.joined(pieces))
        return Expected(
            size_bytes=self._source.size_bytes,
            checksum=checksum,
            md5_of_whole=self._md5_of_source,
            etag_of_parts=integrity.etag_of_parts(part.etag for part in parts),
        )

    def _md5_of_source(self) -> str:
        found = hashlib.md5(usedforsecurity=False)
        for where in split_into_ranges(0, self._source.size_bytes, MIB):
            found.update(self._source.read(where))
        return found.hexdigest()

    def _abort(self, upload: Mapping[str, Any]) -> bool:
        return abort_upload(
            self._connection, self._target.bucket, self._target.key, upload["UploadId"]
        )

    def _stored_already(self, memory: Continuation) -> Transferred | None:
        """What is stored, where a process was killed after the end of its upload."""
        if memory.stored_since is None:
            return None
        ranges = list(split_into_ranges(0, self._source.size_bytes, self._part_size_bytes))
        calls = [partial(self._read_part, number, part) for number, part in enumerate(ranges)]
        etag = integrity.etag_of_parts(part.etag for part in self._settled(calls))
        found = head_of(self._connection, self._target)
        memory.forget()
        parameters = storage_parameters(self._options)
        if not found or not resume.is_stored_by(found, etag, parameters, memory.stored_since):
            return None
        logger.info("%r is stored: only its process was killed", self._target.key)
        self._progress.add(self._source.size_bytes)
        return Transferred(self._source.size_bytes, etag, found.get("VersionId"))

    def _read_part(self, number: int, where: ByteRange) -> _Part:
        """A part with the ETag that it should have."""
        piece = Piece(self._connection, self._source.read(where), self._sent)
        return _Part(number, where, piece.md5_hex(), piece.fingerprint)
