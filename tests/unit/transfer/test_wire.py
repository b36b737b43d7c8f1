"""boto3's wire: how content goes out by it, and how bodies come in."""

from __future__ import annotations

import io
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from urllib3.exceptions import ProtocolError

from s3_integration.cancellation import BrokenOffError, breaking_off_when
from s3_integration.transfer import wire
from s3_integration.transfer.integrity import DamagedError
from s3_integration.transfer.wire import Boto3Wire
from tests.fixtures.mock_responses import Answer, CannedS3, connection_to, etag_of, take


def wire_to(s3: CannedS3) -> Boto3Wire:
    return Boto3Wire(connection_to(s3))


def test_an_object_is_put() -> None:
    s3 = CannedS3(take)

    told = wire_to(s3).put_object(b"content", Bucket="unit-tests", Key="k", ContentType="a/b")

    (sent,) = s3.sent
    assert (sent.body, sent.headers["content-type"]) == (b"content", "a/b")
    assert sent.headers["content-length"] == "7"
    assert told["ETag"] == etag_of(b"content")


def test_a_part_is_put() -> None:
    s3 = CannedS3(take)

    wire_to(s3).upload_part(
        memoryview(b"part"), Bucket="unit-tests", Key="k", UploadId="u", PartNumber=2
    )

    (sent,) = s3.sent
    assert (sent.query, sent.body) == ({"uploadId": "u", "partNumber": "2"}, b"part")


def test_content_is_sent_from_its_beginning_at_each_attempt(slept: list[float]) -> None:
    s3 = CannedS3(Answer(503), take)

    wire_to(s3).put_object(b"content", Bucket="unit-tests", Key="k")

    assert [sent.body for sent in s3.sent] == [b"content"] * 2
    assert len(slept) == 1


def test_a_body_is_read_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_PIECE_BYTES", 3)
    s3 = CannedS3(Answer(body=b"abcde", headers={"etag": '"e"'}))
    buffer = memoryview(bytearray(10))

    told, body = wire_to(s3).get_object(Bucket="unit-tests", Key="k")
    pieces = [bytes(buffer[: body.readinto(buffer)]) for _ in range(3)]
    body.close()

    assert told["ETag"] == '"e"'
    assert pieces == [b"abc", b"de", b""]


@pytest.mark.parametrize(
    "error",
    [ProtocolError("broken"), ReadTimeoutError(endpoint_url="https://s3", error="slow")],
    ids=["urllib3", "botocore"],
)
def test_a_body_that_breaks_off_is_damaged(error: Exception) -> None:
    answer = Answer(body=b"abc", headers={"content-length": "9"}, breaks_off_with=error)
    _, body = wire_to(CannedS3(answer)).get_object(Bucket="unit-tests", Key="k")
    buffer = memoryview(bytearray(10))
    body.readinto(buffer)

    with pytest.raises(DamagedError, match="broke off"):
        body.readinto(buffer)


# What http.client and botocore do with content.


def test_content_goes_out_in_pieces_however_few_bytes_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "_PIECE_BYTES", 4)
    pieces: Any = wire._in_pieces(b"0123456789")

    assert [pieces.read(1) for _ in range(4)] == [b"0123", b"4567", b"89", b""]


def test_content_that_nobody_waits_for_is_not_sent_again(slept: list[float]) -> None:
    s3 = CannedS3(Answer(503), take)

    with pytest.raises(BrokenOffError), breaking_off_when(lambda: bool(slept)):
        wire_to(s3).put_object(b"content", Bucket="unit-tests", Key="k")

    assert len(slept) == 1


def test_content_is_a_file_in_memory() -> None:
    pieces: Any = wire._in_pieces(b"0123456789")
    assert pieces.seekable()
    assert pieces.readable()

    assert pieces.seek(-3, io.SEEK_END) == 7
    assert pieces.read() == b"789"
    assert pieces.seek(2) == 2
    assert pieces.seek(1, io.SEEK_CUR) == pieces.tell() == 3
    buffer = bytearray(20)
    assert pieces.readinto(buffer) == 7
    assert buffer[:8] == b"3456789\0"
