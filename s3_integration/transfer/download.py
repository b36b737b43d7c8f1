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

from s3_integration.transfer import checksums, integrity, kept, resume
from s3_integration.transfer.checksums import Pieces
from s3_integration.transfer.engine import Transferred
from s3_integration.transfer.integrity import DamagedError, EtagCheck, etag_verdict
from s3_integration.transfer.looking import named
from s3_integration.transfer.notes import content_of
from s3_integration.transfer.parts import in_threads, results_of
from s3_integration.transfer.persistence import persistently
from s3_integration.transfer.progress import Progress
from s3_integration.transfer.starts import StartAgainError, WrongChecksumError, of_one_version
from s3_integration.transfer.streams import FirstBody, Streams, usable_cores
from s3_integration.transfer.turns import end_turn
from s3_integration.utils import MIB, ByteRange, split_into_ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from typing_extensions import Buffer

    from s3_integration.config import TransferConfig
    from s3_integration.models import ProgressCallback, S3Checksum
    from s3_integration.transfer.engine import ObjectId
    from s3_integration.transfer.notes import Content
    from s3_integration.transfer.parts import PartThreads
    from s3_integration.transfer.sinks import Receiver, Sink
    from s3_integration.transfer.wire import Body
    from s3_integration.transfer.wires import Route

logger = logging.getLogger(__name__)

_BUFFER_BYTES = MIB
_REPLACED = "the object was replaced meanwhile"
DAMAGED = "what arrived does not have the object's checksum"
_GONE_CODES = frozenset({"PreconditionFailed", "412", "NoSuchKey", "NoSuchVersion", "404"})


@dataclass(frozen=True, slots=True)
class Version:
    """What all ranges have to agree on."""

    size_bytes: int
    etag: str
    version_id: str | None
    answer: Mapping[str, Any]
    """The first answer, whose head tells what its ETag is worth."""

    @classmethod
    def told_by(cls, answer: Mapping[str, Any], size_bytes: int) -> Version:
        """The version that an answer is of."""
        etag = str(answer.get("ETag", ""))
        return cls(size_bytes, etag, answer.get("VersionId"), answer)


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
            pieces = Pieces() if self._wants_checksum(version) else None
            fetch = Fetch(self._requests, version, partial, pieces, self._progress)
            if first.stop == version.size_bytes:
                fetch.receive(first, body)
            else:
                self._receive_by_streams(fetch, first, body, partial.noted)
            self._check_content(partial, version, pieces)
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
        return checksums.is_available() and (is_large or is_only_proof)

    def _check_content(self, partial: Sink, version: Version, pieces: Pieces | None) -> None:
        """Compare the whole with what S3 keeps: a checksum, or an ETag that is one."""
        told = self._requests.stored_checksum(version) if pieces is not None else None
        found = ""
        if pieces is not None and told is not None:
            is_computed = told.algorithm == checksums.ALGORITHM
            content = _chunks_of(partial, version.size_bytes)
            found = pieces.whole() if is_computed else kept.computed(told.algorithm, content)
            if found == told.value:
                return
        if not self._has_right_md5(partial, version, is_doubted=bool(found)):
            raise WrongChecksumError(DAMAGED)

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


class Requests:
    """The requests of one download, and the checks of their answers' heads."""

    def __init__(self, s3: Route, source: ObjectId) -> None:
        self._wire = s3.wire
        self._head: Callable[..., Mapping[str, Any]] = s3.connection.client.head_object
        self.total_attempts = s3.connection.total_attempts
        self._names = named(source)

    def ask_first(self, part: ByteRange) -> tuple[Body, Version]:
        """The first answer, which decides the version that the others have to be of."""
        return persistently(
            functools.partial(self._ask_first_once, part),
            operation="GetObject",
            total_attempts=self.total_attempts,
        )

    def _ask_first_once(self, part: ByteRange) -> tuple[Body, Version]:
        asked: ByteRange | None = part
        try:
            answer, body = self.get(part)
        except ClientError as error:
            # An empty object has no first byte.
            if error.response["Error"]["Code"] not in {"InvalidRange", "416"}:
                raise
            asked, (answer, body) = None, self.get(None)
        else:
            if tells_of_nothing(answer):  # some servers say so by 200; so do some proxies
                body.close()
                asked, (answer, body) = None, self.get(None)
        with closed_if_refused(body):
            version = Version.told_by(answer, integrity.object_size_of(answer, asked))
            if asked is None and version.size_bytes:
                message = "the server said that the object is empty, and then sent something"
                raise DamagedError(message)
        return body, version

    def stored_checksum(self, version: Version) -> S3Checksum | None:
        """The checksum that S3 keeps of the whole object; None where it keeps none.

        Answers to ranges do not tell it, or tell the whole's for a part's (rclone's server).
        """
        try:
            answer = self.head(IfMatch=version.etag, ChecksumMode="ENABLED")
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE_CODES:
                raise StartAgainError(_REPLACED) from error
            raise
        told = kept.kept_checksum(answer)
        return told if told is not None and told.checksum_type == "FULL_OBJECT" else None

    def ask(self, part: ByteRange, version: Version) -> Body:
        """The body of an answer that holds `part` of that very version."""
        try:
            answer, body = self.get(part, IfMatch=version.etag)
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE_CODES:
                raise StartAgainError(_REPLACED) from error
            raise
        with closed_if_refused(body):
            size_bytes = integrity.object_size_of(answer, part)
            if (size_bytes, answer.get("ETag", "")) != (version.size_bytes, version.etag):
                raise StartAgainError(_REPLACED)
        return body

    def get(self, part: ByteRange | None, **condition: Any) -> tuple[Mapping[str, Any], Body]:
        """One answer, as it came."""
        asked = {"Range": _range_header(part)} if part else {}
        return self._wire.get_object(**self._names, **asked, **condition)

    def head(self, **asked: Any) -> Mapping[str, Any]:
        """What S3 tells of the object."""
        end_turn()
        return self._head(**self._names, **asked)


def first_question(source: ObjectId, part: ByteRange) -> dict[str, Any]:
    """The parameters of a download's first request, which may be sent ahead of it."""
    return {**named(source), "Range": _range_header(part)}


def _range_header(part: ByteRange) -> str:
    return f"bytes={part.start}-{part.stop - 1}"


def tells_of_nothing(answer: Mapping[str, Any]) -> bool:
    """Whether a server says that there is no such range by an empty 200."""
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    return status == HTTPStatus.OK and answer.get("ContentLength") == 0


@contextlib.contextmanager
def closed_if_refused(body: Body) -> Iterator[None]:
    """Give the connection back when an answer's head is not what it should be."""
    try:
        yield
    except BaseException:
        body.close()
        raise


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
