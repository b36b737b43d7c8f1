"""HTTP/1.1 with little between Python and the socket, for the requests that carry bytes.

What is usual goes a short way: one answer with a Content-Length on a connection that stays
open. Bodies of another kind (RFC 9112 knows chunks, and such as end with their connection)
go through the standard library's `http.client`.
"""

from __future__ import annotations

import math
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
    from collections.abc import Callable

    from typing_extensions import Buffer

_HEAD_BYTES = 65536
"""What an answer's head may have at most; the same buffer takes a small body with it."""

_PIECE_BYTES = 256 * 1024
"""What is sent at once, so that a slow line shows that it moves."""

_IDLE_SECONDS = 15.0
"""Connections that were idle for longer are closed: S3 closes them after some 20 s."""

_MOMENT_SECONDS = 0.2
"""How long to wait for the rest of a small body, before other work is done first."""

_STEP_SECONDS = 0.1
"""How soon somebody who waits to send notices that the transfer has ended."""

_HEAD_END = b"\r\n\r\n"

_NOT_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""What sockets that do not wait say where they would have to."""


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
        return self.answer_to(self.send(head, content), method)

    def send(self, head: bytes, content: Buffer = b"") -> HttpConnection:
        """Send a request, whose answer is waited for by `answer_to`, or given up by `close`.

        Raises:
            botocore's ConnectionError: it could not be sent.
        """
        connection = self._take()
        try:
            connection.send(head, content)
        except (BrokenPipeError, ConnectionResetError):
            # Servers refuse before they have read everything; what they say is worth more.
            connection.is_cut = True
        except BaseException as error:
            connection.close()
            self._raise_botocores(error)
            raise
        return connection

    def answer_to(self, connection: HttpConnection, method: str) -> HttpAnswer:
        """The beginning of the answer to what was sent.

        Raises:
            botocore's ConnectionError and HTTPClientError: there is none.
        """
        try:
            return self._heard(connection, method).belongs_to(self)
        except BaseException as error:
            connection.close()
            self._raise_botocores(error)
            raise

    def _heard(self, connection: HttpConnection, method: str) -> HttpAnswer:
        if not connection.is_cut:
            return connection.receive(method)
        try:
            return connection.receive(method)
        except (OSError, NonsenseError) as error:
            raise _EndedError from error

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
        # What is there already is taken without asking whether it is, as waiting sockets do.
        self._socket.settimeout(0)
        self._readable = select.poll()
        self._readable.register(self._socket, select.POLLIN)
        self._buffer = bytearray(_HEAD_BYTES)
        self._view = memoryview(self._buffer)
        self.idle_since = 0.0
        self.is_cut = False
        """The server took no more of a request; it may have said why."""

    def send(self, head: bytes, content: Buffer = b"") -> None:
        """Send a request."""
        check_is_wanted()
        view = memoryview(content)
        bandwidth = self._limits.bandwidth
        if len(view) <= _HEAD_BYTES and bandwidth is None:
            self._send_all(b"".join((head, view)) if view else head)
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
            sent = self._send_some(piece)
            offset += sent
            pace.note(sent, time.monotonic() - began)
            check_is_wanted()

    def _send_all(self, piece: bytes) -> None:
        sent = self._send_some(piece)
        while sent < len(piece):
            sent += self._send_some(memoryview(piece)[sent:])

    def _send_some(self, piece: Buffer) -> int:
        try:
            return self._socket.send(piece)
        except _NOT_YET:
            end_turn()
            return self._patiently(
                lambda: self._socket.send(piece), select.POLLOUT, self._limits.stall_seconds
            )

    def _receive_some(self, buffer: memoryview, seconds: float) -> int:
        try:
            return self._socket.recv_into(buffer)
        except _NOT_YET:
            turns = end_turn()
            count = self._patiently(lambda: self._socket.recv_into(buffer), select.POLLIN, seconds)
            if turns is not None:
                turns.take()
            return count

    def _patiently(self, act: Callable[[], int], event: int, seconds: float) -> int:
        """What `act` returns once the socket is ready for it.

        Raises:
            TimeoutError: it was not, within `seconds`.
        """
        due = time.monotonic() + seconds
        while True:
            self._wait(event, due)
            try:
                return act()
            except ssl.SSLWantReadError:  # TLS may have to hear something before it can send,
                event = select.POLLIN
            except ssl.SSLWantWriteError:  # or the other way round
                event = select.POLLOUT
            except BlockingIOError:
                continue

    def _wait(self, event: int, due: float) -> None:
        poll = select.poll()
        poll.register(self._socket, event)
        # A socket takes more only when a third of its buffer, of megabytes, has gone out: on a
        # slow line that takes longer than somebody who pressed Ctrl-C should wait. What has been
        # sent is answered soon; an upload that is aborted while S3 still stores a part keeps it.
        is_sending = event == select.POLLOUT
        while (left_seconds := due - time.monotonic()) > 0:
            step_seconds = min(left_seconds, _STEP_SECONDS) if is_sending else left_seconds
            if poll.poll(math.ceil(step_seconds * 1000)):
                return
            if is_sending:
                check_is_wanted()
        raise TimeoutError

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
            searched = have
            have += self._receive_some(self._view[have:], due - now)
            if have == searched:
                raise _EndedError
        return end + len(_HEAD_END), have

    def _body(self, method: str, head: Head, end: int, have: int) -> Sized | Unsized:
        length = length_of(method, head)
        if length is None:
            return Unsized(self, self._view[:have])
        return Sized(self, self._view[end:], have - end, length)

    def read_body(self, buffer: memoryview) -> int:
        """Bytes straight from the socket."""
        end_turn()
        return self._receive_some(buffer, self._limits.stall_seconds)

    def read_at_once(self, buffer: memoryview) -> int:
        """Bytes that come within a moment; 0 where they don't, or it has ended."""
        try:
            return self._receive_some(buffer, _MOMENT_SECONDS)
        except OSError:  # told again to whoever reads on
            return 0

    @property
    def limits(self) -> Limits:
        """How long to wait for what."""
        return self._limits

    def is_quiet(self) -> bool:
        """Whether it may be used again: nothing came on it, not even its end."""
        if time.monotonic() - self.idle_since > _IDLE_SECONDS:
            return False
        return not self._readable.poll(0)

    def close(self) -> None:
        """End it."""
        self._socket.close()

    def __del__(self) -> None:
        # Clients have no end that callers would have to announce; idle connections end here.
        if hasattr(self, "_socket"):  # it may never have been made
            self._socket.close()


class _EndedError(OSError):
    """The connection ended before an answer came."""
