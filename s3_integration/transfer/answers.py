"""Answers of HTTP/1.1: their heads, their bodies, and what becomes of their connections."""

from __future__ import annotations

import io
import re
import time
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any, NamedTuple

from s3_integration.aws.pace import Pace
from s3_integration.overrides import override
from s3_integration.transfer.integrity import DamagedError
from s3_integration.transfer.turns import end_turn

if TYPE_CHECKING:
    from s3_integration.transfer.http import Connections, HttpConnection

_BUFFER_BYTES = 65536

_LENGTH = re.compile(r"\d{1,19}", re.ASCII)  # int() refuses numbers of thousands of digits

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5]\d\d)(?: |\r\n|$)")


class NonsenseError(Exception):
    """What came is not HTTP."""


class Head(NamedTuple):
    """What comes before a body."""

    status: int
    headers: dict[str, str]
    """Names in lower case; the values of those that are repeated are joined by commas."""
    stays_open: bool
    """Whether the server will take another request on the same connection."""


def head_of(come: bytes) -> Head:
    """Read a head, without the empty line at its end.

    Raises:
        NonsenseError: it is none.
    """
    status_line, _, rest = come.partition(b"\r\n")
    matched = _STATUS_LINE.match(status_line)
    if matched is None:
        message = f"what came is no HTTP answer: {status_line[:40]!r}"
        raise NonsenseError(message)
    ends = rest.count(b"\r\n")
    if not ends == rest.count(b"\r") == rest.count(b"\n") or b"\0" in rest:
        # RFC 9112, section 2.2. Some of these values go into requests (If-Match).
        message = "a header of the answer holds a line end or a NUL character"
        raise NonsenseError(message)
    headers: dict[str, str] = {}
    for line in rest.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    stays_open = _stays_open(headers.get("connection", ""), is_http_1_0=matched[1] == b"0")
    return Head(int(matched[2]), headers, stays_open)


def _stays_open(connection: str, *, is_http_1_0: bool) -> bool:
    """What a Connection header means (RFC 9112, section 9.3)."""
    if connection in {"", "keep-alive"}:  # nearly always
        return bool(connection) or not is_http_1_0
    options = {option.strip() for option in connection.lower().split(",")}
    return "close" not in options and (not is_http_1_0 or "keep-alive" in options)


def length_of(method: str, head: Head) -> int | None:
    """How many bytes a body has; None where only its end will tell (RFC 9112, section 6.3).

    Raises:
        NonsenseError: its length is no number, or several.
    """
    if method == "HEAD" or head.status in {204, 304}:
        return 0
    told = head.headers.get("content-length")
    if told is None or "transfer-encoding" in head.headers:
        return None
    length = told
    if "," in told:  # more than one, which may be the same
        length, *others = {number.strip() for number in told.split(",")}
        length = "" if others else length
    if not _LENGTH.fullmatch(length):
        message = f"a body cannot have the length {told[:40]!r}"
        raise NonsenseError(message)
    return int(length)


class HttpAnswer:
    """An answer whose body is still on its way."""

    def __init__(
        self,
        head: Head,
        body: Sized | Unsized,
        connection: HttpConnection,
    ) -> None:
        self.status = head.status
        self.headers = head.headers
        self._stays_open = head.stays_open
        self._body = body
        self._connection = connection
        self._pool: Connections | None = None

    def belongs_to(self, pool: Connections) -> HttpAnswer:
        """Give the connection back there once the body has been read."""
        self._pool = pool
        if not self._body.remaining:
            self._finish()
        return self

    def readinto(self, buffer: memoryview) -> int:
        """Put what has come into `buffer`; 0 at the end.

        Raises:
            DamagedError: it broke off, or came too slowly.
        """
        bandwidth = self._connection.limits.bandwidth
        if bandwidth:
            buffer = buffer[: bandwidth.piece_bytes]
        try:
            count = self._body.readinto(buffer)
        except (OSError, HTTPException) as error:
            self.close()
            message = f"the answer broke off ({type(error).__name__}: {error})"
            raise DamagedError(message) from error
        if not count or not self._body.remaining:
            self._finish()
        if bandwidth and count:
            end_turn()
            bandwidth.take(count)
        return count

    def gathered(self) -> memoryview | None:
        """The whole body, unread and in the connection's buffer, if it is small and there.

        It is good until `is_taken`; whoever has no use for it may read it as any other.
        """
        return self._body.gathered()

    def is_taken(self) -> None:
        """What was gathered is needed no more: the connection is free."""
        self._body.remaining = 0
        self._finish()

    def read(self, most_bytes: int) -> bytes:
        """The body as bytes, `most_bytes` of it at most."""
        content = bytearray()
        buffer = memoryview(bytearray(_BUFFER_BYTES))
        while len(content) < most_bytes and (count := self.readinto(buffer)):
            content += buffer[:count]
        return bytes(content[:most_bytes])

    def _finish(self) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        if self._stays_open and self._body.is_clean and not self._body.remaining:
            pool.give_back(self._connection)
        else:
            self._connection.close()

    def close(self) -> None:
        """Need no more of it; a connection on which more may come is of no further use."""
        if self._pool is not None:
            self._pool = None
            self._connection.close()


