"""Answers to boto3 that all but stop, and such as only look like it."""

from __future__ import annotations

import io
import logging
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3.util.connection
from botocore.exceptions import ClientError

from s3_integration.aws import paced
from s3_integration.aws.pace import Limits, TooSlowError
from s3_integration.aws.paced import _Answer, _PacedConnection, _PacedSocket
from s3_integration.aws.session import connect
from s3_integration.config import resolve_settings
from tests.fixtures.mock_responses import CONFIG, error_answer
from tests.fixtures.raw_server import http_answer

LIMITS = Limits(connect_seconds=5, answer_seconds=60, stall_seconds=30, slowest_bytes_per_second=10)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"
NOTE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass
class Line(io.RawIOBase):
    """What comes from a server, and when: seconds that each piece is waited for."""

    pieces: list[tuple[float, bytes]]
    now: float = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if not self.pieces:
            return 0
        seconds, piece = self.pieces.pop(0)
        self.now += seconds
        buffer[: len(piece)] = piece
        return len(piece)


def read(line: Line, monkeypatch: pytest.MonkeyPatch, method: str, pause: float = 0.0) -> bytes:
    """All that comes, with a pause of the reader's own after each piece."""
    monkeypatch.setattr(time, "monotonic", lambda: line.now)
    connection: Any = SimpleNamespace(limits=LIMITS, answers_while_working=method == "POST")
    answer = _Answer(line, connection)
    whole = b""
    while piece := answer.read(4096):
        whole += piece
        line.now += pause
    return whole


def drops(content: bytes, seconds: float) -> list[tuple[float, bytes]]:
    """Each byte by itself."""
    return [(seconds, content[at : at + 1]) for at in range(len(content))]


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_a_head_in_drops_is_given_up(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    line = Line(drops(HEAD, 1.0))

    with pytest.raises(TooSlowError):
        read(line, monkeypatch, method)

    assert line.now <= LIMITS.stall_seconds + 2


def test_a_body_in_drops_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line([(0.1, HEAD), *drops(b"x" * 900, 1.0)])

    with pytest.raises(TooSlowError):
        read(line, monkeypatch, "GET")


@pytest.mark.parametrize(
    "pieces",
    [
        [(59.0, HEAD), (0.1, b"x" * 900)],
        [(0.1, HEAD), *[(20.0, b"x" * 300)] * 3],
        [(0.1, NOTE), (59.0, HEAD), (0.1, b"x" * 900)],
        [*drops(NOTE, 0.1), (59.0, NOTE + NOTE), (59.0, HEAD + b"x" * 900)],
    ],
    ids=["late", "slow but steady", "note", "notes"],
)
def test_answers_may_take_their_time(
    monkeypatch: pytest.MonkeyPatch, pieces: list[tuple[float, bytes]]
) -> None:
    assert read(Line(pieces), monkeypatch, "PUT").endswith(HEAD + b"x" * 900)


def test_a_reader_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line([(0.1, HEAD), *drops(b"x" * 900, 0.01)])

    assert len(read(line, monkeypatch, "GET", pause=100.0)) == len(HEAD) + 900


def test_s3_may_work_for_minutes_while_it_answers_a_post(monkeypatch: pytest.MonkeyPatch) -> None:
    blanks = drops(b" " * 20, 29.0)
    line = Line([(0.1, HEAD), *blanks, (0.1, b"<Done/>")])

    assert read(line, monkeypatch, "POST").endswith(b"<Done/>")


def test_s3_may_not_work_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line([(0.1, HEAD), *drops(b" " * 100, 29.0)])

    with pytest.raises(TooSlowError):
        read(line, monkeypatch, "POST")

    assert line.now < 660


# How boto3 comes to use it.


class Wire:
    """Stands in for connecting; each connection has its answer written on it beforehand."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self._ends: list[socket.socket] = []

    def connect(self, *_: object, **__: object) -> socket.socket:
        """See urllib3's `create_connection`."""
        ours, theirs = socket.socketpair()
        theirs.sendall(self.answers.pop(0))
        self._ends += [ours, theirs]
        return ours

    def close(self) -> None:
        """End everything."""
        for end in self._ends:
            end.close()


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """What the clients of this test are connected to."""
    wire = Wire()
    monkeypatch.setattr(urllib3.util.connection, "create_connection", wire.connect)
    yield wire
    wire.close()


def client() -> Any:
    """A client of boto3's, as the package makes it."""
    config = replace(CONFIG, endpoint_url="http://127.0.0.1:9000")
    return connect(resolve_settings(config=config, environment={}, dotenv={})).client


def test_every_connection_of_boto3s_has_limits() -> None:
    session: Any = client()._endpoint.http_session

    for manager in (session._manager, session._get_proxy_manager("http://proxy:1")):
        for url in ("http://s3", "https://s3"):
            assert issubclass(manager.connection_from_url(url).ConnectionCls, _PacedConnection)


def test_answers_are_read_as_ever(wire: Wire) -> None:
    wire.answers = [http_answer(200, b"content", ETag='"e"')]

    answer = client().get_object(Bucket="unit-tests", Key="k")

    assert (answer["ETag"], answer["Body"].read()) == ('"e"', b"content")


def test_s3_may_work_while_it_answers_copies_and_no_other_puts(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[bool] = []

    class Noted(_Answer):
        def __init__(self, raw: Any, connection: Any) -> None:
            found.append(connection.answers_while_working)
            super().__init__(raw, connection)

    monkeypatch.setattr(paced, "_Answer", Noted)
    copied = b'<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>'
    wire.answers = [http_answer(200, copied), http_answer(200, b"", ETag='"e"')]

    client().copy_object(Bucket="unit-tests", Key="k", CopySource="unit-tests/s")
    client().put_object(Bucket="unit-tests", Key="k", Body=b"")

    assert (found[0], found[-1]) == (True, False)


@pytest.mark.parametrize("note", [b"", NOTE], ids=["at once", "after a note"])
def test_a_refusal_before_the_content_went_out_is_heard(wire: Wire, note: bytes) -> None:
    wire.answers = [note + http_answer(403, error_answer(403, "AccessDenied").body)]

    with pytest.raises(ClientError, match="AccessDenied"):
        client().put_object(Bucket="unit-tests", Key="k", Body=b"content")


def test_a_socket_is_still_a_socket() -> None:
    ours, theirs = socket.socketpair()
    connection: Any = SimpleNamespace(limits=LIMITS, answers_while_working=False)
    wrapped = _PacedSocket(ours, connection)

    with theirs:
        theirs.sendall(b"ab")
        unbuffered, buffered = wrapped.makefile("rb", 0), wrapped.makefile("rb")
        assert (unbuffered.read(1), buffered.read(1)) == (b"a", b"b")
        assert wrapped.fileno() == ours.fileno()
        for file in (wrapped, unbuffered, buffered):
            file.close()

    assert ours.fileno() == -1


def test_another_botocore_is_left_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    other: Any = SimpleNamespace()

    with caplog.at_level(logging.DEBUG):
        paced.install(other, LIMITS)

    assert "may drip" in caplog.text
