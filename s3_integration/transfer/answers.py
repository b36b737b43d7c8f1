"""Answers of HTTP/1.1 on their way: their bodies, and what becomes of their connections."""

from __future__ import annotations

import http.client
import io
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from s3_integration.aws.pace import Pace
from s3_integration.transfer.integrity import DamagedError

if TYPE_CHECKING:
    import socket

    from s3_integration.transfer.http import Connections, HttpConnection

_BUFFER_BYTES = 65536


class HttpAnswer:
    """An answer whose body is still on its way."""

    def __init__(
        self,
        status: int,
        headers: dict[str, str],
        body: Sized | Unsized,
        connection: HttpConnection,
        *,
        stays_open: bool,
    ) -> None:
        self.status = status
        self.headers = headers
        self._body = body
        self._connection = connection
        self._stays_open = stays_open
        self._pace: Pace | None = None
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
        try:
            count = self._body.readinto(buffer)
            if count and self._body.remaining:
                self._pace = self._pace or Pace(self._connection.limits)
                self._pace.note(count)
        except OSError as error:
            self.close()
            message = f"the answer broke off ({type(error).__name__}: {error})"
            raise DamagedError(message) from error
        if not count or not self._body.remaining:
            self._finish()
        return count

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

    def __init__(self, connection: HttpConnection, come: memoryview, size_bytes: int) -> None:
        self._connection = connection
        self._come = come[:size_bytes]
        self.is_clean = len(come) <= size_bytes
        """Nothing came that belongs to no answer."""
        self.remaining = size_bytes

    def readinto(self, buffer: memoryview) -> int:
        """Put what has come into `buffer`; 0 at the end."""
        wanted = min(len(buffer), self.remaining)
        if self._come:
            count = min(wanted, len(self._come))
            buffer[:count], self._come = self._come[:count], self._come[count:]
        elif wanted:
            count = self._connection.read_body(buffer[:wanted])
        else:
            return 0
        self.remaining -= count
        return count


class Unsized:
    """A body in chunks, or one that ends with its connection."""

    is_clean = False

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.remaining = 1  # never known to be at its end

    def readinto(self, buffer: memoryview) -> int:
        """Put what has come into `buffer`; 0 at the end."""
        try:
            return self._response.readinto(buffer)
        except http.client.HTTPException as error:
            message = f"the answer broke off ({type(error).__name__})"
            raise DamagedError(message) from error


class Replayed:
    """What `http.client` takes for a socket: bytes that have come already, then the rest."""

    def __init__(self, come: bytes, rest: socket.socket) -> None:
        self._come = come
        self._rest = rest

    def makefile(self, mode: str) -> io.BufferedReader:
        """The bytes as a file; `http.client` asks for it."""
        del mode
        return io.BufferedReader(_ReplayedBytes(self._come, self._rest))


class _ReplayedBytes(io.RawIOBase):
    def __init__(self, come: bytes, rest: socket.socket) -> None:
        self._come = come
        self._rest = rest

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any, /) -> int:
        if not self._come:
            return self._rest.recv_into(buffer)
        size = min(len(buffer), len(self._come))
        buffer[:size], self._come = self._come[:size], self._come[size:]
        return size
