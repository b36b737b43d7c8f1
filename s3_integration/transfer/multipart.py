"""Uploads of large files: parts, each checked, that S3 joins in the end."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from s3_integration.exceptions import S3UploadError
from s3_integration.transfer import checksums, integrity, resume
from s3_integration.transfer.engine import Transferred
from s3_integration.transfer.joining import Part, checksum_of, join_parts
from s3_integration.transfer.parts import in_threads, results_of
from s3_integration.transfer.persistence import persistently
from s3_integration.transfer.progress import Progress
from s3_integration.transfer.proof import Piece, checksums_to_send, fingerprint
from s3_integration.transfer.resume import UploadFacts
from s3_integration.transfer.starting import prove_checksums, start_upload
from s3_integration.transfer.stored import (
    Expected,
    code_of,
    failures_told,
    head_of,
    refuse_if_taken,
    settle,
    storage_parameters,
)
from s3_integration.transfer.unfinished import (
    Continuation,
    RefusedError,
    abort_upload,
    parts_of,
)
from s3_integration.utils import MIB, part_size_for, split_into_ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from s3_integration.config import TransferConfig
    from s3_integration.models import ProgressCallback
    from s3_integration.transfer.engine import ObjectId, UploadOptions
    from s3_integration.transfer.parts import PartThreads
    from s3_integration.transfer.proof import ChecksumsSent
    from s3_integration.transfer.resume import FoundPart
    from s3_integration.transfer.sources import Source
    from s3_integration.transfer.wires import Route
    from s3_integration.utils import ByteRange

logger = logging.getLogger(__name__)

Judged = TypeVar("Judged")


class MultipartUpload:
    """The upload of one large file."""

    def __init__(
        self,
        s3: Route,
        source: Source,
        target: ObjectId,
        options: UploadOptions,
        transfer: TransferConfig,
        threads: PartThreads,
        progress: ProgressCallback | None,
    ) -> None:
        self._route = s3
        self._connection = s3.connection
        self._source = source
        self._target = target
        self._options = options
        self._part_size_bytes = part_size_for(source.size_bytes, transfer.part_size_bytes)
        self._threads = threads
        self._resume_threshold_bytes = transfer.resume_threshold_bytes
        self._progress = Progress(source.size_bytes, progress)
        self._upload_id = ""
        self._agreed: ChecksumsSent = "md5"
        """What the parts were going to carry when the upload was started."""

    def run(self) -> Transferred:
        """Send the parts and join them; only a kill leaves an unfinished upload."""
        memory = Continuation(self._connection, self._facts())
        with failures_told(self._source, self._target, self._options), contextlib.closing(memory):
            if self._source.size_bytes >= self._resume_threshold_bytes:
                memory.look_back()
            stored = self._stored_already(memory)
            return stored or self._run(memory)

    def _run(self, memory: Continuation) -> Transferred:
        self._upload_id = memory.upload_id
        try:
            refuse_if_taken(self._connection, self._target, self._options)
            if self._upload_id:
                self._agreed = self._agreed_before(memory)
            else:
                self._start(memory)
            parts = self._send_parts(memory.parts)
            memory.note_completing()
            answer = self._join(parts)
        except BaseException as error:
            # Where S3 did not say whether it started one, the next run looks for it.
            is_refused = isinstance(error, ClientError | S3UploadError)
            if self._abort() if self._upload_id else is_refused:
                memory.forget()
            raise
        memory.forget()
        return self._transferred(answer)

    def _facts(self) -> UploadFacts:
        return UploadFacts(
            endpoint_url=self._connection.client.meta.endpoint_url,
            bucket=self._target.bucket,
            key=self._target.key,
            size_bytes=self._source.size_bytes,
            **self._source.identity._asdict(),
            part_size_bytes=self._part_size_bytes,
            parameters_digest=resume.digest_of_parameters(
                storage_parameters(self._options) | dict(self._connection.terms.of_storing)
            ),
        )

    def _start(self, memory: Continuation) -> None:
        memory.expect_start()
        prove_checksums(self._route, self._target, self._options)
        started = start_upload(self._connection, self._target, self._options, self._to_send())
        self._upload_id, self._agreed = started.upload_id, started.sent
        algorithm = "" if started.sent == "md5" else checksums.ALGORITHM
        memory.note_start(self._upload_id, algorithm)

    def _agreed_before(self, memory: Continuation) -> ChecksumsSent:
        """What the upload's further parts have to carry; CreateMultipartUpload has fixed it."""
        if not memory.checksum_algorithm:
            return "md5"
        return "crc64nvme" if self._to_send() == "crc64nvme" else "both"

    def _to_send(self) -> ChecksumsSent:
        return checksums_to_send(self._connection.endpoint, self._connection.learned)

    def _send_parts(self, there: Mapping[int, FoundPart]) -> list[Part]:
        calls = [
            partial(self._send_part, number, where, there.get(number))
            for number, where in enumerate(self._ranges(), start=1)
        ]
        with in_threads(self._threads, calls) as jobs:
            parts = results_of(jobs)
        settle(self._source, {part.where: part.fingerprint for part in parts})
        return parts

    def _ranges(self) -> list[ByteRange]:
        return list(split_into_ranges(0, self._source.size_bytes, self._part_size_bytes))

    def _send_part(self, number: int, where: ByteRange, there: FoundPart | None) -> Part:
        piece = Piece(self._connection, self._source.read(where), self._sent())
        if there and resume.is_same_part(there, where.size, piece.verified_checksum, piece.md5_hex):
            etag = there.etag
        else:
            etag = self._stored(piece, number)
        self._progress.add(where.size)
        return Part(number, where, etag, piece.fingerprint)

    def _sent(self) -> ChecksumsSent:
        """What the next part is to carry: nothing that one before it was refused for."""
        return "md5" if self._connection.learned.checksums == "refused" else self._agreed

    def _stored(self, piece: Piece, number: int) -> str:
        """The ETag of a part that is stored now."""

        def put(**checksums: Any) -> Mapping[str, Any]:
            return self._route.wire.upload_part(
                piece.content,
                Bucket=self._target.bucket,
                Key=self._target.key,
                UploadId=self._upload_id,
                PartNumber=number,
                **checksums,
            )

        answer = persistently(
            partial(piece.stored_by, put),
            operation="UploadPart",
            total_attempts=self._connection.total_attempts,
        )
        return str(answer["ETag"])

    def _join(self, parts: list[Part]) -> Mapping[str, Any]:
        try:
            return self._join_once(parts)
        except ClientError as error:
            if code_of(error) != "InvalidPart":
                raise
            # Where checksums prove parts, their ETags are believed; one may have come damaged.
            mended = self._mended(parts)
            if mended == parts:
                raise
        return self._join_once(mended)

    def _mended(self, parts: list[Part]) -> list[Part]:
        """The parts as S3 has them; what it lacks is sent again."""
        names = (self._target.bucket, self._target.key, self._upload_id)
        try:
            there = parts_of(self._connection, *names)
        except RefusedError as error:
            logger.info("cannot see which parts of %r are there: %s", self._target.key, error)
            return parts
        told = {part.number: integrity.unquoted(part.etag) for part in parts}
        if told == {number: part.etag for number, part in (there or {}).items()}:
            return parts
        self._progress = Progress(self._source.size_bytes, None)  # it was told of before
        return self._send_parts(there or {})

    def _join_once(self, parts: list[Part]) -> Mapping[str, Any]:
        expected = Expected(
            size_bytes=self._source.size_bytes,
            checksum=self._checksum({part.where: part.fingerprint for part in parts}),
            etag=lambda: integrity.etag_of_parts(part.etag for part in parts),
            md5_of_whole=self._md5_of_source,
        )
        return join_parts(
            self._connection, self._target, self._options, self._upload_id, parts, expected
        )

    def _checksum(self, fingerprints: Mapping[ByteRange, int]) -> str:
        """That of the whole; "" where the server is told none."""
        return "" if self._sent() == "md5" else checksum_of(fingerprints.items())

    def _md5_of_source(self) -> str:
        found = hashlib.md5(usedforsecurity=False)
        for where in split_into_ranges(0, self._source.size_bytes, MIB):
            found.update(self._source.read(where))
        return found.hexdigest()

    def _transferred(self, answer: Mapping[str, Any]) -> Transferred:
        etag = integrity.unquoted(answer.get("ETag"))
        return Transferred(self._source.size_bytes, etag, answer.get("VersionId"), answer)

    def _abort(self) -> bool:
        names = (self._target.bucket, self._target.key, self._upload_id)
        return abort_upload(self._connection, *names)

    def _stored_already(self, memory: Continuation) -> Transferred | None:
        """What is stored, where a process was killed after the end of its upload."""
        if memory.stored_since is None:
            return None
        expected = self._expected_from_source(memory)
        found = head_of(self._connection, self._target, with_checksum=bool(expected.checksum))
        memory.forget()
        parameters = storage_parameters(self._options)
        if not found or not resume.is_stored_by(found, parameters, memory.stored_since):
            return None
        if not expected.is_in(found, self._connection.endpoint):
            return None
        self._source.check_unchanged()
        logger.info("%r is stored: only its process was killed", self._target.key)
        self._progress.add(self._source.size_bytes)
        return self._transferred(found)

    def _expected_from_source(self, memory: Continuation) -> Expected:
        self._agreed = self._agreed_before(memory)
        fingerprints = dict(zip(self._ranges(), self._of_all_parts(fingerprint), strict=True))
        settle(self._source, fingerprints)
        return Expected(
            size_bytes=self._source.size_bytes,
            checksum=self._checksum(fingerprints),
            etag=lambda: integrity.multipart_etag(self._of_all_parts(integrity.md5_digest)),
            md5_of_whole=self._md5_of_source,
            checksum_decides=self._sent() == "crc64nvme",
        )

    def _of_all_parts(self, judge: Callable[[bytes], Judged]) -> list[Judged]:
        calls = [partial(self._of_part, judge, where) for where in self._ranges()]
        with in_threads(self._threads, calls) as jobs:
            return results_of(jobs)

    def _of_part(self, judge: Callable[[bytes], Judged], where: ByteRange) -> Judged:
        return judge(self._source.read(where))
