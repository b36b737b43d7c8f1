"""Downloads: ranges of one version, written beside the destination."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import threading
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

from s3_integration.transfer import checksums, integrity, kept, resume
from s3_integration.transfer.asking import Requests, Version
from s3_integration.transfer.checksums import Pieces
from s3_integration.transfer.composite import Composite
from s3_integration.transfer.engine import Transferred
from s3_integration.transfer.integrity import DamagedError, EtagCheck, etag_verdict
from s3_integration.transfer.notes import content_of
from s3_integration.transfer.parts import in_threads, results_of
from s3_integration.transfer.persistence import persistently
from s3_integration.transfer.progress import Progress
from s3_integration.transfer.starts import WrongChecksumError, of_one_version
from s3_integration.transfer.streams import FirstBody, Streams, usable_cores
from s3_integration.utils import MIB, ByteRange, split_into_ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from typing_extensions import Buffer

    from s3_integration.config import TransferConfig
    from s3_integration.models import ProgressCallback, S3Checksum
    from s3_integration.transfer.composite import Verdict
    from s3_integration.transfer.engine import ObjectId
    from s3_integration.transfer.notes import Content
    from s3_integration.transfer.parts import PartThreads
    from s3_integration.transfer.sinks import Receiver, Sink
    from s3_integration.transfer.wire import Body
    from s3_integration.transfer.wires import Route

logger = logging.getLogger(__name__)

_BUFFER_BYTES = MIB
DAMAGED = "what arrived does not have the object's checksum"


class Download:
    """The download of one object."""

    def __init__(
        self,
        s3: Route,
        source: ObjectId,
        receiver: Receiver,
        transfer: TransferConfig,
        threads: PartThreads,
        progress: ProgressCallback | None,
    ) -> None:
        self._source = source
        self._receiver = receiver
        self._transfer = transfer
        self._threads = threads
        self._progress = progress
        self._connection = s3.connection
        self._requests = Requests(s3, source)
        self._etags = EtagCheck(s3.connection.endpoint, s3.connection.learned)

    def run(self) -> Transferred:
        """Fetch the object, again from the start if it is replaced meanwhile."""
        return of_one_version(self._receiver.deed, self._source, self._fetch_one_version)

    def _fetch_one_version(self) -> Transferred:
        # Where a killed download may have left the rest, the first answer need only tell of it.
        is_left = self._receiver.may_have_leftover()
        first = ByteRange(0, 1 if is_left else self._transfer.multipart_threshold_bytes)
        body, version = self._requests.ask_first(first)
        first = ByteRange(0, min(first.stop, version.size_bytes))
        with contextlib.closing(body), self._taking(version) as partial:
            wants_checksum = self._wants_checksum(version)
            pieces = Pieces() if wants_checksum and checksums.is_available() else None
            fetch = Fetch(self._requests, version, partial, pieces, self._progress)
            if first.stop == version.size_bytes:
                fetch.receive(first, body)
            else:
                self._receive_by_streams(fetch, first, body, partial.noted)
            told = self._requests.stored_checksum(version) if wants_checksum else None
            self._check_content(partial, version, told, pieces)
        return Transferred(version.size_bytes, version.etag.strip('"'), version.version_id)

    def _taking(self, version: Version) -> AbstractContextManager[Sink]:
        return self._receiver.receiving(version.size_bytes, self._resumable_content(version))

    def _receive_by_streams(
        self, fetch: Fetch, first: ByteRange, body: Body, noted: list[ByteRange]
    ) -> None:
        calls = self._calls(fetch, ByteRange(first.stop, fetch.size_bytes), noted)
        most_streams = self._transfer.parts_in_flight
        receive_by_streams(fetch, first, body, calls, self._threads, most_streams)

    def _calls(
        self, fetch: Fetch, rest: ByteRange, noted: list[ByteRange]
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

    def _resumable_content(self, version: Version) -> Content | None:
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

    def _wants_checksum(self, version: Version) -> bool:
        """Whether it pays to ask for the stored checksum; a small file's MD5 takes less time."""
        is_large = version.size_bytes > self._transfer.multipart_threshold_bytes
        is_only_proof = integrity.may_have_checksum_only(version.answer)
        return is_large or is_only_proof

    def _check_content(
        self, partial: Sink, version: Version, told: S3Checksum | None, pieces: Pieces | None
    ) -> None:
        """Compare the whole with what S3 keeps: a checksum, or an ETag that is one."""
        verdict = self._verdict(partial, version, told, pieces) if told else "untold"
        if verdict == "same":
            return
        if not self._has_right_md5(partial, version, is_doubted=verdict == "different"):
            raise WrongChecksumError(DAMAGED)

    def _verdict(
        self, partial: Sink, version: Version, told: S3Checksum, pieces: Pieces | None
    ) -> Verdict:
        """What the checksum that S3 keeps says of what arrived."""
        size_bytes = version.size_bytes
        if told.checksum_type == "COMPOSITE":
            composite = Composite(size_bytes, partial.read, self._requests.part)
            return composite.verdict(told, version.answer, self._connection.endpoint)
        if told.algorithm == checksums.ALGORITHM and pieces is not None:
            found = pieces.whole()
        else:
            found = kept.computed(told.algorithm, _chunks_of(partial, size_bytes))
        return "untold" if not found else "same" if found == told.value else "different"

    def _has_right_md5(self, partial: Sink, version: Version, *, is_doubted: bool) -> bool:
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


def receive_by_streams(
    fetch: Fetch,
    first: ByteRange,
    body: Body,
    calls: Iterable[Callable[[], object]],
    threads: PartThreads,
    most_streams: int,
) -> None:
    """Receive `first` by this thread, and meanwhile make all calls by as many as are worth it."""
    streams = Streams(most_streams, usable_cores())
    with in_threads(threads, streams.jobs(calls)) as jobs, fetch.stopped_at_the_end():
        fetch.receive(first, FirstBody(body, streams))
        results_of(jobs)


def _md5_of(partial: Sink, size_bytes: int) -> str:
    found = hashlib.md5(usedforsecurity=False)
    for chunk in _chunks_of(partial, size_bytes):
        found.update(chunk)
    return found.hexdigest()


def _chunks_of(partial: Sink, size_bytes: int) -> Iterator[Buffer]:
    for chunk in split_into_ranges(0, size_bytes, MIB):
        yield partial.read(chunk.size, chunk.start)


class Fetch:
    """One version on its way into one temporary file, by several threads."""

    def __init__(
        self,
        requests: Requests,
        version: Version,
        partial: Sink,
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
