"""HTTP as the direct wire speaks it: what a server may send, and what becomes of it."""

from __future__ import annotations

import itertools
import socket
import time
from dataclasses import replace
from typing import Any

import pytest
from botocore import exceptions as botocore_errors

from s3_integration.aws.bandwidth import Bandwidth
from s3_integration.cancellation import BrokenOffError, breaking_off_when
from s3_integration.transfer import http
from s3_integration.transfer.http import Connections
from tests.fixtures.raw_server import HEAD, LIMITS, ORIGIN, RawServer, Script, http_answer


class Trickle:
    """A socket of which each `recv_into` brings one byte."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def recv_into(self, buffer: memoryview) -> int:
        return self._inner.recv_into(buffer[:1])


@pytest.mark.parametrize("is_slow", [False, True], ids=["at once", "byte by byte"])
def test_an_answer_is_read_however_it_comes(
    server: RawServer, pool: Connections, monkeypatch: pytest.MonkeyPatch, is_slow: bool
) -> None:
    if is_slow:
        monkeypatch.setattr(http, "connected_socket", lambda *a: Trickle(server.connect(*a)))
    server.answers(http_answer(206, b"abc", ETag='"e"'))

    answer = pool.exchange("GET", HEAD)

    assert (answer.status, answer.headers["etag"]) == (206, '"e"')
    assert answer.read(100) == b"abc"
    assert server.heard() == HEAD


def test_no_more_of_a_body_is_given_than_was_asked_for(
    server: RawServer, pool: Connections
) -> None:
    server.answers(http_answer(body=b"x" * 100))

    answer = pool.exchange("GET", HEAD)

    assert answer.read(10) == b"x" * 10


def test_a_body_that_comes_later_is_waited_for(server: RawServer, pool: Connections) -> None:
    server.answers(http_answer(body=b"")[:-2].replace(b": 0", b": 6") + b"\r\nabc")
    answer = pool.exchange("GET", HEAD)
    buffer = memoryview(bytearray(10))

    first = answer.readinto(buffer)
    server.say(b"def")
    second = answer.readinto(buffer[first:])

    assert (first, second) == (3, 3)
    assert bytes(buffer[:6]) == b"abcdef"
    assert answer.readinto(buffer) == 0


@pytest.mark.parametrize("size", [10, 100_000])
def test_content_is_sent_after_the_head(server: RawServer, pool: Connections, size: int) -> None:
    server.answers(http_answer())
    content = bytes(range(256)) * (size // 256 + 1)

    answer = pool.exchange("PUT", HEAD, content)

    assert answer.status == 200
    assert server.heard() == HEAD + content


class Takings(Bandwidth):
    """A cap of 8 KiB a second for which nobody has to wait."""

    def __init__(self) -> None:
        super().__init__(8192)
        self.taken: list[int] = []

    def take(self, size_bytes: int) -> None:
        self.taken.append(size_bytes)


def test_under_a_cap_both_ways_go_by_small_pieces_that_are_counted(server: RawServer) -> None:
    cap = Takings()
    pool = Connections(ORIGIN, replace(LIMITS, bandwidth=cap))
    server.answers(http_answer(body=b"y" * 5000))

    answer = pool.exchange("PUT", HEAD, b"x" * 10_000)
    sent, cap.taken = cap.taken, []
    body = answer.read(10_000)
    pool.close()

    assert (sent, cap.taken) == ([4096, 4096, 1808], [4096, 904])
    assert server.heard() == HEAD + b"x" * 10_000
    assert body == b"y" * 5000


def test_content_of_which_the_socket_takes_a_part_is_sent_whole(
    server: RawServer, pool: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Narrow(Trickle):
        def send(self, piece: Any) -> int:
            return self._inner.send(piece[:7])

    monkeypatch.setattr(http, "connected_socket", lambda *a: Narrow(server.connect(*a)))
    server.answers(http_answer())

    pool.exchange("PUT", HEAD, b"content")

    assert server.heard() == HEAD + b"content"


def test_a_server_that_takes_nothing_is_not_waited_for_forever(
    server: RawServer, hasty_pool: Connections
) -> None:
    server.answers(b"")

    with pytest.raises(botocore_errors.ReadTimeoutError):
        hasty_pool.exchange("PUT", HEAD, bytes(8 * 1024 * 1024))

    assert server.is_closed()


def test_a_request_that_nobody_waits_for_is_broken_off_while_it_is_sent(
    server: RawServer, pool: Connections
) -> None:
    asked = itertools.count()
    server.answers(b"")

    with pytest.raises(BrokenOffError), breaking_off_when(lambda: next(asked) > 0):
        pool.exchange("PUT", HEAD, bytes(8 * 1024 * 1024))

    assert next(asked) == 2  # before the head, and after the first piece
    assert server.is_closed()


def test_a_request_is_broken_off_even_while_the_socket_takes_nothing(
    server: RawServer, pool: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_STEP_SECONDS", 0.001)
    asked = itertools.count()
    server.answers(b"")

    # Of 32 pieces the socket takes a few, and then none.
    with pytest.raises(BrokenOffError), breaking_off_when(lambda: next(asked) > 100):
        pool.exchange("PUT", HEAD, bytes(8 * 1024 * 1024))

    assert server.is_closed()


def test_a_request_that_nobody_waits_for_any_more_is_not_begun(
    server: RawServer, pool: Connections
) -> None:
    server.answers(b"")

    with pytest.raises(BrokenOffError), breaking_off_when(lambda: True):
        pool.exchange("GET", HEAD)

    assert server.heard() == b""


# How a connection is used again.


def test_a_connection_is_used_again(
    server: RawServer, pool: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Prompt(Trickle):
        """Answers when it is asked, since a connection on which something waits is of doubt."""

        def send(self, piece: Any) -> int:
            server.say(http_answer(body=b"one"))
            return self._inner.send(piece)

    monkeypatch.setattr(http, "connected_socket", lambda *a: Prompt(server.connect(*a)))
    server.answers(b"")

    bodies = [pool.exchange("GET", HEAD).read(10) for _ in range(3)]

    assert bodies == [b"one"] * 3
    assert server.connections == 1
    assert server.heard() == HEAD * 3


@pytest.mark.parametrize(
    "first",
    [
        http_answer(body=b"x", Connection="close"),
        http_answer(body=b"x", Connection="Close"),
        http_answer(body=b"x") + b"HTTP/1.1 200 of another\r\n",
        Script(http_answer(body=b"x"), ends=True),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    ],
    ids=["close", "Close", "too many bytes", "ended", "chunked"],
)
def test_a_connection_of_doubt_is_not_used_again(
    server: RawServer, pool: Connections, first: bytes | Script
) -> None:
    server.answers(first, http_answer(body=b"y"))

    bodies = [pool.exchange("GET", HEAD).read(10) for _ in range(2)]

    assert bodies == [b"x", b"y"]
    assert server.is_closed(0)


def test_a_connection_on_which_something_came_while_idle_is_not_used_again(
    server: RawServer, pool: Connections
) -> None:
    server.answers(http_answer(), http_answer(204))
    pool.exchange("PUT", HEAD)
    server.say(http_answer(200, b"a stranger's"))

    answer = pool.exchange("PUT", HEAD)

    assert answer.status == 204
    assert server.is_closed(0)


def test_a_connection_that_was_idle_for_long_is_not_used_again(
    server: RawServer, pool: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers(http_answer(), http_answer(204))
    pool.exchange("PUT", HEAD)
    later = time.monotonic() + 16
    monkeypatch.setattr(time, "monotonic", lambda: later)

    assert pool.exchange("PUT", HEAD).status == 204
    assert server.connections == 2


def test_a_connection_whose_answer_is_left_unread_is_closed(
    server: RawServer, pool: Connections
) -> None:
    server.answers(http_answer(body=b"rest"))
    answer = pool.exchange("GET", HEAD)

    answer.close()
    answer.close()

    assert server.is_closed()


def test_a_connection_whose_answer_was_read_survives_the_answers_close(
    server: RawServer, pool: Connections
) -> None:
    server.answers(http_answer(body=b"all"))
    answer = pool.exchange("GET", HEAD)
    answer.read(10)

    answer.close()

    assert not server.is_closed()


def test_closing_ends_the_idle_connections(server: RawServer, pool: Connections) -> None:
    server.answers(http_answer())
    pool.exchange("PUT", HEAD)

    pool.close()

    assert server.is_closed()


# Answers that are none.


@pytest.mark.parametrize(
    "come",
    [
        b"HTTP/1.1 200 OK\r\nA: " + b"a" * 70000,
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 2000\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nnonsense\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
        http_answer(Content_Length="5, 7"),
        http_answer(Content_Length="five"),
        http_answer(Content_Length="-5"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked" + b"\r\na: b" * 200 + b"\r\n\r\n",
    ],
    ids=[
        "head too large",
        "not http",
        "no such status",
        "long status",
        "nonsense later",
        "another protocol",
        "two lengths",
        "no number",
        "below nothing",
        "too many headers",
    ],
)
def test_what_is_not_http_is_said_to_be_so(
    server: RawServer, pool: Connections, come: bytes
) -> None:
    server.answers(Script(come, ends=True))

    with pytest.raises(botocore_errors.HTTPClientError):
        pool.exchange("GET", HEAD)

    assert server.is_closed()


@pytest.mark.parametrize("come", [b"", b"HTTP/1.1 200 OK\r\nContent-"], ids=["nothing", "half"])
def test_a_connection_that_ends_before_its_answer_is_an_error(
    server: RawServer, pool: Connections, come: bytes
) -> None:
    server.answers(Script(come, ends=True))

    with pytest.raises(botocore_errors.ConnectionClosedError):
        pool.exchange("GET", HEAD)


@pytest.mark.parametrize("come", [b"", b"HTTP/1.1 200 OK\r\nContent-"], ids=["nothing", "half"])
def test_a_server_that_stays_silent_is_given_up(
    server: RawServer, hasty_pool: Connections, come: bytes
) -> None:
    server.answers(come)

    with pytest.raises(botocore_errors.ReadTimeoutError):
        hasty_pool.exchange("GET", HEAD)

    assert server.is_closed()


def test_a_head_that_comes_in_drops_is_given_up(
    server: RawServer, hasty_pool: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = itertools.count(0.0, 0.04)
    monkeypatch.setattr(http, "connected_socket", lambda *a: Trickle(server.connect(*a)))
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks))
    server.answers(http_answer())

    with pytest.raises(botocore_errors.ReadTimeoutError):
        hasty_pool.exchange("GET", HEAD)


# Refusals while sending.


@pytest.mark.parametrize("size", [0, 100_000])
def test_a_refusal_that_comes_while_sending_is_heard(
    server: RawServer, pool: Connections, size: int
) -> None:
    server.answers(Script(http_answer(403, b"no"), is_deaf=True))

    answer = pool.exchange("PUT", HEAD, bytes(size))

    assert (answer.status, answer.read(10)) == (403, b"no")


@pytest.mark.parametrize("come", [b"", b"nonsense\r\n\r\n"], ids=["silent", "nonsense"])
def test_a_connection_that_breaks_while_sending_is_an_error(
    server: RawServer, pool: Connections, come: bytes
) -> None:
    server.answers(Script(come, ends=True, is_deaf=True))

    with pytest.raises(botocore_errors.ConnectionClosedError):
        pool.exchange("PUT", HEAD, b"content")


def test_an_interruption_closes_the_connection_and_stays_itself(
    server: RawServer, pool: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    server.answers(http_answer())
    monkeypatch.setattr(http.HttpConnection, "receive", interrupt)

    with pytest.raises(KeyboardInterrupt):
        pool.exchange("GET", HEAD)

    assert server.is_closed()
