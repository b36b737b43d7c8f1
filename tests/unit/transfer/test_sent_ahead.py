"""Requests of the direct wire that are sent before an earlier one is answered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.fixtures.direct_wires import LOCAL, heard_by, refusal, wire_to, without_proxies
from tests.fixtures.raw_server import RawServer, Script, http_answer

no_proxies = pytest.fixture(autouse=True)(without_proxies)

WHERE = {"Bucket": "unit-tests", "Key": "k"}


def test_requests_are_sent_before_the_first_is_answered(server: RawServer) -> None:
    wire = wire_to()
    server.answers(b"", b"")

    sent = [wire.send_get_object(**WHERE, Range=f"bytes=0-{last}") for last in (1, 2)]
    heard = [heard_by(server, number).headers["range"] for number in (0, 1)]
    for number, body in ((1, b"two"), (0, b"one")):
        server.say(http_answer(206, body, ETag='"e"'), connection=number)
    bodies = [wire.answer_to(each)[1].readinto(memoryview(bytearray(9))) for each in sent]

    assert heard == ["bytes=0-1", "bytes=0-2"]
    assert bodies == [3, 3]


def test_the_call_that_was_sent_ahead_takes_its_answer_and_the_next_is_sent(
    server: RawServer,
) -> None:
    wire = wire_to()
    server.answers(http_answer(206, b"one", ETag='"1"', Connection="close"))
    server.answers(http_answer(206, b"two", ETag='"2"', Connection="close"))
    after = wire.after(wire.send_get_object(**WHERE))

    etags = [after.get_object(**WHERE)[0]["ETag"] for _ in range(2)]

    assert etags == ['"1"', '"2"']
    assert server.connections == 2


def test_what_was_sent_ahead_is_given_up_where_something_else_is_asked(server: RawServer) -> None:
    wire = wire_to()
    server.answers(b"", http_answer(206, b"two", ETag='"2"'))
    after = wire.after(wire.send_get_object(**WHERE, Range="bytes=0-9"))

    told, _ = after.get_object(**WHERE, Range="bytes=0-0")

    assert told["ETag"] == '"2"'
    assert server.is_closed(0)
    assert heard_by(server, 1).headers["range"] == "bytes=0-0"


@pytest.mark.parametrize(
    "first",
    [
        refusal(503, "SlowDown", Connection="close"),
        Script(b"", ends=True),
        ConnectionClosedError(endpoint_url="u"),
    ],
    ids=["refused", "ended", "not connected"],
)
def test_what_was_sent_ahead_in_vain_counts_as_the_first_attempt(
    server: RawServer, slept: list[float], first: bytes | Script | Exception
) -> None:
    wire = wire_to(replace(LOCAL, total_attempts=2))
    server.answers(first, refusal(503, "SlowDown", Connection="close"))
    after = wire.after(wire.send_put_object(b"content", **WHERE))

    with pytest.raises(ClientError, match="SlowDown") as caught:
        after.put_object(b"content", **WHERE)

    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 1
    assert len(slept) == 1
    assert len(server.origins) == 2


def test_a_small_body_is_gathered_and_can_still_be_read(server: RawServer) -> None:
    wire = wire_to()
    server.answers(http_answer(206, b"content", ETag='"e"'))

    answer: Any = wire.send_get_object(**WHERE).answer()

    assert bytes(answer.gathered()) == b"content"
    assert answer.read(100) == b"content"


@pytest.mark.parametrize(
    "come",
    [
        Script(http_answer(206, b"content")[:-3], ends=True),
        http_answer(206, bytes(70_000)),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    ],
    ids=["broken off", "large", "in chunks"],
)
def test_what_is_not_there_as_a_whole_is_not_gathered(
    server: RawServer, come: bytes | Script
) -> None:
    server.answers(come)

    answer: Any = wire_to().send_get_object(**WHERE).answer()

    assert answer.gathered() is None


def test_a_connection_is_free_once_what_was_gathered_is_taken(server: RawServer) -> None:
    wire = wire_to()
    server.answers(http_answer(206, b"content", ETag='"e"'))
    answer: Any = wire.send_get_object(**WHERE).answer()
    answer.gathered()

    answer.is_taken()
    again: Any = wire.send_get_object(**WHERE)

    assert server.connections == 1
    again.give_up()
    assert server.is_closed()
