"""Unfinished uploads that nobody will finish."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path
from typing import Any

import pytest

from s3_integration import S3AccessDeniedError, S3Client, S3ConfigError, S3IntegrationError
from s3_integration.bucket.bucket import Bucket
from s3_integration.models import StaleUploads
from s3_integration.transfer import journal
from s3_integration.transfer.journal import ObjectRecords
from s3_integration.transfer.resume import Remembered, UploadFacts
from tests.fixtures.mock_responses import (
    CONFIG,
    Answer,
    CannedS3,
    Sent,
    connection_to,
    error_answer,
)
from tests.fixtures.transfers import BUCKET, xml_answer

DAY = dt.timedelta(days=1)
ENDPOINT = "https://s3.amazonaws.com"
GONE = error_answer(404, "NoSuchUpload")
DENIED = error_answer(403, "AccessDenied")


@pytest.fixture(autouse=True)
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = journal.uploads_folder()
    assert folder
    return folder


def ago(age: dt.timedelta) -> str:
    return (dt.datetime.now(dt.UTC) - age).strftime("%Y-%m-%dT%H:%M:%SZ")


def listed(*told: tuple[str, str, dt.timedelta], more: str = "") -> Answer:
    uploads = "".join(
        f"<Upload><Key>{key}</Key><UploadId>{upload_id}</UploadId>"
        f"<Initiated>{ago(age)}</Initiated></Upload>"
        for key, upload_id, age in told
    )
    return xml_answer("ListMultipartUploadsResult", more + uploads)


def swept(*replies: Answer, older_than: dt.timedelta = DAY) -> tuple[StaleUploads, list[Sent]]:
    s3 = CannedS3(*replies)
    connection = connection_to(s3)
    report = Bucket(BUCKET, lambda: connection).abort_stale_uploads(older_than)
    return report, s3.sent


def record_of(records: Path, key: str, upload_id: str) -> journal.UploadRecord:
    facts = UploadFacts(
        endpoint_url=ENDPOINT, bucket=BUCKET, key=key, path="/a", size_bytes=1, mtime_ns=1,
        inode=1, part_size_bytes=1, parameters_digest="",
    )  # fmt: skip
    remembered = Remembered(
        facts=facts, began=time.time(), known_upload_ids=None, upload_id=upload_id
    )
    record = ObjectRecords(records, ENDPOINT, BUCKET, key).new(remembered)
    assert record
    return record


@pytest.mark.promise(10)
def test_what_is_old_enough_is_aborted_and_what_is_not_stays() -> None:
    report, sent = swept(listed(("a", "1", 2 * DAY), ("b", "2", DAY / 2)), Answer(204))

    assert [(each.key, each.upload_id) for each in report.aborted] == [("a", "1")]
    assert report.aborted[0].initiated.tzinfo is dt.UTC
    assert [(each.operation, each.key) for each in sent[1:]] == [("AbortMultipartUpload", "a")]
    assert (report.failed, report.in_use) == ((), ())
    report.raise_if_failed()


def test_all_pages_are_seen_and_their_keys_decoded() -> None:
    more = (
        "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
        "<NextKeyMarker>a+b%0A</NextKeyMarker><NextUploadIdMarker>1</NextUploadIdMarker>"
    )

    report, sent = swept(
        listed(("a+b%0A", "1", 2 * DAY), more=more),
        listed(("c+d", "2", 2 * DAY)),
        Answer(204),
        Answer(204),
    )

    assert [each.key for each in report.aborted] == ["a b\n", "c+d"]
    assert (sent[1].query["key-marker"], sent[1].query["upload-id-marker"]) == ("a b\n", "1")


def test_a_list_without_an_end_is_an_error() -> None:
    more = "<IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker>"

    with pytest.raises(S3IntegrationError, match="list of unfinished uploads has no end"):
        swept(*[listed(("a", "1", 2 * DAY), more=more)] * 3)


def test_one_that_cannot_be_aborted_is_told_beside_the_others() -> None:
    report, _ = swept(
        listed(("a", "1", 2 * DAY), ("b", "2", 2 * DAY), ("c", "3", 2 * DAY)),
        DENIED,
        GONE,
        Answer(204),
    )

    assert [each.key for each in report.aborted] == ["b", "c"]
    [failed] = report.failed
    assert (failed.upload.key, failed.error.key) == ("a", "a")
    with pytest.raises(S3AccessDeniedError, match="s3:AbortMultipartUpload"):
        report.raise_if_failed()


def test_none_is_nothing_to_do_also_where_the_server_calls_that_an_error() -> None:
    for answer in (listed(), GONE):
        report, sent = swept(answer)
        assert (report, len(sent)) == (StaleUploads((), (), ()), 1)


def test_a_refused_listing_is_an_error() -> None:
    with pytest.raises(S3AccessDeniedError, match="s3:ListBucketMultipartUploads"):
        swept(DENIED)


def test_what_a_process_of_this_machine_works_on_is_left_alone(records: Path) -> None:
    living = record_of(records, "a", "1")
    starting = record_of(records, "b", "")

    report, _ = swept(
        listed(("a", "1", 2 * DAY), ("a", "2", 2 * DAY), ("b", "3", 2 * DAY)), Answer(204)
    )

    assert [each.upload_id for each in report.in_use] == ["1", "3"]
    assert [each.upload_id for each in report.aborted] == ["2"]
    living.close()
    starting.close()


def test_the_record_of_what_was_aborted_is_removed(records: Path) -> None:
    record_of(records, "a", "1").close()
    record_of(records, "b", "2").close()

    swept(listed(("a", "1", 2 * DAY)), Answer(204))

    [left] = records.iterdir()
    assert b'"2"' in left.read_bytes()


def test_without_records_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", os.devnull)

    report, _ = swept(listed(("a", "1", 2 * DAY)), Answer(204))

    assert len(report.aborted) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"older_than": 3600},
        {"older_than": -DAY},
        {"older_than": 40_000 * DAY},
        {"older_than": dt.timedelta.max},
        {"older_than": DAY, "prefix": 5},
        {"older_than": DAY, "prefix": "\ud800"},
    ],
    ids=str,
)
def test_nonsense_is_refused_before_any_request(arguments: dict[str, Any]) -> None:
    bucket = S3Client(config=CONFIG).bucket

    with pytest.raises(S3ConfigError):
        bucket.abort_stale_uploads(**arguments)


def test_a_client_has_its_bucket_and_ensures_it() -> None:
    s3 = CannedS3(Answer(200))
    connection = connection_to(s3)

    Bucket(BUCKET, lambda: connection).ensure()

    assert [sent.method for sent in s3.sent] == ["HEAD"]
    assert repr(S3Client(config=CONFIG).bucket) == f"Bucket({BUCKET!r})"
