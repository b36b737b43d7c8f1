"""Uploads that go on where a killed one ended; its record was written by the test."""

from __future__ import annotations

import errno
import logging
import os
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from s3_integration import S3AccessDeniedError, S3UploadError, TransferConfig
from s3_integration.transfer import checksums, integrity, journal, resume
from s3_integration.transfer.engine import Transferred, UploadOptions
from s3_integration.transfer.journal import ObjectRecords, UploadRecord
from s3_integration.transfer.resume import Remembered, UploadFacts
from s3_integration.transfer.stored import storage_parameters
from tests.fixtures.mock_responses import (
    CHECKSUM,
    Answer,
    CannedS3,
    Sent,
    checksum_of,
    error_answer,
)
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
    small_parts,
    upload,
    xml_answer,
)

CONTENT = b"0123456789"
OLD_ID = "killed-1"
ENDPOINT = "https://s3.amazonaws.com"
GONE = error_answer(404, "NoSuchUpload")
NONE_LISTED = xml_answer("ListMultipartUploadsResult", "")


def resumable() -> TransferConfig:
    transfer = small_parts(4, 8)
    object.__setattr__(transfer, "resume_threshold_bytes", 8)
    return transfer


@pytest.fixture(autouse=True)
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = journal.uploads_folder()
    assert folder
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return settled_file(tmp_path / "a", CONTENT)


def facts_of(source: Path, **others: Any) -> UploadFacts:
    found = source.stat()
    parameters = storage_parameters(UploadOptions("text/plain", {}, {}))
    facts = UploadFacts(
        endpoint_url=ENDPOINT,
        bucket=BUCKET,
        key=KEY,
        path=str(source),
        size_bytes=found.st_size,
        mtime_ns=found.st_mtime_ns,
        inode=found.st_ino,
        part_size_bytes=4,
        parameters_digest=resume.digest_of_parameters(parameters),
    )
    return replace(facts, **others)


def write_record(
    records: Path,
    facts: UploadFacts,
    *,
    upload_id: str = OLD_ID,
    checksum_algorithm: str = "",
    is_completing: bool = False,
) -> UploadRecord:
    """A record as a process leaves it, but still locked."""
    remembered = Remembered(
        facts=facts,
        began=time.time(),
        known_upload_ids=frozenset({"before"}),
        upload_id=upload_id,
        checksum_algorithm=checksum_algorithm,
        is_completing=is_completing,
    )
    record = ObjectRecords(records, ENDPOINT, BUCKET, KEY).new(remembered)
    assert record
    return record


def leave_record(records: Path, facts: UploadFacts, **told: Any) -> None:
    write_record(records, facts, **told).close()


def uploads_listed(*told: tuple[str, str], more: str = "") -> Answer:
    uploads = "".join(
        f"<Upload><Key>{key}</Key><UploadId>{upload_id}</UploadId>"
        "<Initiated>2020-01-01T00:00:00Z</Initiated></Upload>"
        for key, upload_id in told
    )
    is_truncated = f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>"
    return xml_answer("ListMultipartUploadsResult", is_truncated + more + uploads)


class S3(MultipartAnswers):
    """S3 with what a killed upload left there."""

    def right_answer(self, sent: Sent) -> Answer:
        if sent.operation == "ListMultipartUploads":
            return NONE_LISTED
        if sent.operation == "ListParts":
            return GONE
        return super().right_answer(sent)


def holding(
    parts: Mapping[int, bytes], *, with_checksums: bool = False, **faults: list[Fault]
) -> S3:
    answers = S3(ListParts=[parts_listed(parts, with_checksums=with_checksums)], **faults)
    answers.has_checksums = with_checksums
    answers.contents.update(parts)
    return answers


def run(s3: CannedS3, source: Path, **options: Any) -> Transferred:
    return upload(s3, source, transfer=resumable(), **options)


def sent_parts(s3: CannedS3) -> dict[tuple[str, str], bytes]:
    return {
        (sent.query["uploadId"], sent.query["partNumber"]): sent.body
        for sent in s3.sent
        if sent.operation == "UploadPart"
    }


def aborted_by(s3: CannedS3) -> list[str]:
    return [sent.query["uploadId"] for sent in s3.sent if sent.operation == "AbortMultipartUpload"]


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


# A process that was killed before it learned its upload's name


def looking_for_lost(
    records: Path, source: Path, listed: Answer, **faults: list[Fault]
) -> CannedS3:
    leave_record(records, facts_of(source), upload_id="")
    s3 = CannedS3(otherwise=S3(ListMultipartUploads=[listed], **faults))
    run(s3, source)
    return s3


