"""HTTP/1.1 with little between Python and the socket, for the requests that carry bytes.

What is usual goes a short way: one answer with a Content-Length on a connection that stays
open. Whatever else a server sends (RFC 9112 knows chunks, bodies without length, notes
before the answer) goes through the standard library's `http.client`.
"""

from __future__ import annotations

import http.client
import io
import re
import select
import ssl
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from botocore import exceptions as botocore_errors
from typing_extensions import override
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProxyError
from urllib3.exceptions import SSLError as Urllib3SSLError
from urllib3.util import make_headers, parse_url

from s3_integration.transfer.integrity import DamagedError

if TYPE_CHECKING:
    import socket

    from typing_extensions import Buffer

_HEAD_BYTES = 65536
"""What an answer's head may have at most; the same buffer takes a small body with it."""

_PIECE_BYTES = 256 * 1024
"""What is sent at once, so that a slow line shows that it moves."""

_IDLE_SECONDS = 15.0
"""Connections that were idle for longer are closed: S3 closes them after some 20 s."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: |\r\n|$)")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait for what."""

    connect_seconds: float
    answer_seconds: float
    """Without a byte, before an answer begins."""
    stall_seconds: float
    """The time over which `slowest_bytes_per_second` have to be reached."""
    slowest_bytes_per_second: int


@dataclass(frozen=True, slots=True)
class Origin:
    """Where requests go, and by which way."""

    scheme: str
    host: str
    port: int
    proxy_url: str | None = None
    tls: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        """As error messages name it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def target_prefix(self) -> str:
        """What stands before the path in a request: proxies of plain http want it whole."""
        return self.url if self.proxy_url and self.scheme == "http" else ""


class Pace:
    """Notices a transfer that has come to a stop, or nearly so."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._began = time.monotonic()
        self._moved_bytes = 0

    def note(self, moved_bytes: int) -> None:
        """Count what has moved.

        Raises:
            botocore's ReadTimeoutError: too little has, for too long.
        """
        self._moved_bytes += moved_bytes
        seconds = time.monotonic() - self._began
        if seconds < self._limits.stall_seconds:
            return
        if self._moved_bytes < self._limits.slowest_bytes_per_second * seconds:
            raise _TooSlowError
        self._began, self._moved_bytes = time.monotonic(), 0


class _TooSlowError(TimeoutError):
    """Fewer bytes have moved than the settings want."""


