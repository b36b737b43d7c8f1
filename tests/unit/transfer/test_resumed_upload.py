"""Uploads that go on where a killed one ended; its record was written by the test."""

from __future__ import annotations

import errno
import logging
import os
import re
from pathlib import Path
from typing import Any, NoReturn

import pytest

from s3_integration import S3AccessDeniedError, S3UploadError
from s3_integration.transfer import checksums, integrity, journal
from s3_integration.transfer.journal import ObjectRecords, UploadRecord
from tests.fixtures.killed_uploads import (
    CONTENT,
    ENDPOINT,
    OLD_ID,
    S3,
    aborted_by,
    facts_of,
    folder_of_records,
    holding,
    leave_record,
    run,
    sent_parts,
    source_of_ten_bytes,
    uploads_listed,
    write_record,
)
from tests.fixtures.mock_responses import CHECKSUM, Answer, CannedS3, Sent, error_answer
from tests.fixtures.transfers import (
    BUCKET,
    KEY,
    UPLOAD_ID,
    Fault,
    MultipartAnswers,
    lost_connection,
    md5_of_md5s,
    parts_listed,
    settled_file,
    upload,
)

records = pytest.fixture(autouse=True)(folder_of_records)
source = pytest.fixture(source_of_ten_bytes)


# Going on


@pytest.mark.promise(9)
def test_only_what_is_missing_is_sent(records: Path, source: Path) -> None:
    leave_record(records, facts_of(source))
    s3 = CannedS3(otherwise=holding({1: b"0123", 3: b"89"}))
    told: list[int] = []

    run(s3, source, progress=lambda done, _: told.append(done))

    assert sent_parts(s3) == {(OLD_ID, "2"): b"4567"}
    assert "CreateMultipartUpload" not in s3.operations
    complete = s3.sent[-1]
    assert (complete.operation, complete.query["uploadId"]) == ("CompleteMultipartUpload", OLD_ID)
    assert re.findall(rb"<PartNumber>(\d)</PartNumber>", complete.body) == [b"1", b"2", b"3"]
    assert list(records.iterdir()) == []
    assert told[-1] == 10


@pytest.mark.promise(9)
def test_a_part_that_holds_other_bytes_than_the_file_now_is_sent_again(
    records: Path, source: Path
) -> None:
    # Rewritten with the same size and time of change: only its bytes tell.
    leave_record(records, facts_of(source))
    s3 = CannedS3(otherwise=holding({1: b"0123", 2: b"XXXX", 3: b"8"}))

    run(s3, source)

    assert sent_parts(s3) == {(OLD_ID, "2"): b"4567", (OLD_ID, "3"): b"89"}


@pytest.mark.parametrize("moment", ["ListParts", "UploadPart"])
def test_a_file_that_changes_while_its_upload_goes_on_is_never_completed(
    records: Path, source: Path, moment: str
) -> None:
    leave_record(records, facts_of(source))
    answers = holding({1: b"0123", 3: b"89"})
    listed = answers.faults["ListParts"][0]

    def rewrite(_: Sent) -> Answer | None:
        settled_file(source, CONTENT[::-1])
        return listed if moment == "ListParts" and isinstance(listed, Answer) else None

    answers.faults[moment] = [rewrite]
    s3 = CannedS3(otherwise=answers)

    with pytest.raises(S3UploadError, match="changed meanwhile"):
        run(s3, source)

    assert "CompleteMultipartUpload" not in s3.operations
    assert aborted_by(s3) == [OLD_ID]
    assert list(records.iterdir()) == []


