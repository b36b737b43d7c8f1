"""Ranges of one version: what is asked, and what is never taken for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from s3_integration import (
    S3BucketError,
    S3Config,
    S3ConflictError,
    S3DownloadError,
    S3FileNotFoundError,
)
from s3_integration.models import ChecksumAlgorithm
from s3_integration.transfer import kept
from s3_integration.transfer.engine import ObjectId
from s3_integration.transfer.reading import ObjectReading
from s3_integration.utils import ByteRange
from tests.fixtures.mock_responses import (
    CHECKSUM,
    CONFIG,
    Answer,
    CannedS3,
    Sent,
    checksum_of,
    error_answer,
    etag_of,
    object_answer,
    serving,
)
from tests.fixtures.transfers import BUCKET, KEY, UNKNOWN_SERVER, engine_to

CONTENT = b"0123456789abcdefghijklmnop"
WHERE = ObjectId(BUCKET, KEY)
PARTS_ETAG = '"00000000000000000000000000000000-2"'


def right(sent: Sent) -> Answer:
    """An object with the ETag of its content; asked by HEAD, it tells its checksum."""
    return served(CONTENT)(sent)


def served(content: bytes, etag: str = "", checksum: str | None = None) -> Callable[[Sent], Answer]:
    told = checksum_of(content) if checksum is None else checksum

    def answer(sent: Sent) -> Answer:
        headers = {CHECKSUM: told} if sent.method == "HEAD" else {}
        return serving(content, etag=etag or etag_of(content), **headers)(sent)

    return answer


def asked_of(s3: CannedS3) -> list[str]:
    return [sent.headers.get("range", sent.method).removeprefix("bytes=") for sent in s3.sent]


def reading_of(s3: CannedS3, config: S3Config = CONFIG) -> ObjectReading:
    return engine_to(s3, config=config).reading(WHERE)


def read(s3: CannedS3, start: int = 0, stop: int | None = None, **options: Any) -> bytes:
    return engine_to(s3, **options).read(WHERE, start, stop)


# Ranges, as `read_bytes` wants them


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 3), (2, 5), (2, 30), (20, None), (25, 26), (3, 26), (1, None), (0, 26)]
)
def test_a_range_is_what_a_slice_is(start: int, stop: int | None) -> None:
    assert read(CannedS3(otherwise=right), start, stop) == CONTENT[start:stop]


def test_a_small_range_takes_one_request_of_exactly_its_bytes() -> None:
    s3 = CannedS3(otherwise=right)

    read(s3, 3, 9)

    assert asked_of(s3) == ["3-8"]


def test_a_large_range_comes_in_parts_of_one_version() -> None:
    s3 = CannedS3(otherwise=right)

    assert read(s3, 1, 22) == CONTENT[1:22]

    assert sorted(asked_of(s3)) == ["1-8", "13-16", "17-20", "21-21", "9-12"]
    conditions = {sent.headers.get("if-match") for sent in s3.sent[1:]}
    assert (s3.sent[0].headers.get("if-match"), conditions) == (None, {etag_of(CONTENT)})


@pytest.mark.parametrize(("start", "stop"), [(26, 27), (26, None), (40, 50)])
def test_a_range_past_the_end_is_empty_once_the_size_was_seen(start: int, stop: int | None) -> None:
    s3 = CannedS3(otherwise=right)

    assert read(s3, start, stop) == b""

    assert [sent.method for sent in s3.sent] == ["GET", "HEAD"]


def test_a_416_for_bytes_that_are_there_is_not_believed(slept: list[float]) -> None:
    s3 = CannedS3(error_answer(416, "InvalidRange"), otherwise=right)

    assert read(s3, 3, 9) == CONTENT[3:9]


def test_a_416_for_ever_is_an_error_and_never_emptiness(slept: list[float]) -> None:
    def refusing(sent: Sent) -> Answer:
        return right(sent) if sent.method == "HEAD" else error_answer(416, "InvalidRange")

    with pytest.raises(S3DownloadError, match="26 bytes ends before 3"):
        read(CannedS3(otherwise=refusing), 3, 9)


def test_an_empty_200_in_place_of_a_range_is_not_believed(slept: list[float]) -> None:
    s3 = CannedS3(Answer(200, b"", {"etag": '"x"'}), otherwise=right)

    assert read(s3, 3, 9) == CONTENT[3:9]


def test_nothing_of_what_is_not_there_is_an_error() -> None:
    with pytest.raises(S3FileNotFoundError):
        read(CannedS3(otherwise=lambda _: error_answer(404, "NoSuchKey")), 3, 3)
    with pytest.raises(S3BucketError):
        read(CannedS3(otherwise=lambda _: error_answer(404, "NoSuchBucket")), 3, 5)


@pytest.mark.parametrize("place", [0, 3, 30])
def test_nothing_of_what_is_there_is_nothing(place: int) -> None:
    assert read(CannedS3(otherwise=right), place, place) == b""


def test_a_range_of_an_empty_object_is_empty() -> None:
    assert read(CannedS3(otherwise=served(b"")), 0, 3) == b""


@pytest.mark.parametrize(
    "wrong",
    [
        object_answer(CONTENT[4:10], etag=etag_of(CONTENT), start=4, size=26),
        Answer(200, CONTENT, {"etag": etag_of(CONTENT)}),
        Answer(206, CONTENT[3:9], {"etag": etag_of(CONTENT)}),
        object_answer(CONTENT[3:9], etag="", start=3, size=26),
    ],
    ids=["shifted", "everything", "no Content-Range", "no ETag"],
)
def test_another_range_than_was_asked_for_is_never_taken(wrong: Answer, slept: list[float]) -> None:
    assert read(CannedS3(wrong, otherwise=right), 3, 9) == CONTENT[3:9]
    with pytest.raises(S3DownloadError):
        read(CannedS3(otherwise=lambda _: wrong), 3, 9)


def test_a_body_that_breaks_off_is_continued(slept: list[float]) -> None:
    headers = {"content-length": "6", "etag": etag_of(CONTENT), "content-range": "bytes 3-8/26"}
    s3 = CannedS3(Answer(206, CONTENT[3:5], headers), otherwise=right)

    assert read(s3, 3, 9) == CONTENT[3:9]
    assert asked_of(s3) == ["3-8", "5-8"]


def test_a_range_whose_object_is_replaced_is_read_anew() -> None:
    old = object_answer(CONTENT[1:9].upper(), etag='"old"', start=1, size=26)

    def versions(sent: Sent) -> Answer:
        if sent.headers.get("if-match") == '"old"':
            return error_answer(412, "PreconditionFailed")
        return right(sent)

    assert read(CannedS3(old, otherwise=versions), 1, 22) == CONTENT[1:22]


def test_a_range_that_turns_out_to_be_all_is_compared_as_a_whole() -> None:
    s3 = CannedS3(otherwise=served(CONTENT[:6], etag='"00000000000000000000000000000000"'))

    with pytest.raises(S3DownloadError, match="checksum"):
        read(s3, 0, 100)


# A whole, as `read_bytes` wants it


def test_a_whole_is_read_as_a_download_is() -> None:
    s3 = CannedS3(otherwise=right)

    assert read(s3) == CONTENT
    assert sorted(asked_of(s3)) == [
        "0-7", "12-15", "16-19", "20-23", "24-25", "8-11", "HEAD",
    ]  # fmt: skip


def test_a_whole_that_is_damaged_is_an_error() -> None:
    s3 = CannedS3(otherwise=served(CONTENT, etag=PARTS_ETAG, checksum=checksum_of(b"other")))

    with pytest.raises(S3DownloadError, match=f"Cannot read {KEY!r}.* checksum, 3 times") as caught:
        read(s3)

    assert caught.value.operation == "read"


def test_an_object_that_memory_cannot_hold_is_an_error_of_ours() -> None:
    def claiming(sent: Sent) -> Answer:
        told = f"{sent.headers['range'].replace('=', ' ')}/{1 << 62}"
        return Answer(206, b"", {"etag": '"e"', "content-range": told, "content-length": "8"})

    with pytest.raises(S3DownloadError, match="no memory for"):
        read(CannedS3(otherwise=claiming))


# Windows, as a file object wants them


def test_all_windows_are_of_the_version_that_the_first_was() -> None:
    s3 = CannedS3(otherwise=right)
    reading = reading_of(s3)

    first, later = reading.begin(ByteRange(0, 5)), reading.fetch(ByteRange(10, 14))

    assert (first, later) == (CONTENT[:5], CONTENT[10:14])
    assert (reading.size_bytes, reading.key) == (26, KEY)
    assert s3.sent[1].headers["if-match"] == etag_of(CONTENT)


@pytest.mark.parametrize("code", ["PreconditionFailed", "NoSuchKey", "NoSuchVersion"])
def test_a_window_of_a_replaced_object_is_a_conflict_at_once(code: str) -> None:
    status = 412 if code == "PreconditionFailed" else 404
    s3 = CannedS3(right, error_answer(status, code))
    reading = reading_of(s3)
    reading.begin(ByteRange(0, 5))

    with pytest.raises(S3ConflictError, match="replaced meanwhile") as caught:
        reading.fetch(ByteRange(10, 14))

    assert isinstance(caught.value, S3DownloadError)


def test_a_window_of_another_version_is_a_conflict_where_conditions_are_ignored() -> None:
    s3 = CannedS3(right, served(CONTENT.upper()))
    reading = reading_of(s3)
    reading.begin(ByteRange(0, 5))

    with pytest.raises(S3ConflictError):
        reading.fetch(ByteRange(10, 14))


def test_a_window_that_never_comes_whole_is_an_error(slept: list[float]) -> None:
    headers = {"content-length": "4", "etag": etag_of(CONTENT), "content-range": "bytes 10-13/26"}
    s3 = CannedS3(right, otherwise=lambda _: Answer(206, b"", headers))
    reading = reading_of(s3)
    reading.begin(ByteRange(0, 5))

    with pytest.raises(S3DownloadError, match="the answer broke off"):
        reading.fetch(ByteRange(10, 14))


def test_a_window_that_is_refused_tells_why() -> None:
    s3 = CannedS3(right, error_answer(403, "AccessDenied"))
    reading = reading_of(s3)
    reading.begin(ByteRange(0, 5))

    with pytest.raises(S3DownloadError, match="s3:GetObject is missing"):
        reading.fetch(ByteRange(10, 14))


# What is read in order to its end is compared

WINDOWS = [ByteRange(5, 12), ByteRange(10, 20), ByteRange(20, 26)]
"""After the first five bytes; a jump back is among them."""


def read_in_order(s3: CannedS3, config: S3Config = CONFIG) -> None:
    reading = reading_of(s3, config)
    reading.begin(ByteRange(0, 5))
    for window in WINDOWS:
        reading.fetch(window)


def test_a_right_object_is_compared_by_its_checksum() -> None:
    s3 = CannedS3(otherwise=served(CONTENT, etag=PARTS_ETAG))

    read_in_order(s3)

    assert [sent.method for sent in s3.sent].count("HEAD") == 1


def test_a_damaged_object_is_an_error_before_its_last_bytes_are_out() -> None:
    s3 = CannedS3(otherwise=served(CONTENT, etag=PARTS_ETAG, checksum=checksum_of(b"other")))
    reading = reading_of(s3)
    reading.begin(ByteRange(0, 20))

    with pytest.raises(S3DownloadError, match="does not have the object's checksum") as caught:
        reading.fetch(ByteRange(20, 26))

    assert not isinstance(caught.value, S3ConflictError)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256"])
@pytest.mark.parametrize("whole", [CONTENT, CONTENT[:3]], ids=["large", "small"])
def test_an_object_of_another_program_is_compared_by_the_checksum_that_it_let_s3_keep(
    algorithm: ChecksumAlgorithm, whole: bytes
) -> None:
    told = {
        f"x-amz-checksum-{algorithm.lower()}": kept.computed(algorithm, [whole]),
        "x-amz-checksum-type": "FULL_OBJECT",
    }
    halves = ByteRange(0, len(whole) // 2), ByteRange(len(whole) // 2, len(whole))

    right = CannedS3(otherwise=serving(whole, etag=PARTS_ETAG, **told))
    reading = reading_of(right)
    assert reading.begin(halves[0]) + reading.fetch(halves[1]) == whole
    assert [sent.method for sent in right.sent].count("HEAD") == 1

    damaged = CannedS3(otherwise=serving(whole[::-1], etag=PARTS_ETAG, **told))
    reading = reading_of(damaged)
    reading.begin(halves[0])
    with pytest.raises(S3DownloadError, match="does not have the object's checksum"):
        reading.fetch(halves[1])


def test_a_damaged_object_stays_an_error_however_often_it_is_read() -> None:
    s3 = CannedS3(otherwise=served(CONTENT, etag=PARTS_ETAG, checksum=checksum_of(b"other")))
    reading = reading_of(s3)
    reading.begin(ByteRange(0, 20))

    for window in (ByteRange(20, 26), ByteRange(20, 26), ByteRange(0, 5)):
        with pytest.raises(S3DownloadError, match="does not have the object's checksum"):
            reading.fetch(window)


@pytest.mark.parametrize("config", [CONFIG, UNKNOWN_SERVER], ids=["AWS", "another server"])
def test_without_a_checksum_the_md5_decides(config: S3Config) -> None:
    read_in_order(CannedS3(otherwise=served(CONTENT, checksum="")), config)

    wrong = served(CONTENT, etag=etag_of(b"other"), checksum="")
    with pytest.raises(S3DownloadError, match="checksum"):
        read_in_order(CannedS3(otherwise=wrong), config)


def test_a_checksum_that_nobody_verified_does_not_outdo_an_md5() -> None:
    lying = served(CONTENT, checksum=checksum_of(b"other"))

    read_in_order(CannedS3(otherwise=lying), UNKNOWN_SERVER)


def test_where_nothing_tells_what_the_bytes_are_they_are_taken() -> None:
    read_in_order(CannedS3(otherwise=served(CONTENT, etag='"opaque"', checksum="")))


def encrypted(sent: Sent) -> Answer:
    answer = served(CONTENT, etag=etag_of(b"encrypted"), checksum="")(sent)
    return Answer(
        answer.status, answer.body, {**answer.headers, "x-amz-server-side-encryption": "AES256"}
    )


def test_an_etag_that_may_be_opaque_is_doubted_only_where_it_is_known_to_be_an_md5() -> None:
    read_in_order(CannedS3(otherwise=encrypted), UNKNOWN_SERVER)
    with pytest.raises(S3DownloadError):
        read_in_order(CannedS3(otherwise=encrypted), CONFIG)


def test_what_is_read_in_part_is_not_compared() -> None:
    s3 = CannedS3(otherwise=served(CONTENT, etag=PARTS_ETAG, checksum=checksum_of(b"other")))
    reading = reading_of(s3)
    reading.begin(ByteRange(0, 5))

    assert reading.fetch(ByteRange(20, 26)) == CONTENT[20:26]
    assert not any(sent.method == "HEAD" for sent in s3.sent)
