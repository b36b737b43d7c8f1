"""Answers as servers may send them, and what becomes of their bodies."""

from __future__ import annotations

import itertools
import time

import pytest
from botocore import exceptions as botocore_errors

from s3_integration.transfer.answers import HttpAnswer
from s3_integration.transfer.http import Connections
from s3_integration.transfer.integrity import DamagedError
from tests.fixtures.raw_server import HEAD, RawServer, Script, http_answer

# Answers that are less usual.


@pytest.mark.parametrize(
    ("come", "body"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;note=x\r\nc\r\n0\r\n\r\n", b"abc"),
        (b"Server: old\r\n\r\nabc", b"abc"),
    ],
    ids=["chunks", "until the end"],
)
def test_a_body_without_length_is_read(
    server: RawServer, pool: Connections, come: bytes, body: bytes
) -> None:
    server.answers(Script(b"HTTP/1.1 200 OK\r\n" + come, ends=True))

    assert pool.exchange("GET", HEAD).read(100) == body
    assert server.is_closed()


@pytest.mark.parametrize(
    "notes",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n",
    ],
    ids=["100", "103", "two"],
)
def test_notes_before_the_answer_are_passed_over(
    server: RawServer, pool: Connections, notes: bytes
) -> None:
    server.answers(notes + http_answer(200, b"abc"))

    answer = pool.exchange("PUT", HEAD)

    assert (answer.status, answer.read(100)) == (200, b"abc")
    assert not server.is_closed()


def test_notes_alone_are_no_answer(server: RawServer, hasty_pool: Connections) -> None:
    server.answers(b"HTTP/1.1 100 Continue\r\n\r\n")

    with pytest.raises(botocore_errors.ReadTimeoutError):
        hasty_pool.exchange("PUT", HEAD)


def test_headers_that_are_repeated_all_count(server: RawServer, pool: Connections) -> None:
    come = b"HTTP/1.1 200 OK\r\nA: 1\r\na: 2\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n"
    server.answers(come + b"abc")

    answer = pool.exchange("GET", HEAD)

    assert answer.headers["a"] == "1, 2"
    assert answer.read(10) == b"abc"


@pytest.mark.parametrize(
    ("version", "connection", "is_open"),
    [
        ("1.1", "", True),
        ("1.1", "Close", False),
        ("1.1", "keep-alive, close", False),
        ("1.1", "close , x", False),
        ("1.1", "keep-alive", True),
        ("1.1", "closed", True),
        ("1.0", "", False),
        ("1.0", "Keep-Alive", True),
        ("1.0", "x,keep-alive", True),
        ("1.0", "keep-alive, close", False),
    ],
    ids=str,
)
def test_a_server_says_whether_its_connection_stays_open(
    server: RawServer, pool: Connections, version: str, connection: str, is_open: bool
) -> None:
    server.answers(http_answer(Connection=connection).replace(b"1.1", version.encode(), 1))

    pool.exchange("PUT", HEAD)

    assert server.is_closed() == (not is_open)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)], ids=str)
def test_some_answers_have_no_body_whatever_their_length_says(
    server: RawServer, pool: Connections, method: str, status: int
) -> None:
    server.answers(http_answer(status, Content_Length="7"))

    answer = pool.exchange(method, HEAD)

    assert answer.headers["content-length"] == "7"
    assert answer.read(10) == b""
    assert not server.is_closed()


def test_a_head_answer_needs_no_length(server: RawServer, pool: Connections) -> None:
    server.answers(b"HTTP/1.1 404 Not Found\r\nServer: x\r\n\r\n")

    assert pool.exchange("HEAD", HEAD).read(10) == b""


# Bodies that break off, or come slowly.


@pytest.mark.parametrize(
    "come",
    [
        Script(b"Content-Length: 9\r\n\r\nabc"),
        Script(b"Transfer-Encoding: chunked\r\n\r\n9\r\nabc", ends=True),
        Script(b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc", ends=True),
    ],
    ids=["silent", "within a chunk", "no chunk"],
)
def test_a_body_that_breaks_off_is_damaged(
    server: RawServer, hasty_pool: Connections, come: Script
) -> None:
    server.answers(Script(b"HTTP/1.1 200 OK\r\n" + come.content, ends=come.ends))
    answer = hasty_pool.exchange("GET", HEAD)

    with pytest.raises(DamagedError, match="broke off"):
        answer.read(100)

    assert server.is_closed()


def test_a_body_that_ends_early_is_short_and_its_connection_closed(
    server: RawServer, pool: Connections
) -> None:
    server.answers(Script(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", ends=True))

    assert pool.exchange("GET", HEAD).read(100) == b"abc"
    assert server.is_closed()


def test_a_piece_of_a_chunk_is_not_held_back(server: RawServer, pool: Connections) -> None:
    server.answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc")
    buffer = memoryview(bytearray(10))

    count = pool.exchange("GET", HEAD).readinto(buffer)

    assert bytes(buffer[:count]) == b"abc"


@pytest.mark.parametrize(
    "come",
    [b"Content-Length: 9\r\n\r\na", b"Transfer-Encoding: chunked\r\n\r\n9\r\na"],
    ids=["whole", "chunked"],
)
def test_a_body_that_comes_too_slowly_is_damaged(
    server: RawServer, pool: Connections, monkeypatch: pytest.MonkeyPatch, come: bytes
) -> None:
    server.answers(b"HTTP/1.1 200 OK\r\n" + come)
    answer: HttpAnswer = pool.exchange("GET", HEAD)
    monkeypatch.setattr(time, "monotonic", itertools.count(0, 1000).__next__)
    buffer = memoryview(bytearray(1))

    with pytest.raises(DamagedError, match="TooSlow"):  # noqa: PT012 - each piece is late
        for piece in (b"b", b"c"):
            answer.readinto(buffer)
            server.say(piece)
        answer.readinto(buffer)

    assert server.is_closed()


def test_the_last_bytes_of_a_body_are_never_too_late(
    server: RawServer, pool: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
    answer = pool.exchange("GET", HEAD)
    monkeypatch.setattr(time, "monotonic", itertools.count(0, 1000).__next__)
    buffer = memoryview(bytearray(1))

    server.say(b"a")
    answer.readinto(buffer)
    server.say(b"b")

    assert answer.readinto(buffer) == 1
