"""Downloads: ranges of one version, written beside the destination."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import threading
from concurrent.futures import CancelledError
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from s3_integration.exceptions import S3ConflictError, S3DownloadError
from s3_integration.transfer import checksums, integrity, resume
from s3_integration.transfer.checksums import Pieces
from s3_integration.transfer.engine import Transferred
from s3_integration.transfer.integrity import DamagedError, EtagCheck, etag_verdict
from s3_integration.transfer.notes import content_of
from s3_integration.transfer.partial import PartialFile, may_have_leftover, partial_file
from s3_integration.transfer.parts import in_threads, results_of
from s3_integration.transfer.persistence import persistently
from s3_integration.transfer.progress import Progress
from s3_integration.transfer.streams import FirstBody, Streams, usable_cores
from s3_integration.transfer.turns import end_turn
from s3_integration.utils import MIB, ByteRange, split_into_ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from s3_integration.config import TransferConfig
    from s3_integration.models import ProgressCallback
    from s3_integration.transfer.engine import ObjectId
    from s3_integration.transfer.folders import Destination
    from s3_integration.transfer.notes import Content
    from s3_integration.transfer.parts import PartThreads
    from s3_integration.transfer.wire import Body
    from s3_integration.transfer.wires import Route

logger = logging.getLogger(__name__)

_BUFFER_BYTES = MIB
_REPLACED = "the object was replaced meanwhile"
_DAMAGED = "what arrived does not have the object's checksum"
_GONE_CODES = frozenset({"PreconditionFailed", "412", "NoSuchKey", "NoSuchVersion", "404"})

_MOST_STARTS = 3
"""How often a download begins anew when the object is replaced under it."""


class _StartAgainError(Exception):
    """What has been fetched is of no use: the object is another one now."""

    in_the_end: type[S3ConflictError | S3DownloadError] = S3ConflictError
    """What it is to the caller where starting again did not help."""


class _WrongChecksumError(_StartAgainError):
    """What has been fetched is of no use: it was damaged."""

    in_the_end = S3DownloadError


@dataclass(frozen=True, slots=True)
class _Version:
    """What all ranges have to agree on."""

    size_bytes: int
    etag: str
    version_id: str | None
    answer: Mapping[str, Any]
    """The first answer, whose head tells what its ETag is worth."""


class Download:
    """The download of one object."""

    def __init__(
        self,
        s3: Route,
        source: ObjectId,
        destination: Destination,
        transfer: TransferConfig,
        threads: PartThreads,
        progress: ProgressCallback | None,
    ) -> None:
        self._source = source
        self._destination = destination
        self._transfer = transfer
        self._threads = threads
        self._progress = progress
        self._connection = s3.connection
        self._requests = _Requests(s3, source)
        self._etags = EtagCheck(s3.connection.endpoint, s3.connection.learned)

    def run(self) -> Transferred:
        """Fetch the object, again from the start if it is replaced meanwhile."""
        failure = _StartAgainError()
        for _ in range(_MOST_STARTS):
            try:
                return self._fetch_one_version()
            except _StartAgainError as error:
                failure = error
                logger.info("starting the download of %r again: %s", self._source.key, error)
            except DamagedError as error:
                raise self._failed(S3DownloadError, str(error)) from error
        raise self._failed(failure.in_the_end, f"{failure}, {_MOST_STARTS} times in a row")

    def _failed(
        self, error_class: type[S3ConflictError | S3DownloadError], why: str
    ) -> S3ConflictError | S3DownloadError:
        return error_class(
            f"Cannot download {self._source.key!r} from bucket {self._source.bucket!r}: {why}.",
            operation="download",
            bucket=self._source.bucket,
            key=self._source.key,
            suggestion="Try again; if it goes on, look for what changes object or answers.",
            retryable=True,
        )

    def _fetch_one_version(self) -> Transferred:
        # Where a killed download may have left the rest, the first answer need only tell of it.
        is_left = may_have_leftover(self._destination)
        first = ByteRange(0, 1 if is_left else self._transfer.multipart_threshold_bytes)
        body, version = self._requests.ask_first(first)
        first = ByteRange(0, min(first.stop, version.size_bytes))
        content = self._resumable_content(version)
        with contextlib.closing(body), partial_file(self._destination, content) as partial:
            pieces = Pieces() if self._wants_checksum(version) else None
            fetch = _Fetch(self._requests, version, partial, pieces, self._progress)
            if first.stop == version.size_bytes:
                fetch.receive(first, body)
            else:
                self._receive_by_streams(fetch, first, body, partial.noted)
            self._check_content(partial, version, pieces)
        return Transferred(version.size_bytes, version.etag.strip('"'), version.version_id)

    def _receive_by_streams(
        self, fetch: _Fetch, first: ByteRange, body: Body, noted: list[ByteRange]
    ) -> None:
        streams = Streams(self._transfer.parts_in_flight, usable_cores())
        rest = ByteRange(first.stop, fetch.size_bytes)
        ranges = in_threads(self._threads, streams.jobs(self._calls(fetch, rest, noted)))
        with ranges as jobs, fetch.stopped_at_the_end():
            fetch.receive(first, FirstBody(body, streams))
            results_of(jobs)

    def _calls(
        self, fetch: _Fetch, rest: ByteRange, noted: list[ByteRange]
    ) -> Iterator[Callable[[], None]]:
        """What is to be done for the ranges after the first one."""
        there = resume.common_ranges(rest, noted)
        if there:
            logger.info(
                "going on with the download of %r: %d of %d bytes are there",
                self._source.key,
                sum(part.size for part in there),
                rest.stop,
            )
        step_bytes = self._transfer.part_size_bytes
        for part in resume.split(resume.missing_ranges(rest, there), step_bytes):
            yield functools.partial(fetch.receive, part)
        for part in resume.split(there, step_bytes):
            yield functools.partial(fetch.keep, part)

    def _resumable_content(self, version: _Version) -> Content | None:
        """What the next run has to find again, where this one is worth going on with."""
        if version.size_bytes < self._transfer.resume_threshold_bytes:
            return None
        return content_of(
            version.size_bytes,
            self._connection.client.meta.endpoint_url,
            self._source.bucket,
            self._source.key,
            version.version_id or "",
            version.etag,
        )

    def _wants_checksum(self, version: _Version) -> bool:
        """Whether it pays to ask for the stored checksum; a small file's MD5 takes less time."""
        is_large = version.size_bytes > self._transfer.multipart_threshold_bytes
        is_only_proof = integrity.may_have_checksum_only(version.answer)
        return checksums.is_available() and (is_large or is_only_proof)

    def _check_content(
        self, partial: PartialFile, version: _Version, pieces: Pieces | None
    ) -> None:
        """Compare the whole with what S3 keeps: a checksum, or an ETag that is one."""
        stored = self._requests.stored_checksum(version) if pieces is not None else ""
        if pieces is not None and stored == pieces.whole():
            return
        if not self._has_right_md5(partial, version, is_doubted=bool(stored)):
            raise _WrongChecksumError(_DAMAGED)

    def _has_right_md5(self, partial: PartialFile, version: _Version, *, is_doubted: bool) -> bool:
        """Whether the ETag, where it is an MD5, is that of what arrived.

        Args:
            partial: what arrived.
            version: what was asked for.
            is_doubted: it has another checksum than the one that the server keeps. rclone's
                keeps what it was told, unverified, and also when the file changes.
        """
        endpoint = self._connection.endpoint
        if etag_verdict("", version.answer, endpoint) == "untold":
            return not is_doubted
        md5 = _md5_of(partial, version.size_bytes)
        if is_doubted:
            return etag_verdict(md5, version.answer, endpoint) == "same"
        return self._etags.accepts(md5, version.answer)


