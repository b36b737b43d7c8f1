"""HTTP/1.1 with little between Python and the socket, for the requests that carry bytes.

What is usual goes a short way: one answer with a Content-Length on a connection that stays
open. Bodies of another kind (RFC 9112 knows chunks, and such as end with their connection)
go through the standard library's `http.client`.
"""

from __future__ import annotations

import select
import ssl
import time
from collections import deque
from typing import TYPE_CHECKING

from botocore import exceptions as botocore_errors

from s3_integration.aws.pace import Limits, Pace, TooSlowError
from s3_integration.cancellation import check_is_wanted
from s3_integration.transfer.answers import (
    Head,
    HttpAnswer,
    NonsenseError,
    Sized,
    Unsized,
    head_of,
    length_of,
)
from s3_integration.transfer.origin import Origin, connected_socket
from s3_integration.transfer.turns import end_turn

if TYPE_CHECKING:
    from typing_extensions import Buffer

_HEAD_BYTES = 65536
"""What an answer's head may have at most; the same buffer takes a small body with it."""

_PIECE_BYTES = 256 * 1024
"""What is sent at once, so that a slow line shows that it moves."""

_IDLE_SECONDS = 15.0
"""Connections that were idle for longer are closed: S3 closes them after some 20 s."""

_HEAD_END = b"\r\n\r\n"


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
            except (OSError, NonsenseError) as error:
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
            case NonsenseError():
                raise botocore_errors.HTTPClientError(error=error) from error

    def close(self) -> None:
        """End all that are idle."""
        while self._idle:
            self._idle.pop().close()


class HttpConnection:
    """One connection, used for one request at a time."""

    def __init__(self, origin: Origin, limits: Limits) -> None:
        self._limits = limits
        end_turn()
        self._socket = connected_socket(origin, limits)
        self._buffer = bytearray(_HEAD_BYTES)
        self._view = memoryview(self._buffer)
        self.idle_since = 0.0

    def send(self, head: bytes, content: Buffer = b"") -> None:
        """Send a request."""
        check_is_wanted()
        self._socket.settimeout(self._limits.stall_seconds)
        view = memoryview(content)
        bandwidth = self._limits.bandwidth
        if len(view) <= _HEAD_BYTES and bandwidth is None:
            self._send_all(b"".join((head, view)))
            return
        self._send_all(head)
        pace = Pace(self._limits)
        piece_bytes = bandwidth.piece_bytes if bandwidth else _PIECE_BYTES
        offset = 0
        while offset < len(view):
            piece = view[offset : offset + piece_bytes]
            if bandwidth:
                end_turn()
                bandwidth.take(len(piece))
            began = time.monotonic()
            sent = self._socket.send(piece)
            offset += sent
            pace.note(sent, time.monotonic() - began)
            check_is_wanted()

    def _send_all(self, piece: bytes) -> None:
        sent = self._socket.send(piece)
        if sent < len(piece):
            self._socket.sendall(memoryview(piece)[sent:])

    def receive(self, method: str) -> HttpAnswer:
        """The answer to what was sent; its body follows.

        Raises:
            botocore's ConnectionClosedError: there was none.
        """
        begins_by = time.monotonic() + self._limits.answer_seconds
        have = 0
        while True:
            end, have = self._receive_head(begins_by, have)
            head = head_of(bytes(self._view[: end - len(_HEAD_END)]))
            if head.status >= 200:
                self._socket.settimeout(self._limits.stall_seconds)
                return HttpAnswer(head, self._body(method, head, end, have), self)
            if head.status == 101:
                message = "the server changes to a protocol that nobody asked for"
                raise NonsenseError(message)
            # A note, such as "100 Continue"; the answer follows.
            rest = bytes(self._view[end:have])
            self._buffer[: len(rest)] = rest
            have = len(rest)

    def _receive_head(self, begins_by: float, have: int) -> tuple[int, int]:
        """Receive until a head is there: where it ends, and how many bytes there are.

        The whole head, not each byte of it, has to come in time.
        """
        due, searched = begins_by, 0
        while (end := self._buffer.find(_HEAD_END, max(searched - 3, 0), have)) < 0:
            if have == _HEAD_BYTES:
                message = f"an answer's head has more than {_HEAD_BYTES} bytes"
                raise NonsenseError(message)
            now = time.monotonic()
            if have and not searched:
                due = now + self._limits.stall_seconds
            if now >= due:
                raise TooSlowError
            self._socket.settimeout(due - now)
            searched = have
            turns = end_turn()
            have += self._socket.recv_into(self._view[have:])
            if turns is not None:
                turns.take()
            if have == searched:
                raise _EndedError
        return end + len(_HEAD_END), have

    def _body(self, method: str, head: Head, end: int, have: int) -> Sized | Unsized:
        length = length_of(method, head)
        if length is None:
            return Unsized(self, self._view[:have])
        return Sized(self, self._view[end:have], length)

    def read_body(self, buffer: memoryview) -> int:
        """Bytes straight from the socket."""
        end_turn()
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
