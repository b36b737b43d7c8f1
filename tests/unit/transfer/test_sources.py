"""Uploads of what is in memory: as exact as those of files."""

from __future__ import annotations

import array
import dataclasses
import hashlib
import re
from typing import Any

import pytest

from s3_integration import S3ConflictError, S3FileNotFoundError, S3UploadError
from s3_integration.choices import IfExists
from s3_integration.transfer.engine import ObjectId, Transferred, UploadOptions
from s3_integration.transfer.sources import MemorySource
from s3_integration.utils import ByteRange
from tests.fixtures.mock_responses import (
    Answer,
    CannedS3,
    Sent,
    connection_to,
    error_answer,
    etag_of,
    take,
)
from tests.fixtures.transfers import (
    BUCKET,
    KEY,
    UNKNOWN_SERVER,
    MultipartAnswers,
    engine_to,
    lost_connection,
)

SMALL, LARGE = b"1234567", b"0123456789abcdef"  # parts are of 4 bytes, from 8 bytes on
OTHER = "0" * 32


def store(
    s3: CannedS3,
    content: Any,
    *,
    if_exists: IfExists = "overwrite",
    if_match: str | None = None,
    **where: Any,
) -> Transferred:
    options = UploadOptions("text/plain", {}, {}, if_exists, if_match)
    source = MemorySource(content)
    return engine_to(s3, **where).upload(source, ObjectId(BUCKET, KEY), options)


def test_bytes_are_read_without_a_copy() -> None:
    source = MemorySource(SMALL)

    assert source.read(ByteRange(0, 7)) is SMALL
    assert source.read(ByteRange(2, 4)) == b"34"
    assert (source.size_bytes, source.is_fresh) == (7, False)


@pytest.mark.parametrize(
    "content", [bytearray(SMALL), memoryview(SMALL), array.array("B", SMALL)], ids=type
)
def test_whatever_shows_its_bytes_is_stored(content: Any) -> None:
    s3 = CannedS3(take)

    store(s3, content)

    assert s3.sent[0].body == SMALL


def test_items_of_several_bytes_are_stored_as_their_bytes() -> None:
    s3 = CannedS3(take)

    store(s3, array.array("H", [1]))

    assert s3.sent[0].body == array.array("H", [1]).tobytes()


def test_a_large_content_goes_in_parts() -> None:
    s3 = MultipartAnswers()

    stored = store(CannedS3(otherwise=s3), LARGE)

    assert b"".join(part for _, part in sorted(s3.contents.items())) == LARGE
    assert (stored.size_bytes, stored.etag) == (16, s3.etag.strip('"'))
    assert stored.answer


def test_a_buffer_that_is_written_to_meanwhile_is_not_stored() -> None:
    content = bytearray(LARGE)

    def change(sent: Sent) -> None:
        content[0] += 1

    s3 = MultipartAnswers(UploadPart=[change, change])
    with pytest.raises(S3UploadError, match="the content changed meanwhile"):
        store(CannedS3(otherwise=s3), content)

    assert not s3.is_complete


# Conditions


def test_a_condition_goes_with_the_write() -> None:
    s3 = CannedS3(take)

    store(s3, SMALL, if_match=OTHER)

    assert [sent.headers.get("if-match") for sent in s3.sent] == [f'"{OTHER}"']


def test_a_condition_goes_with_the_end_of_a_large_write() -> None:
    answers = MultipartAnswers(HeadObject=[Answer(headers={"etag": f'"{OTHER}"'})])
    s3 = CannedS3(otherwise=answers)

    store(s3, LARGE, if_match=OTHER)

    assert [sent.headers.get("if-match") for sent in s3.sent if "if-match" in sent.headers] == [
        f'"{OTHER}"'
    ]
    assert s3.sent[-1].operation == "CompleteMultipartUpload"


@pytest.mark.parametrize(
    ("status", "code"), [(412, "PreconditionFailed"), (409, "ConditionalRequestConflict")]
)
def test_what_was_replaced_meanwhile_is_not_overwritten(
    status: int, code: str, slept: list[float]
) -> None:
    s3 = CannedS3(otherwise=lambda sent: error_answer(status, code))

    with pytest.raises(S3ConflictError) as caught:
        store(s3, SMALL, if_match=OTHER)

    assert isinstance(caught.value, S3UploadError)


def test_what_was_deleted_meanwhile_is_a_conflict_too() -> None:
    s3 = CannedS3(otherwise=lambda sent: error_answer(404, "NoSuchKey"))

    with pytest.raises(S3ConflictError, match="is not there") as caught:
        store(s3, SMALL, if_match=OTHER)

    assert isinstance(caught.value, S3UploadError)
    assert isinstance(caught.value, S3FileNotFoundError)


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["one request", "parts"])
@pytest.mark.parametrize(
    "found", [Answer(404), Answer(headers={"etag": '"another"'})], ids=["gone", "another"]
)
def test_a_server_that_may_ignore_conditions_is_asked_first(found: Answer, content: bytes) -> None:
    s3 = CannedS3(found)

    with pytest.raises(S3ConflictError):
        store(s3, content, if_match=OTHER, config=UNKNOWN_SERVER)

    assert s3.operations == ["HeadObject"]


