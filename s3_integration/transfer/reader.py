"""A stored object as a file that Python reads: `io`'s contract over ranges of one version."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from s3_integration.overrides import override
from s3_integration.transfer.ahead import LEAST_BYTES, ReadAhead
from s3_integration.transfer.positions import check_open, sought
from s3_integration.transfer.sinks import MemorySink
from s3_integration.utils import KIB, ByteRange

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from s3_integration.transfer.reading import ObjectReading

_BUFFER_BYTES = 64 * KIB
"""What `io.BufferedReader` takes at once, from memory mostly."""


class ObjectReader(io.RawIOBase):
    """The bytes of one version of an object, fetched range by range, and kept one range at a time.

    Making one fetches the first range, so that what is missing shows at once.

    Raises:
        S3DownloadError: it could not be read; also what caused it.
    """

    mode = "rb"

    def __init__(self, reading: ObjectReading) -> None:
        self.name = reading.key
        self._reading = reading
        self._ahead = ReadAhead()
        self._position = 0
        self._window_start = 0
        self._window = reading.begin(ByteRange(0, LEAST_BYTES))
        self._ahead.note(len(self._window))

    @override
    def readable(self) -> bool:
        check_open(self)
        return True

    @override
    def seekable(self) -> bool:
        check_open(self)
        return True

    @override
    def tell(self) -> int:
        check_open(self)
        return self._position

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        check_open(self)
        self._position = sought(offset, whence, self._position, self._size_bytes)
        return self._position

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        check_open(self)
        target = memoryview(buffer).cast("B")
        if not target or self._position >= self._size_bytes:
            return 0
        if not self._unread():
            # Of a long read, io.BufferedReader wants what fills its buffer, then the rest.
            self._fetch(len(target) + _BUFFER_BYTES)
        piece = self._unread()[: len(target)]
        target[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    @override
    def readall(self) -> bytes:
        check_open(self)
        if 0 < self._size_bytes - self._position <= LEAST_BYTES and not self._unread():
            self._fetch(LEAST_BYTES)
        there = self._unread()
        rest = ByteRange(self._position + len(there), self._size_bytes)
        if rest.size <= 0:
            content = bytes(there)
        else:
            sink = MemorySink(ByteRange(self._position, self._size_bytes))
            sink.write(self._position, there)
            self._reading.fetch_into(sink, rest)
            content = sink.content()
        self._position += len(content)
        return content

    @override
    def close(self) -> None:
        self._window = b""
        super().close()

    @property
    def _size_bytes(self) -> int:
        return self._reading.size_bytes

    def _unread(self) -> memoryview:
        """What is in memory from the position on."""
        at = self._position - self._window_start
        return memoryview(self._window)[at:] if at >= 0 else memoryview(b"")

    def _fetch(self, wanted_bytes: int) -> None:
        part = self._ahead.range_for(self._position, wanted_bytes, self._size_bytes)
        self._window = b""  # so that there are never two of them
        self._window = self._reading.fetch(part)
        self._window_start = part.start


class TextReader(io.TextIOWrapper):
    """The same as text."""

    @property
    @override
    def mode(self) -> str:
        return "r"


def buffered(reading: ObjectReading) -> io.BufferedReader:
    """A file object over `reading`; its first range is there."""
    return io.BufferedReader(ObjectReader(reading), _BUFFER_BYTES)