def _md5_of(partial: PartialFile, size_bytes: int) -> str:
    found = hashlib.md5(usedforsecurity=False)
    for chunk in split_into_ranges(0, size_bytes, MIB):
        found.update(partial.read(chunk.size, chunk.start))
    return found.hexdigest()


class _Requests:
    """The requests of one download, and the checks of their answers' heads."""

    def __init__(self, s3: Route, source: ObjectId) -> None:
        self._wire = s3.wire
        self._head: Callable[..., Mapping[str, Any]] = s3.connection.client.head_object
        self.total_attempts = s3.connection.total_attempts
        version = {"VersionId": source.version_id} if source.version_id else {}
        self._names: dict[str, Any] = {"Bucket": source.bucket, "Key": source.key, **version}

    def ask_first(self, part: ByteRange) -> tuple[Body, _Version]:
        """The first answer, which decides the version that the others have to be of."""
        return persistently(
            functools.partial(self._ask_first_once, part),
            operation="GetObject",
            total_attempts=self.total_attempts,
        )

    def _ask_first_once(self, part: ByteRange) -> tuple[Body, _Version]:
        asked: ByteRange | None = part
        try:
            answer, body = self._get(part)
        except ClientError as error:
            # An empty object has no first byte.
            if error.response["Error"]["Code"] not in {"InvalidRange", "416"}:
                raise
            asked, (answer, body) = None, self._get(None)
        else:
            if _tells_of_nothing(answer):  # some servers say so by 200; so do some proxies
                body.close()
                asked, (answer, body) = None, self._get(None)
        with _closed_if_refused(body):
            version = _Version(
                size_bytes=integrity.object_size_of(answer, asked),
                etag=str(answer.get("ETag", "")),
                version_id=answer.get("VersionId"),
                answer=answer,
            )
            if asked is None and version.size_bytes:
                message = "the server said that the object is empty, and then sent something"
                raise DamagedError(message)
        return body, version

    def stored_checksum(self, version: _Version) -> str:
        """The checksum that S3 keeps of the whole object; "" where it keeps none.

        Answers to ranges do not tell it, or tell the whole's for a part's (rclone's server).
        """
        end_turn()
        try:
            answer = self._head(**self._names, IfMatch=version.etag, ChecksumMode="ENABLED")
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE_CODES:
                raise _StartAgainError(_REPLACED) from error
            raise
        return checksums.stored_checksum(answer)

    def ask(self, part: ByteRange, version: _Version) -> Body:
        """The body of an answer that holds `part` of that very version."""
        try:
            answer, body = self._get(part, IfMatch=version.etag)
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE_CODES:
                raise _StartAgainError(_REPLACED) from error
            raise
        with _closed_if_refused(body):
            size_bytes = integrity.object_size_of(answer, part)
            if (size_bytes, answer.get("ETag", "")) != (version.size_bytes, version.etag):
                raise _StartAgainError(_REPLACED)
        return body

    def _get(self, part: ByteRange | None, **condition: Any) -> tuple[Mapping[str, Any], Body]:
        asked: dict[str, Any] = {"Range": f"bytes={part.start}-{part.stop - 1}"} if part else {}
        return self._wire.get_object(**self._names, **asked, **condition)


