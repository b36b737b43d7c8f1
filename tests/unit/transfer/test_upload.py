"""Uploads by one request."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from s3_integration import S3AccessDeniedError, S3Config, S3ConflictError, S3UploadError
from tests.fixtures.mock_responses import (
    CONFIG,
    Answer,
    CannedS3,
    Reply,
    Sent,
    checksum_of,
    connection_to,
    error_answer,
    etag_of,
    take,
)
from tests.fixtures.transfers import (
    BUCKET,
    KEY,
    R2,
    UNKNOWN_SERVER,
    after_first_read,
    fresh_file,
    lost_connection,
    settled_file,
    small_parts,
    upload,
)

TAKEN = error_answer(412, "PreconditionFailed")
BUSY = error_answer(503, "SlowDown")
MISSING = Answer(404)
OTHER_ETAG = Answer(headers={"etag": '"00000000000000000000000000000000"'})
IN_ONE = small_parts(1, 1000)


def found(content: bytes) -> Answer:
    return Answer(headers={"etag": etag_of(content)})


def test_a_small_file_goes_in_one_request_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    path = settled_file(tmp_path / "a.txt", b"content")
    s3 = CannedS3(Answer(headers={"etag": etag_of(b"content"), "x-amz-version-id": "v1"}))

    done = upload(s3, path, metadata={"colour": "blue"}, tags={"a b": "ü&="})

    [sent] = s3.sent
    assert (sent.operation, sent.bucket, sent.key) == ("PutObject", BUCKET, KEY)
    assert sent.body == b"content"
    assert sent.headers["content-type"] == "text/plain"
    assert sent.headers["x-amz-checksum-crc64nvme"] == checksum_of(b"content")
    assert sent.headers["x-amz-sdk-checksum-algorithm"] == "CRC64NVME"
    assert "content-md5" not in sent.headers
    assert sent.headers["x-amz-meta-colour"] == "blue"
    assert sent.headers["x-amz-tagging"] == "a%20b=%C3%BC%26%3D"
    assert "if-none-match" not in sent.headers
    assert (done.size_bytes, f'"{done.etag}"', done.version_id) == (7, etag_of(b"content"), "v1")


def test_an_empty_file_becomes_an_empty_object(tmp_path: Path) -> None:
    s3 = CannedS3(take)
    told: list[tuple[int, int]] = []

    done = upload(s3, settled_file(tmp_path / "a", b""), progress=lambda *step: told.append(step))

    assert [sent.body for sent in s3.sent] == [b""]
    assert s3.sent[0].headers["x-amz-checksum-crc64nvme"] == "AAAAAAAAAAA="
    assert done.size_bytes == 0
    assert told == [(0, 0)]


def test_progress_is_told_once_the_file_is_stored(tmp_path: Path) -> None:
    s3 = CannedS3(take)
    told: list[tuple[int, int, int]] = []

    upload(
        s3,
        settled_file(tmp_path / "a", b"12345"),
        progress=lambda done, total: told.append((done, total, len(s3.sent))),
    )

    assert told == [(5, 5, 1)]


def test_a_file_that_was_written_just_before_is_stored_all_the_same(tmp_path: Path) -> None:
    s3 = CannedS3(take)

    upload(s3, fresh_file(tmp_path / "a", b"12345"))

    assert s3.sent[0].body == b"12345"


def rewrite(path: Path) -> None:
    """Write other bytes of the same number, and leave the time of change as it was."""
    before = path.stat().st_mtime_ns
    path.write_bytes(b"OTHER")
    os.utime(path, ns=(before, before))


def rewrite_later(path: Path) -> None:
    path.write_bytes(b"OTHER")


def grow(path: Path) -> None:
    path.write_bytes(b"12345 and more")


def truncate(path: Path) -> None:
    os.truncate(path, 2)


@pytest.mark.parametrize(
    ("make_file", "change", "said"),
    [
        (fresh_file, rewrite, "written to while it was read"),
        (settled_file, rewrite_later, "written to while it was read"),
        (settled_file, grow, "had 5 bytes when the upload began and has 14 now"),
        (settled_file, truncate, "had 5 bytes when the upload began and has 2 now"),
        (fresh_file, truncate, "cut to 2 bytes"),
    ],
)
@pytest.mark.promise(1)
def test_a_file_that_changes_while_it_is_read_is_not_stored(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_file: Callable[[Path, bytes], Path],
    change: Callable[[Path], None],
    said: str,
) -> None:
    path = make_file(tmp_path / "a", b"12345")
    after_first_read(monkeypatch, lambda: change(path))
    s3 = CannedS3()

    with pytest.raises(S3UploadError, match=said) as caught:
        upload(s3, path, transfer=IN_ONE)

    assert s3.sent == []
    assert (caught.value.bucket, caught.value.key) == (BUCKET, KEY)
    assert caught.value.retryable


def test_a_file_that_is_read_in_pieces_is_stored_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = settled_file(tmp_path / "a", b"12345")
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda file, size, offset: pread(file, min(2, size), offset))
    s3 = CannedS3(take)

    upload(s3, path)

    assert s3.sent[0].body == b"12345"


def test_bytes_that_arrived_damaged_are_sent_again(tmp_path: Path, slept: list[float]) -> None:
    s3 = CannedS3(OTHER_ETAG, OTHER_ETAG, take)

    upload(s3, settled_file(tmp_path / "a", b"12345"))

    assert [sent.body for sent in s3.sent] == [b"12345"] * 3
    assert len(slept) == 2


def test_bytes_that_arrive_damaged_five_times_are_an_error(
    tmp_path: Path, slept: list[float]
) -> None:
    s3 = CannedS3(*[OTHER_ETAG] * 5)

    with pytest.raises(S3UploadError, match="S3 stored other bytes than were sent") as caught:
        upload(s3, settled_file(tmp_path / "a", b"12345"))

    assert len(s3.sent) == 5
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("config", "answer"),
    [
        (R2, OTHER_ETAG),
        (CONFIG, Answer(headers={"etag": '"opaque"'})),
        (CONFIG, Answer(headers={"etag": '"0123"', "x-amz-server-side-encryption": "aws:kms"})),
    ],
    ids=["server with other ETags", "no MD5", "encrypted with KMS"],
)
def test_an_etag_that_is_no_md5_proves_nothing(
    tmp_path: Path, config: S3Config, answer: Answer
) -> None:
    s3 = CannedS3(answer)

    done = upload(s3, settled_file(tmp_path / "a", b"12345"), config=config)

    assert done.etag == answer.headers.get("etag", "").strip('"')


def test_an_answer_without_an_etag_is_not_s3s_and_is_asked_for_again(
    tmp_path: Path, slept: list[float]
) -> None:
    page = Answer(200, b"<html>Please log in.</html>", {"content-type": "text/html"})
    s3 = CannedS3(page, take)

    upload(s3, settled_file(tmp_path / "a", b"12345"))

    assert len(s3.sent) == 2


def test_a_denied_upload_is_both_errors_and_is_not_repeated(tmp_path: Path) -> None:
    s3 = CannedS3(error_answer(403, "AccessDenied"))

    with pytest.raises(S3UploadError, match="s3:PutObject") as caught:
        upload(s3, settled_file(tmp_path / "a", b"12345"))

    assert isinstance(caught.value, S3AccessDeniedError)
    assert len(s3.sent) == 1


def test_a_busy_server_is_asked_five_times(tmp_path: Path, slept: list[float]) -> None:
    s3 = CannedS3(*[BUSY] * 5)

    with pytest.raises(S3UploadError, match="S3 is busy"):
        upload(s3, settled_file(tmp_path / "a", b"12345"))

    assert s3.operations == ["PutObject"] * 5


@pytest.mark.parametrize("last", [BUSY, error_answer(403, "AccessDenied")], ids=["503", "403"])
def test_a_refused_upload_is_an_error_though_the_same_bytes_are_stored_from_before(
    tmp_path: Path, slept: list[float], last: Answer
) -> None:
    s3 = CannedS3(*[BUSY] * 4, last, otherwise=lambda _: found(b"12345"))

    with pytest.raises(S3UploadError):
        upload(s3, settled_file(tmp_path / "a", b"12345"), metadata={"new": "yes"})


def test_an_upload_that_may_not_overwrite_says_so_to_s3(tmp_path: Path) -> None:
    s3 = CannedS3(take)

    upload(s3, settled_file(tmp_path / "a", b"12345"), if_exists="fail")

    assert [sent.headers.get("if-none-match") for sent in s3.sent] == ["*"]


def test_an_upload_to_a_taken_key_is_a_conflict(tmp_path: Path) -> None:
    s3 = CannedS3(TAKEN)

    with pytest.raises(S3ConflictError) as caught:
        upload(s3, settled_file(tmp_path / "a", b"12345"), if_exists="fail")

    assert isinstance(caught.value, S3UploadError)
    assert len(s3.sent) == 1


def test_a_server_that_may_ignore_conditions_is_asked_for_the_key_first(tmp_path: Path) -> None:
    s3 = CannedS3(found(b"older"))

    with pytest.raises(S3ConflictError, match="exists already") as caught:
        upload(s3, settled_file(tmp_path / "a", b"12345"), if_exists="fail", config=UNKNOWN_SERVER)

    assert isinstance(caught.value, S3UploadError)
    assert caught.value.code == "PreconditionFailed"
    assert s3.operations == ["HeadObject"]


def test_a_free_key_is_written_to_with_the_condition_all_the_same(tmp_path: Path) -> None:
    s3 = CannedS3(MISSING, take)

    upload(s3, settled_file(tmp_path / "a", b"12345"), if_exists="fail", config=UNKNOWN_SERVER)

    assert s3.operations == ["HeadObject", "PutObject"]
    assert s3.sent[1].headers["if-none-match"] == "*"


def test_an_overwriting_upload_asks_nothing_first(tmp_path: Path) -> None:
    s3 = CannedS3(take)

    upload(s3, settled_file(tmp_path / "a", b"12345"), config=UNKNOWN_SERVER)

    assert s3.operations == ["PutObject"]


def test_a_refused_look_before_the_upload_is_an_error(tmp_path: Path) -> None:
    s3 = CannedS3(Answer(403))

    with pytest.raises(S3AccessDeniedError) as caught:
        upload(s3, settled_file(tmp_path / "a", b"12345"), if_exists="fail", config=UNKNOWN_SERVER)

    assert isinstance(caught.value, S3UploadError)
    assert s3.operations == ["HeadObject"]


def test_a_conflict_with_the_own_write_whose_answer_was_lost_is_a_success(
    tmp_path: Path, slept: list[float]
) -> None:
    s3 = CannedS3(lost_connection(), TAKEN, found(b"12345"))

    done = upload(s3, settled_file(tmp_path / "a", b"12345"), if_exists="fail")

    assert f'"{done.etag}"' == etag_of(b"12345")
    assert s3.operations == ["PutObject", "PutObject", "HeadObject"]


@pytest.mark.parametrize(
    "stored",
    [found(b"other"), MISSING, Answer(403), Answer(200)],
    ids=["other bytes", "nothing", "denied", "no ETag"],
)
def test_a_conflict_with_anything_else_stays_one(
    tmp_path: Path, slept: list[float], stored: Reply
) -> None:
    s3 = CannedS3(lost_connection(), TAKEN, stored)

    with pytest.raises(S3ConflictError):
        upload(s3, settled_file(tmp_path / "a", b"12345"), if_exists="fail")


ENCRYPTED = {"x-amz-server-side-encryption": "AES256"}
DOUBTFUL = Answer(headers={**OTHER_ETAG.headers, **ENCRYPTED})


def test_an_encrypted_object_of_an_unknown_server_is_believed_the_second_time(
    tmp_path: Path, slept: list[float]
) -> None:
    s3 = CannedS3(DOUBTFUL, DOUBTFUL)

    upload(s3, settled_file(tmp_path / "a", b"12345"), config=UNKNOWN_SERVER)

    assert s3.operations == ["PutObject"] * 2


def test_a_server_whose_etags_are_no_md5s_is_asked_once_from_then_on(
    tmp_path: Path, slept: list[float]
) -> None:
    path = settled_file(tmp_path / "a", b"12345")
    s3 = CannedS3(*[DOUBTFUL] * 3)
    connection = connection_to(s3, UNKNOWN_SERVER)

    upload(s3, path, connection=connection)
    upload(s3, path, connection=connection)

    assert len(s3.sent) == 3


@pytest.mark.parametrize(("config", "first"), [(UNKNOWN_SERVER, DOUBTFUL), (CONFIG, OTHER_ETAG)])
def test_a_repeated_upload_that_may_not_overwrite_is_no_conflict_with_its_first_try(
    tmp_path: Path, slept: list[float], config: S3Config, first: Answer
) -> None:
    def second(sent: Sent) -> Answer:
        return TAKEN if "if-none-match" in sent.headers else take(sent)

    s3 = CannedS3(*[MISSING] * (config is UNKNOWN_SERVER), first, second)

    upload(s3, settled_file(tmp_path / "a", b"12345"), if_exists="fail", config=config)

    assert s3.sent[-1].headers["if-match"] == first.headers["etag"]
