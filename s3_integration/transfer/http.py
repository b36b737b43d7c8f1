"""HTTP/1.1 with little between Python and the socket, for the requests that carry bytes.

What is usual goes a short way: one answer with a Content-Length on a connection that stays
open. Whatever else a server sends (RFC 9112 knows chunks, bodies without length, notes
before the answer) goes through the standard library's `http.client`.
"""

from __future__ import annotations

import http.client
import re
import select
import ssl
import time
from collections import deque
from typing import TYPE_CHECKING

from botocore import exceptions as botocore_errors

from s3_integration.aws.pace import Limits, Pace, TooSlowError
from s3_integration.transfer.answers import HttpAnswer, Replayed, Sized, Unsized
from s3_integration.transfer.origin import Origin, connected_socket

if TYPE_CHECKING:
    from typing_extensions import Buffer

_HEAD_BYTES = 65536
"""What an answer's head may have at most; the same buffer takes a small body with it."""

_PIECE_BYTES = 256 * 1024
"""What is sent at once, so that a slow line shows that it moves."""

_IDLE_SECONDS = 15.0
"""Connections that were idle for longer are closed: S3 closes them after some 20 s."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: |\r\n|$)")


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


class HttpConnection:
    """One connection, used for one request at a time."""

    def __init__(self, origin: Origin, limits: Limits) -> None:
        self._limits = limits
        self._socket = connected_socket(origin, limits)
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
                    raise TooSlowError
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
        body = Sized(self, self._view[end:have], remaining)
        return HttpAnswer(status, headers, body, self, stays_open=stays_open)

    def _unusual_answer(self, method: str, end: int, have: int) -> HttpAnswer:
        """The same by the standard library, which reads what came from its beginning."""
        del end
        replayed = Replayed(bytes(self._view[:have]), self._socket)
        response = http.client.HTTPResponse(replayed, method=method)  # type: ignore[arg-type]
        try:
            response.begin()
        except http.client.HTTPException as error:
            raise _NonsenseError(f"{type(error).__name__}: {error}") from error
        headers = {name.lower(): value for name, value in response.getheaders()}
        return HttpAnswer(response.status, headers, Unsized(response), self, stays_open=False)

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