class Sized:
    """A body whose length was told."""

    def __init__(
        self, connection: HttpConnection, room: memoryview, come_bytes: int, size_bytes: int
    ) -> None:
        """Begin to read it.

        Args:
            connection: what brings the rest.
            room: the connection's buffer, from the body's first byte on.
            come_bytes: so many are there already.
            size_bytes: so many it has.
        """
        self._connection = connection
        self._pace: Pace | None = None
        self._room = room
        self._come = room[: min(come_bytes, size_bytes)]
        self.is_clean = come_bytes <= size_bytes
        """Nothing came that belongs to no answer."""
        self.remaining = size_bytes

    def gathered(self) -> memoryview | None:
        """The whole body, where it has room beside its head and comes at once.

        Nothing is taken by that: it can still be read.
        """
        come, size_bytes = len(self._come), self.remaining
        if size_bytes > len(self._room):
            return None
        while come < size_bytes and (
            count := self._connection.read_at_once(self._room[come:size_bytes])
        ):
            come += count
        self._come = self._room[:come]
        return self._come if come == size_bytes else None

    def readinto(self, buffer: memoryview) -> int:
        """Put what has come into `buffer`; 0 at the end."""
        wanted = min(len(buffer), self.remaining)
        if self._come:
            count = min(wanted, len(self._come))
            buffer[:count], self._come = self._come[:count], self._come[count:]
        elif wanted:
            began = time.monotonic()
            count = self._connection.read_body(buffer[:wanted])
            if count < self.remaining:  # what is whole was not too slow
                self._pace = self._pace or Pace(self._connection.limits)
                self._pace.note(count, time.monotonic() - began)
        else:
            return 0
        self.remaining -= count
        return count


class Unsized:
    """A body in chunks, or one that ends with its connection: the standard library reads it."""

    is_clean = False

    def __init__(self, connection: HttpConnection, come: memoryview) -> None:
        replayed: Any = _Replayed(connection, bytes(come))  # as much of a socket as is asked for
        self._response = HTTPResponse(replayed)
        try:
            self._response.begin()
        except HTTPException as error:
            raise NonsenseError(f"{type(error).__name__}: {error}") from error
        self.remaining = 1  # never known to be at its end

    def gathered(self) -> None:
        """None: nobody knows what is whole before it has ended."""

    def readinto(self, buffer: memoryview) -> int:
        """Put what has come into `buffer`; 0 at the end."""
        # `HTTPResponse.readinto` would wait until the buffer is full.
        piece = self._response.read1(min(len(buffer), _BUFFER_BYTES))
        buffer[: len(piece)] = piece
        return len(piece)


class _Replayed:
    """What `http.client` takes for a socket: an answer from its beginning, as far as it came."""

    def __init__(self, connection: HttpConnection, come: bytes) -> None:
        self._connection = connection
        self._come = come

    def makefile(self, mode: str) -> io.BufferedReader:
        """The bytes as a file; `http.client` asks for it."""
        del mode
        return io.BufferedReader(_ReplayedBytes(self._connection, self._come))


class _ReplayedBytes(io.RawIOBase):
    def __init__(self, connection: HttpConnection, come: bytes) -> None:
        self._connection = connection
        self._pace = Pace(connection.limits)
        self._come = come

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any, /) -> int:
        if not self._come:
            began = time.monotonic()
            count = self._connection.read_body(buffer)
            self._pace.note(count, time.monotonic() - began)
            return count
        size = min(len(buffer), len(self._come))
        buffer[:size], self._come = self._come[:size], self._come[size:]
        return size