def test_where_it_is_the_one_that_was_expected_it_is_replaced() -> None:
    s3 = CannedS3(Answer(headers={"etag": etag_of(b"old")}), take)

    store(s3, SMALL, if_match=etag_of(b"old").strip('"'), config=UNKNOWN_SERVER)

    assert s3.operations == ["HeadObject", "PutObject"]


def test_a_write_whose_answer_was_lost_is_no_conflict_with_itself(slept: list[float]) -> None:
    stored = Answer(headers={"etag": etag_of(SMALL), "content-length": "7"})
    s3 = CannedS3(lost_connection(), error_answer(412, "PreconditionFailed"), stored)

    done = store(s3, SMALL, if_match=OTHER)

    assert done.etag == hashlib.md5(SMALL, usedforsecurity=False).hexdigest()
    assert s3.operations == ["PutObject", "PutObject", "HeadObject"]


HELD = Answer(headers={"etag": etag_of(b"old")})
OLD_ETAG = etag_of(b"old").strip('"')


def test_a_server_that_misreads_quotes_is_told_the_etag_without() -> None:
    """Ceph 16 does so."""

    def misreading(sent: Sent) -> Answer:
        if sent.method == "HEAD":
            return HELD
        if sent.headers["if-match"] != OLD_ETAG:
            return error_answer(412, "PreconditionFailed")
        return take(sent)

    s3 = CannedS3(otherwise=misreading)
    engine = engine_to(s3, config=UNKNOWN_SERVER)
    options = UploadOptions("text/plain", {}, {}, if_match=OLD_ETAG)
    for _ in range(2):
        engine.upload(MemorySource(SMALL), ObjectId(BUCKET, KEY), options)

    assert s3.operations == [
        *("HeadObject", "PutObject", "HeadObject", "PutObject"),
        *("HeadObject", "PutObject"),
    ]


def test_a_server_that_misreads_every_if_match_is_asked_before_the_write_alone() -> None:
    """Ceph 16 does so in versioned buckets."""

    def misreading(sent: Sent) -> Answer:
        if sent.method == "HEAD":
            return HELD
        if "if-match" in sent.headers:
            return error_answer(412, "PreconditionFailed")
        return take(sent)

    s3 = CannedS3(otherwise=misreading)
    engine = engine_to(s3, config=UNKNOWN_SERVER)
    options = UploadOptions("text/plain", {}, {}, if_match=OLD_ETAG)
    for _ in range(2):
        engine.upload(MemorySource(SMALL), ObjectId(BUCKET, KEY), options)

    assert s3.operations == [
        *("HeadObject", "PutObject", "HeadObject", "PutObject", "HeadObject", "PutObject"),
        *("HeadObject", "PutObject"),
    ]
    changed = dataclasses.replace(options, if_match="another")
    with pytest.raises(S3ConflictError):
        engine.upload(MemorySource(SMALL), ObjectId(BUCKET, KEY), changed)


def test_what_another_upload_learns_meanwhile_makes_no_conflict() -> None:
    """Both had sent the same condition before either knew that it is misread."""

    def misreading(sent: Sent) -> Answer:
        if sent.method == "HEAD":
            return HELD
        if "if-match" in sent.headers:
            connection.learned.if_match = "useless"
            return error_answer(412, "PreconditionFailed")
        return take(sent)

    s3 = CannedS3(otherwise=misreading)
    connection = connection_to(s3, UNKNOWN_SERVER)

    store(s3, SMALL, if_match=OLD_ETAG, config=UNKNOWN_SERVER, connection=connection)

    assert s3.operations == ["HeadObject", "PutObject", "HeadObject", "PutObject"]
    assert connection.learned.if_match == "useless"


def test_a_server_that_was_right_to_refuse_is_not_asked_again() -> None:
    changed = Answer(headers={"etag": '"another"'})
    s3 = CannedS3(HELD, error_answer(412, "PreconditionFailed"), changed)

    with pytest.raises(S3ConflictError):
        store(s3, SMALL, if_match=OLD_ETAG, config=UNKNOWN_SERVER)

    assert s3.operations == ["HeadObject", "PutObject", "HeadObject"]


def test_parts_that_were_joined_without_a_word_of_their_etag_have_theirs() -> None:
    """Ceph 16 leaves it out."""
    answers = MultipartAnswers()

    def silent(sent: Sent) -> Answer:
        told = answers.right_answer(sent)
        return dataclasses.replace(
            told, body=re.sub(b"<ETag>.*</ETag>", b"<Key>k</Key>", told.body)
        )

    answers.faults["CompleteMultipartUpload"] = [silent]

    assert store(CannedS3(otherwise=answers), LARGE).etag == answers.etag.strip('"')
