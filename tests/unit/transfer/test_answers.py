"""Answers as servers may send them, and what becomes of their bodies."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from s3_integration.transfer.answers import HttpAnswer
from s3_integration.transfer.http import Connections
from s3_integration.transfer.integrity import DamagedError
from tests.fixtures.raw_server import (
    HASTY,
    LIMITS,
    ORIGIN,
    RawServer,
    Script,
    http_answer,
    raw_server,
)

HEAD = b"GET /k HTTP/1.1\r\nhost: s3.example.com\r\n\r\n"

server = pytest.fixture(raw_server)


@pytest.fixture
def pool(server: RawServer) -> Any:
    """The connections to the server."""
    connections = Connections(ORIGIN, LIMITS)
    yield connections
    connections.close()


@pytest.fixture
def hasty_pool(server: RawServer) -> Any:
    """The same with little patience."""
    connections = Connections(ORIGIN, HASTY)
    yield connections
    connections.close()


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


def test_notes_before_the_answer_are_passed_over(server: RawServer, pool: Connections) -> None:
    server.answers(b"HTTP/1.1 100 Continue\r\n\r\n" + http_answer(200, b"abc"))

    answer = pool.exchange("PUT", HEAD)

    assert (answer.status, answer.read(100)) == (200, b"abc")


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

    answer.close()
    assert server.is_closed()


def test_a_body_that_ends_early_is_short_and_its_connection_closed(
    server: RawServer, pool: Connections
) -> None:
    server.answers(Script(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", ends=True))

    assert pool.exchange("GET", HEAD).read(100) == b"abc"
    assert server.is_closed()


def test_a_body_that_comes_too_slowly_is_damaged(
    server: RawServer, pool: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers(http_answer(body=b"x" * 100))
    answer: HttpAnswer = pool.exchange("GET", HEAD)
    monkeypatch.setattr(time, "monotonic", itertools.count(0, 1000).__next__)
    buffer = memoryview(bytearray(1))

    with pytest.raises(DamagedError, match="TooSlow"):
        answer.readinto(buffer)

    assert server.is_closed()
