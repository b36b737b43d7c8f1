"""Uploads of processes that were killed before they learned the upload's name, or after its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from s3_integration.transfer import integrity
from tests.fixtures.killed_uploads import (
    CONTENT,
    GONE,
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
from tests.fixtures.mock_responses import CHECKSUM, Answer, CannedS3, checksum_of, error_answer
from tests.fixtures.transfers import KEY, Fault, MultipartAnswers, md5_of_md5s, parts_listed

records = pytest.fixture(autouse=True)(folder_of_records)
source = pytest.fixture(source_of_ten_bytes)


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