def test_parts_of_many_pages_are_found(
    records: Path, source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    leave_record(records, facts_of(source))
    more = "<NextPartNumberMarker>1</NextPartNumberMarker>"
    answers = holding({1: b"0123", 2: b"4567"})
    pages = [parts_listed({1: b"0123"}, more=more), parts_listed({2: b"4567"})]
    answers.faults["ListParts"] = [*pages]
    s3 = CannedS3(otherwise=answers)

    with caplog.at_level(logging.INFO):
        run(s3, source)

    assert "going on with the upload of 'folder/a file': 2 of 3 parts are there" in caplog.text
    assert [key for _, key in sent_parts(s3)] == ["3"]
    assert s3.sent[1].query["part-number-marker"] == "1"


@pytest.mark.parametrize("marker", ["", "<NextPartNumberMarker>1</NextPartNumberMarker>"])
def test_a_list_of_parts_without_an_end_is_not_gone_on_with(
    records: Path, source: Path, caplog: pytest.LogCaptureFixture, marker: str
) -> None:
    leave_record(records, facts_of(source))
    page = parts_listed({1: b"0123"}, more=marker or "<!-- more -->")
    s3 = CannedS3(otherwise=S3(ListParts=[page] * 3))

    with caplog.at_level(logging.INFO):
        run(s3, source)

    assert s3.operations.count("ListParts") == (2 if marker else 1)
    assert aborted_by(s3) == [OLD_ID]
    assert {upload_id for upload_id, _ in sent_parts(s3)} == {UPLOAD_ID}
    assert "the server's list of parts has no end" in caplog.text


@pytest.mark.promise(9)
def test_parts_with_checksums_are_compared_by_them(
    records: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_record(records, facts_of(source), checksum_algorithm="CRC64NVME")
    monkeypatch.setattr(integrity, "md5_digest", md5_of_md5s)
    s3 = CannedS3(otherwise=holding({1: b"0123", 2: b"XXXX"}, with_checksums=True))

    run(s3, source)

    assert sent_parts(s3) == {(OLD_ID, "2"): b"4567", (OLD_ID, "3"): b"89"}


def test_an_upload_that_was_started_without_checksums_goes_on_without_them(
    records: Path, source: Path
) -> None:
    leave_record(records, facts_of(source))
    s3 = CannedS3(otherwise=holding({1: b"0123"}))

    run(s3, source)

    parts = [sent for sent in s3.sent if sent.operation == "UploadPart"]
    assert all(sent.headers["content-md5"] for sent in parts)
    assert not any(CHECKSUM in sent.headers for sent in s3.sent)


def test_an_upload_with_checksums_that_nothing_can_compute_is_started_afresh(
    records: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_record(records, facts_of(source), checksum_algorithm="CRC64NVME")
    monkeypatch.setattr(checksums, "is_available", lambda: False)
    s3 = CannedS3(otherwise=holding({1: b"0123"}))

    run(s3, source)

    assert aborted_by(s3) == [OLD_ID]
    assert len(sent_parts(s3)) == 3
    assert list(records.iterdir()) == []


# Starting afresh


@pytest.mark.parametrize(
    "other",
    [
        {"size_bytes": 11},
        {"mtime_ns": 1},
        {"inode": 1},
        {"path": "/elsewhere"},
        {"part_size_bytes": 5},
        {"parameters_digest": "with other metadata"},
    ],
    ids=str,
)
@pytest.mark.promise(10)
def test_an_upload_of_anything_else_is_aborted(
    records: Path, source: Path, other: dict[str, Any]
) -> None:
    leave_record(records, facts_of(source, **other))
    s3 = CannedS3(otherwise=S3())

    run(s3, source)

    assert aborted_by(s3) == [OLD_ID]
    assert {upload_id for upload_id, _ in sent_parts(s3)} == {UPLOAD_ID}
    assert list(records.iterdir()) == []


def test_an_upload_that_s3_does_not_know_any_more_is_started_afresh(
    records: Path, source: Path
) -> None:
    leave_record(records, facts_of(source))
    s3 = CannedS3(otherwise=S3())

    run(s3, source)

    assert len(sent_parts(s3)) == 3
    assert aborted_by(s3) == []
    assert list(records.iterdir()) == []


@pytest.mark.parametrize(
    "refusal", [error_answer(403, "AccessDenied"), error_answer(501, "NotImplemented")]
)
def test_where_parts_cannot_be_listed_it_is_started_afresh(
    records: Path, source: Path, refusal: Answer
) -> None:
    leave_record(records, facts_of(source))
    s3 = CannedS3(otherwise=S3(ListParts=[refusal]))

    run(s3, source)

    assert aborted_by(s3) == [OLD_ID]
    assert len(sent_parts(s3)) == 3


def test_where_nobody_answers_the_record_waits(
    records: Path, source: Path, slept: list[float]
) -> None:
    leave_record(records, facts_of(source))
    s3 = CannedS3(otherwise=S3(ListParts=[lost_connection()] * 5))

    with pytest.raises(S3UploadError):
        run(s3, source)

    assert s3.operations == ["ListParts"] * 5
    assert len(list(records.iterdir())) == 1


@pytest.mark.promise(10)
def test_of_two_that_were_killed_one_goes_on_and_the_other_is_aborted(
    records: Path, source: Path
) -> None:
    first = write_record(records, facts_of(source))
    leave_record(records, facts_of(source), upload_id="killed-2")
    first.close()
    s3 = CannedS3(otherwise=holding({1: b"0123"}))

    run(s3, source)

    assert aborted_by(s3) == ["killed-2"]
    assert {upload_id for upload_id, _ in sent_parts(s3)} == {OLD_ID}
    assert list(records.iterdir()) == []


def test_an_upload_of_a_living_process_is_left_alone(records: Path, source: Path) -> None:
    living = write_record(records, facts_of(source))
    s3 = CannedS3(otherwise=S3())

    run(s3, source)

    assert aborted_by(s3) == []
    assert "ListParts" not in s3.operations
    assert {upload_id for upload_id, _ in sent_parts(s3)} == {UPLOAD_ID}
    assert [str(path) for path in records.iterdir()] == [living.path]
    living.close()


def test_a_record_that_cannot_be_read_is_removed(records: Path, source: Path) -> None:
    record = write_record(records, facts_of(source))
    Path(record.path).write_bytes(b"nonsense\n")
    record.close()

    run(CannedS3(otherwise=S3()), source)

    assert list(records.iterdir()) == []


def test_a_small_file_asks_and_writes_nothing_more(records: Path, tmp_path: Path) -> None:
    small = settled_file(tmp_path / "small", CONTENT)
    s3 = CannedS3(otherwise=MultipartAnswers())

    upload(s3, small)

    assert "ListMultipartUploads" not in s3.operations


# Failures


@pytest.mark.promise(10)
def test_an_upload_that_went_on_and_fails_is_aborted_and_forgotten(
    records: Path, source: Path
) -> None:
    leave_record(records, facts_of(source))
    answers = holding({1: b"0123"}, UploadPart=[error_answer(403, "AccessDenied")] * 2)
    s3 = CannedS3(otherwise=answers)

    with pytest.raises(S3AccessDeniedError):
        run(s3, source)

    assert aborted_by(s3) == [OLD_ID]
    assert list(records.iterdir()) == []


@pytest.mark.promise(10)
def test_an_upload_that_could_not_be_aborted_is_remembered(
    records: Path, source: Path, slept: list[float]
) -> None:
    answers = S3(
        UploadPart=[error_answer(403, "AccessDenied")] * 3,
        AbortMultipartUpload=[lost_connection()] * 5,
    )
    with pytest.raises(S3AccessDeniedError):
        run(CannedS3(otherwise=answers), source)
    s3 = CannedS3(otherwise=holding({1: b"0123"}, with_checksums=True))

    run(s3, source)

    assert {upload_id for upload_id, _ in sent_parts(s3)} == {UPLOAD_ID}
    assert "CreateMultipartUpload" not in s3.operations
    assert list(records.iterdir()) == []


@pytest.mark.parametrize(
    ("faults", "left"), [([error_answer(403, "AccessDenied")], 0), ([lost_connection()] * 5, 1)]
)
def test_a_start_is_looked_for_later_only_where_s3_did_not_refuse_it(
    records: Path, source: Path, slept: list[float], faults: list[Fault], left: int
) -> None:
    with pytest.raises(S3UploadError):
        run(CannedS3(otherwise=S3(CreateMultipartUpload=faults)), source)

    assert len(list(records.iterdir())) == left


def test_a_list_of_uploads_without_an_end_keeps_no_upload_from_its_start(
    records: Path, source: Path
) -> None:
    page = uploads_listed((KEY, "1"), more="<NextKeyMarker>a</NextKeyMarker>")
    s3 = CannedS3(otherwise=S3(ListMultipartUploads=[page] * 3))

    run(s3, source)

    assert s3.operations.count("ListMultipartUploads") == 2
    assert len(sent_parts(s3)) == 3


# Records that cannot be kept


def test_without_a_folder_for_records_the_upload_goes_as_it_used_to(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "uploads_folder", lambda: None)
    s3 = CannedS3(otherwise=MultipartAnswers())

    run(s3, source)

    assert s3.operations[0] == "CreateMultipartUpload"


@pytest.mark.parametrize("written", [0, 1])
def test_a_full_disk_costs_the_record_not_the_upload(
    records: Path, source: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    appended: list[bytes] = []
    append = UploadRecord.append

    def append_or_fail(self: UploadRecord, line: bytes) -> None:
        if len(appended) == written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        appended.append(line)
        append(self, line)

    monkeypatch.setattr(UploadRecord, "append", append_or_fail)

    run(CannedS3(otherwise=S3()), source)

    assert list(records.iterdir()) == []


def test_an_interrupted_look_back_keeps_all_records(
    records: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    leave_record(records, facts_of(source))
    monkeypatch.setattr("s3_integration.transfer.unfinished.parts_of", interrupted)

    with pytest.raises(KeyboardInterrupt):
        run(CannedS3(otherwise=S3()), source)

    [left] = ObjectRecords(records, ENDPOINT, BUCKET, KEY).of_the_killed()
    left.close()