class HttpConnection:
    """One connection, used for one request at a time."""

    def __init__(self, origin: Origin, limits: Limits) -> None:
        self._limits = limits
        self._socket = _connected_socket(origin, limits)
        self._buffer = bytearray(_HEAD_BYTES)
        self._view = memoryview(self._buffer)
        self.idle_since = 0.0

    def send(self, head: bytes, content: Buffer = b"") -> None:
        """Send a request."""
        self._socket.settimeout(self._limits.stall_seconds)
        view = memoryview(content)
        if len(view) <= _HEAD_BYTES:
            self._send_all(b"".join((head, view)))
            return
        self._send_all(head)
        pace = Pace(self._limits)
        offset = 0
        while offset < len(view):
            sent = self._socket.send(view[offset : offset + _PIECE_BYTES])
            offset += sent
            pace.note(sent)

    def _send_all(self, piece: bytes) -> None:
        sent = self._socket.send(piece)
        if sent < len(piece):
            self._socket.sendall(memoryview(piece)[sent:])

    def receive(self, method: str) -> HttpAnswer:
        """The answer to what was sent; its body follows.

        Raises:
            botocore's ConnectionClosedError: there was none.
        """
        self._socket.settimeout(self._limits.answer_seconds)
        have = end = 0
        must_be_whole_at = 0.0
        while not end:
            if have:  # the whole head, not each byte of it, has to come in time
                must_be_whole_at = must_be_whole_at or time.monotonic() + self._limits.stall_seconds
                left = must_be_whole_at - time.monotonic()
                if left <= 0:
                    raise _TooSlowError
                self._socket.settimeout(left)
            if have == _HEAD_BYTES:
                message = f"an answer's head has more than {_HEAD_BYTES} bytes"
                raise _NonsenseError(message)
            count = self._socket.recv_into(self._view[have:])
            if not count:
                raise _EndedError
            end = self._buffer.find(b"\r\n\r\n", max(have - 3, 0), have + count) + 4
            end, have = (0 if end == 3 else end), have + count
        self._socket.settimeout(self._limits.stall_seconds)
        return self._answer(method, end, have)

    def _answer(self, method: str, end: int, have: int) -> HttpAnswer:
        status_line, _, rest = bytes(self._view[: end - 4]).partition(b"\r\n")
        matched = _STATUS_LINE.match(status_line)
        if matched is None:
            message = f"what came is no HTTP answer: {status_line[:40]!r}"
            raise _NonsenseError(message)
        status = int(matched[1])
        headers = {}
        for line in rest.decode("latin-1").split("\r\n"):
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = headers.get("content-length", "")
        is_usual = "transfer-encoding" not in headers and length.isascii() and length.isdigit()
        if status < 200 or not (is_usual or method == "HEAD"):
            return self._unusual_answer(method, end, have)
        stays_open = headers.get("connection", "").lower() != "close"
        remaining = 0 if method == "HEAD" or status in {204, 304} else int(length)
        body = _Sized(self, self._view[end:have], remaining)
        return HttpAnswer(status, headers, body, self, stays_open=stays_open)

    def _unusual_answer(self, method: str, end: int, have: int) -> HttpAnswer:
        """The same by the standard library, which reads what came from its beginning."""
        del end
        replayed = _Replayed(bytes(self._view[:have]), self._socket)
        response = http.client.HTTPResponse(replayed, method=method)  # type: ignore[arg-type]
        try:
            response.begin()
        except http.client.HTTPException as error:
            raise _NonsenseError(f"{type(error).__name__}: {error}") from error
        headers = {name.lower(): value for name, value in response.getheaders()}
        return HttpAnswer(response.status, headers, _Other(response), self, stays_open=False)

    def read_body(self, buffer: memoryview) -> int:
        """Bytes straight from the socket."""
        return self._socket.recv_into(buffer)

    @property
    def limits(self) -> Limits:
        """How long to wait for what."""
        return self._limits

    def is_quiet(self) -> bool:
        """Whether it may be used again: nothing came on it, not even its end."""
        if time.monotonic() - self.idle_since > _IDLE_SECONDS:
            return False
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        """End it."""
        self._socket.close()

    def __del__(self) -> None:
        # Clients have no end that callers would have to announce; idle connections end here.
        if hasattr(self, "_socket"):  # it may never have been made
            self._socket.close()


class _EndedError(OSError):
    """The connection ended before an answer came."""


class _NonsenseError(Exception):
    """What came is not HTTP."""


class _Replayed:
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


class _Sized:
    """A body whose length was told."""

    def __init__(self, connection: HttpConnection, come: memoryview, size_bytes: int) -> None:
        self._connection = connection
        self._come = come[:size_bytes]
        self.is_clean = len(come) <= size_bytes
        """Nothing came that belongs to no answer."""
        self.remaining = size_bytes

    def readinto(self, buffer: memoryview) -> int:
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


class _Other:
    """A body in chunks, or one that ends with its connection."""

    is_clean = False

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.remaining = 1  # never known to be at its end

    def readinto(self, buffer: memoryview) -> int:
        try:
            return self._response.readinto(buffer)
        except http.client.HTTPException as error:
            message = f"the answer broke off ({type(error).__name__})"
            raise DamagedError(message) from error


