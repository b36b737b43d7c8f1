"""Reading an object range by range into memory, every range of one version."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from s3_integration.aws.errors import translated
from s3_integration.exceptions import S3DownloadError
from s3_integration.transfer import integrity
from s3_integration.transfer.asking import (
    Requests,
    Version,
    closed_if_refused,
    tells_of_nothing,
)
from s3_integration.transfer.download import Fetch, receive_by_streams
from s3_integration.transfer.integrity import DamagedError
from s3_integration.transfer.persistence import persistently
from s3_integration.transfer.running import RunningCheck
from s3_integration.transfer.sinks import MemorySink
from s3_integration.transfer.starts import StartAgainError, failed, of_one_version
from s3_integration.utils import ByteRange, split_into_ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from s3_integration.config import TransferConfig
    from s3_integration.transfer.engine import ObjectId
    from s3_integration.transfer.parts import PartThreads
    from s3_integration.transfer.wire import Body
    from s3_integration.transfer.wires import Route


class ObjectReading:
    """One object, whose version the first answer decides.

    Args:
        choose_route: the way to S3; asked each time, since a forked child needs its own.
        source: what is read.
        transfer: how large ranges are cut up.
        threads: those that fetch them.
    """

    def __init__(
        self,
        choose_route: Callable[[], Route],
        source: ObjectId,
        transfer: TransferConfig,
        threads: PartThreads,
    ) -> None:
        self._choose_route = choose_route
        self._source = source
        self._transfer = transfer
        self._threads = threads
        self._version = Version(0, "", None, {})
        self._check: RunningCheck | None = None

    @property
    def key(self) -> str:
        """What is read."""
        return self._source.key

    @property
    def size_bytes(self) -> int:
        """Of the version that is read."""
        return self._version.size_bytes

    def begin(self, part: ByteRange) -> bytes:
        """What there is of `part`, of a version that all that follows has to be of.

        Raises:
            S3DownloadError: it could not be read; also what caused it.
        """
        with self._translated():
            return of_one_version("read", self._source, functools.partial(self._begin, part))

    def fetch(self, part: ByteRange) -> bytes:
        """Exactly `part`, which has to lie inside the object.

        Raises:
            S3DownloadError: it could not be read; also an `S3ConflictError` where the object
                is another one now.
        """
        sink = MemorySink(part)
        self.fetch_into(sink, part)
        return sink.content()

    def fetch_into(self, sink: MemorySink, part: ByteRange) -> None:
        """The same into memory that is there already."""
        with self._translated(), self._failures_told():
            requests = Requests(self._choose_route(), self._source)
            first = self._first_of(part, self._transfer.part_size_bytes)
            body = persistently(
                functools.partial(requests.ask, first, self._version),
                operation="GetObject",
                total_attempts=requests.total_attempts,
            )
            self._receive(requests, sink, part, first, body)

    def _begin(self, part: ByteRange) -> bytes:
        s3 = self._choose_route()
        requests = Requests(s3, self._source)
        first = self._first_of(part, self._transfer.multipart_threshold_bytes)
        body, self._version = _ask_first(requests, first)
        self._check = RunningCheck(
            s3.connection,
            self._version,
            functools.partial(requests.stored_checksum, self._version),
            self._transfer.multipart_threshold_bytes,
        )
        there = ByteRange(part.start, max(part.start, min(part.stop, self.size_bytes)))
        first = ByteRange(first.start, min(first.stop, there.stop))
        sink = MemorySink(there)
        self._receive(requests, sink, there, first, body)
        return sink.content()

    def _first_of(self, part: ByteRange, most_bytes: int) -> ByteRange:
        return ByteRange(part.start, min(part.stop, part.start + most_bytes))

    def _receive(
        self, requests: Requests, sink: MemorySink, part: ByteRange, first: ByteRange, body: Body
    ) -> None:
        fetch = Fetch(requests, self._version, sink, None, None)
        with contextlib.closing(body):
            if first == part:
                fetch.receive(part, body)
            else:
                rest = split_into_ranges(first.stop, part.stop, self._transfer.part_size_bytes)
                calls = (functools.partial(fetch.receive, each) for each in rest)
                most_streams = self._transfer.parts_in_flight
                receive_by_streams(fetch, first, body, calls, self._threads, most_streams)
        if self._check is not None:
            self._check.add(part.start, sink.read(part.size, part.start))

    def _translated(self) -> contextlib.AbstractContextManager[None]:
        names = (self._source.bucket, self._source.key)
        return translated("read", *names, outcome=S3DownloadError)

    @contextlib.contextmanager
    def _failures_told(self) -> Iterator[None]:
        try:
            yield
        except StartAgainError as error:
            raise failed("read", self._source, error.in_the_end, str(error)) from error
        except DamagedError as error:
            raise failed("read", self._source, S3DownloadError, str(error)) from error


def _ask_first(requests: Requests, part: ByteRange) -> tuple[Body, Version]:
    if not part.start:
        return requests.ask_first(part)
    return persistently(
        functools.partial(_ask_inside, requests, part),
        operation="GetObject",
        total_attempts=requests.total_attempts,
    )


def _ask_inside(requests: Requests, part: ByteRange) -> tuple[Body, Version]:
    """The first answer, where the object may end before the range begins."""
    try:
        answer, body = requests.get(part)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"InvalidRange", "416"}:
            raise
        return _NoBody(), _ends_before(requests, part)
    if tells_of_nothing(answer):
        body.close()
        return _NoBody(), _ends_before(requests, part)
    with closed_if_refused(body):
        return body, Version.told_by(answer, integrity.object_size_of(answer, part))


def _ends_before(requests: Requests, part: ByteRange) -> Version:
    """The version whose bytes end before `part`, so that nothing of it is there."""
    answer = requests.head()
    integrity.check_is_from_s3(answer)
    size_bytes = answer.get("ContentLength")
    if not isinstance(size_bytes, int) or size_bytes > part.start:
        message = f"the server said that an object of {size_bytes} bytes ends before {part.start}"
        raise DamagedError(message)
    return Version.told_by(answer, size_bytes)


class _NoBody:
    """In the place of a body that has no bytes."""

    def readinto(self, buffer: memoryview) -> int:
        """See `Body`."""
        del buffer
        return 0

    def close(self) -> None:
        """See `Body`."""