def _tells_of_nothing(answer: Mapping[str, Any]) -> bool:
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    return status == HTTPStatus.OK and answer.get("ContentLength") == 0


@contextlib.contextmanager
def _closed_if_refused(body: Body) -> Iterator[None]:
    """Give the connection back when an answer's head is not what it should be."""
    try:
        yield
    except BaseException:
        body.close()
        raise


class _Fetch:
    """One version on its way into one temporary file, by several threads."""

    def __init__(
        self,
        requests: _Requests,
        version: _Version,
        partial: PartialFile,
        pieces: Pieces | None,
        progress: ProgressCallback | None,
    ) -> None:
        self._pieces = pieces
        self._requests = requests
        self._version = version
        self.size_bytes = version.size_bytes
        self._partial = partial
        self._progress = Progress(version.size_bytes, progress)
        self._stop = threading.Event()

    @contextlib.contextmanager
    def stopped_at_the_end(self) -> Iterator[None]:
        """Let all threads stop at their next chunk once the block ends."""
        try:
            yield
        finally:
            self._stop.set()

    def receive(self, part: ByteRange, body: Body | None = None) -> None:
        """Write `part` to the file; a body that breaks off is continued where it ended.

        Args:
            part: the bytes that are wanted.
            body: the answer that holds them, where it has been asked for already.
        """
        offset, bodies, checksum = part.start, [body] if body else [], 0
        buffer = memoryview(bytearray(min(part.size, _BUFFER_BYTES) + 1))

        def continue_it() -> None:
            nonlocal offset, checksum
            if offset == part.stop:
                return
            missing = ByteRange(offset, part.stop)
            opened = bodies.pop() if bodies else self._requests.ask(missing, self._version)
            with contextlib.closing(opened):
                while count := opened.readinto(buffer):
                    self._write(offset, buffer[:count], part.stop)
                    offset += count
                    if self._pieces is not None:
                        checksum = checksums.crc64nvme(buffer[:count], checksum)
            if offset != part.stop:
                message = f"the answer ended at byte {offset} instead of {part.stop}"
                raise DamagedError(message)

        persistently(
            continue_it, operation="GetObject", total_attempts=self._requests.total_attempts
        )
        if self._pieces is not None:
            self._pieces.add(part, checksum)
        self._partial.note(part)

    def keep(self, part: ByteRange) -> None:
        """Count as received what a killed download has written."""
        if self._pieces is not None:
            checksum = 0
            for chunk in split_into_ranges(part.start, part.stop, _BUFFER_BYTES):
                checksum = checksums.crc64nvme(
                    self._partial.read(chunk.size, chunk.start), checksum
                )
            self._pieces.add(part, checksum)
        self._progress.add(part.size)

    def _write(self, offset: int, chunk: memoryview, stop: int) -> None:
        if self._stop.is_set():
            raise CancelledError
        if offset + len(chunk) > stop:
            message = f"the answer goes on after byte {stop}"
            raise DamagedError(message)
        self._partial.write(offset, chunk)
        self._progress.add(len(chunk))