@pytest.mark.promise(10)
def test_an_upload_whose_name_was_never_learned_is_aborted(records: Path, source: Path) -> None:
    listed = uploads_listed((KEY, "before"), (KEY, "lost"), (KEY + "2", "of another key"))

    s3 = looking_for_lost(records, source, listed, ListParts=[parts_listed({})])

    assert aborted_by(s3) == ["lost"]
    assert list(records.iterdir()) == []


def test_an_upload_that_has_a_part_is_somebody_elses(records: Path, source: Path) -> None:
    listed = uploads_listed((KEY, "lost"))

    s3 = looking_for_lost(records, source, listed, ListParts=[parts_listed({1: b"0123"})])

    assert aborted_by(s3) == []
    assert list(records.iterdir()) == []


def test_an_upload_that_a_living_process_names_is_not_lost(records: Path, source: Path) -> None:
    living = write_record(records, facts_of(source), upload_id="living")

    s3 = looking_for_lost(records, source, uploads_listed((KEY, "living")))

    assert aborted_by(s3) == []
    living.close()


def test_while_a_living_process_waits_for_its_name_nothing_is_called_lost(
    records: Path, source: Path
) -> None:
    living = write_record(records, facts_of(source), upload_id="")

    s3 = looking_for_lost(records, source, uploads_listed((KEY, "perhaps its")))

    assert aborted_by(s3) == []
    assert len(list(records.iterdir())) == 2  # it is looked for again by the next run
    living.close()


def test_where_uploads_cannot_be_listed_none_is_looked_for(records: Path, source: Path) -> None:
    refusal = error_answer(403, "AccessDenied")

    s3 = looking_for_lost(records, source, refusal)

    assert aborted_by(s3) == []
    assert list(records.iterdir()) == []


# A process that was killed after the end of its upload


def stored_head(answers: MultipartAnswers, **headers: str) -> Answer:
    return Answer(
        headers={
            "etag": answers.etag,
            "content-type": "text/plain",
            "last-modified": "Fri, 01 Jan 2100 00:00:00 GMT",
            "x-amz-version-id": "v1",
            **headers,
        }
    )


def ended(
    records: Path, source: Path, *, checksum_algorithm: str = "", **headers: str
) -> tuple[CannedS3, S3]:
    algorithm = {"checksum_algorithm": checksum_algorithm}
    leave_record(records, facts_of(source), is_completing=True, **algorithm)
    answers = holding({1: b"0123", 2: b"4567", 3: b"89"})
    answers.faults["ListParts"] = [GONE]
    answers.faults["HeadObject"] = [lambda _: stored_head(answers, **headers)]
    return CannedS3(otherwise=answers), answers


@pytest.mark.parametrize("if_exists", ["overwrite", "fail"])
@pytest.mark.promise(9)
def test_what_was_stored_before_the_kill_is_not_sent_again(
    records: Path, source: Path, if_exists: Any
) -> None:
    s3, answers = ended(records, source)

    done = run(s3, source, if_exists=if_exists)

    assert s3.operations == ["ListParts", "HeadObject"]
    assert (done.size_bytes, f'"{done.etag}"', done.version_id) == (10, answers.etag, "v1")
    assert list(records.iterdir()) == []


@pytest.mark.promise(9)
def test_what_was_stored_with_a_checksum_is_known_by_it(
    records: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {CHECKSUM: checksum_of(CONTENT), "etag": '"made-up-3"'}
    s3, _ = ended(records, source, checksum_algorithm="CRC64NVME", **told)
    monkeypatch.setattr(integrity, "md5_digest", md5_of_md5s)

    done = run(s3, source)

    assert s3.operations == ["ListParts", "HeadObject"]
    assert done.etag == "made-up-3"


def test_what_has_another_checksum_is_replaced(records: Path, source: Path) -> None:
    told = {CHECKSUM: checksum_of(b"other")}
    s3, _ = ended(records, source, checksum_algorithm="CRC64NVME", **told)

    run(s3, source)

    assert len(sent_parts(s3)) == 3


@pytest.mark.parametrize(
    "headers",
    [{"etag": '"00000000000000000000000000000000-3"'}, {"x-amz-meta-a": "b"}],
    ids=["other bytes", "other metadata"],
)
def test_what_somebody_else_stored_is_replaced(
    records: Path, source: Path, headers: dict[str, str]
) -> None:
    s3, _ = ended(records, source, **headers)

    run(s3, source)

    assert len(sent_parts(s3)) == 3
    assert list(records.iterdir()) == []


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