class HttpAnswer:
    """An answer whose body is still on its way."""

    def __init__(
        self,
        status: int,
        headers: dict[str, str],
        body: _Sized | _Other,
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
        buffer = memoryview(bytearray(_HEAD_BYTES))
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


class Connections:
    """The open connections to one origin; threads share it, forked processes do not."""

    def __init__(self, origin: Origin, limits: Limits) -> None:
        self.origin = origin
        self._limits = limits
        self._idle: deque[HttpConnection] = deque(maxlen=256)

    def exchange(self, method: str, head: bytes, content: Buffer = b"") -> HttpAnswer:
        """Send a request and wait for the beginning of its answer.

        Raises:
            botocore's ConnectionError and HTTPClientError: there is none.
        """
        connection = self._take()
        try:
            return self._ask(connection, method, head, content).belongs_to(self)
        except BaseException as error:
            connection.close()
            self._raise_botocores(error)
            raise

    def _ask(
        self, connection: HttpConnection, method: str, head: bytes, content: Buffer
    ) -> HttpAnswer:
        try:
            connection.send(head, content)
        except (BrokenPipeError, ConnectionResetError):
            # Servers refuse before they have read everything; what they say is worth more.
            try:
                return connection.receive(method)
            except (OSError, _NonsenseError) as error:
                raise _EndedError from error
        return connection.receive(method)

    def give_back(self, connection: HttpConnection) -> None:
        """Keep a connection for the next request."""
        connection.idle_since = time.monotonic()
        self._idle.append(connection)

    def _take(self) -> HttpConnection:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return HttpConnection(self.origin, self._limits)
            if connection.is_quiet():
                return connection
            connection.close()

    def _raise_botocores(self, error: BaseException) -> None:
        url = self.origin.url
        match error:
            case TimeoutError():
                raise botocore_errors.ReadTimeoutError(endpoint_url=url, error=error) from error
            case ssl.SSLError() | OSError():
                raise botocore_errors.ConnectionClosedError(
                    endpoint_url=url, error=error
                ) from error
            case _NonsenseError():
                raise botocore_errors.HTTPClientError(error=error) from error

    def close(self) -> None:
        """End all that are idle."""
        while self._idle:
            self._idle.pop().close()


def _connected_socket(origin: Origin, limits: Limits) -> socket.socket:
    """Connect, and agree on TLS where it is wanted.

    Raises:
        botocore's ConnectionError, or one of its kinds.
    """
    opened = _urllib3_connection(origin, limits)
    try:
        opened.connect()
    except NewConnectionError as error:  # first, since to urllib3 it is a ConnectTimeoutError
        raise botocore_errors.EndpointConnectionError(
            endpoint_url=origin.url, error=error
        ) from error
    except ConnectTimeoutError as error:
        raise botocore_errors.ConnectTimeoutError(endpoint_url=origin.url, error=error) from error
    except ProxyError as error:
        proxy_url = parse_url(origin.proxy_url or "")._replace(auth=None).url
        raise botocore_errors.ProxyConnectionError(proxy_url=proxy_url, error=error) from error
    except (ssl.SSLError, Urllib3SSLError) as error:
        raise botocore_errors.SSLError(endpoint_url=origin.url, error=error) from error
    except (OSError, HTTPError) as error:
        raise botocore_errors.EndpointConnectionError(
            endpoint_url=origin.url, error=error
        ) from error
    return cast("socket.socket", opened.sock)


def _urllib3_connection(origin: Origin, limits: Limits) -> HTTPConnection:
    settings: dict[str, Any] = {
        "timeout": limits.connect_seconds,
        "socket_options": HTTPConnection.default_socket_options,
    }
    if origin.scheme == "https":
        settings["ssl_context"] = origin.tls
    kind = HTTPSConnection if origin.scheme == "https" else HTTPConnection
    if not origin.proxy_url:
        return kind(origin.host, origin.port, **settings)
    proxy = parse_url(origin.proxy_url)
    opened = kind(proxy.host or "", proxy.port or 80, **settings)
    if origin.scheme == "https":
        opened.set_tunnel(origin.host, origin.port, proxy_headers(origin.proxy_url))
    return opened


def proxy_headers(proxy_url: str) -> dict[str, str]:
    """What tells a proxy who is asking (RFC 7617)."""
    auth = parse_url(proxy_url).auth
    return dict(make_headers(proxy_basic_auth=auth)) if auth else {}
