"""What S3 tells of one file: `file_info`, from S3's answer to the value."""

from __future__ import annotations

import datetime as dt
from typing import get_args

import botocore.session
import pytest

from s3_integration import (
    S3AccessDeniedError,
    S3BucketError,
    S3Checksum,
    S3FileInfo,
    S3FileNotFoundError,
    S3IntegrationError,
)
from s3_integration.models import ChecksumAlgorithm, ChecksumType
from tests.fixtures.mock_responses import (
    Answer,
    CannedS3,
    error_answer,
    object_answer,
    service_to,
)

BUCKET = "unit-tests"
MISSING = Answer(404)
NO_SUCH_KEY = error_answer(404, "NoSuchKey")
NO_SUCH_BUCKET = error_answer(404, "NoSuchBucket")
NOON = dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)
FOUND_HEADERS = {"etag": '"e1"', "last-modified": "Thu, 29 Feb 2024 12:00:00 GMT"}


def described(**headers: str) -> Answer:
    """An answer to HeadObject, for five bytes, with further headers."""
    further = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(200, b"12345", FOUND_HEADERS | further)


def test_a_file_is_described_by_one_request() -> None:
    s3 = CannedS3(described())

    found = service_to(s3).file_info("a b")

    assert found == S3FileInfo("a b", 5, NOON, "e1", "STANDARD")
    assert found.last_modified.tzinfo is dt.UTC
    assert s3.methods == ["HEAD a b"]
    assert s3.sent[0].query == {}
    assert s3.sent[0].headers["x-amz-checksum-mode"] == "ENABLED"


def test_an_empty_file_in_another_storage_class_is_described() -> None:
    headers = FOUND_HEADERS | {"x-amz-storage-class": "GLACIER"}

    found = service_to(CannedS3(Answer(200, b"", headers))).file_info("a")

    assert (found.size, found.storage_class) == (0, "GLACIER")


def algorithms_of_botocore() -> list[str]:
    """Those whose headers the installed botocore reads; older ones know fewer."""
    model = botocore.session.get_session().get_service_model("s3")
    answer = model.operation_model("HeadObject").output_shape
    assert answer is not None
    return [name for name in get_args(ChecksumAlgorithm) if f"Checksum{name}" in answer.members]


def test_botocore_reads_the_checksums_that_matter_most() -> None:
    assert {"CRC64NVME", "CRC32", "CRC32C", "SHA1", "SHA256"} <= set(algorithms_of_botocore())


@pytest.mark.parametrize("algorithm", algorithms_of_botocore())
@pytest.mark.parametrize(
    ("value", "headers", "checksum_type"),
    [
        ("AAAA", {"x_amz_checksum_type": "FULL_OBJECT"}, "FULL_OBJECT"),
        ("AAAA", {"x_amz_checksum_type": "COMPOSITE"}, "COMPOSITE"),
        ("AAAA-2", {"x_amz_checksum_type": "COMPOSITE"}, "COMPOSITE"),
        ("AAAA", {}, "FULL_OBJECT"),
        ("AAAA", {"etag": '"e1-2"', "x_amz_checksum_type": "FULL_OBJECT"}, "FULL_OBJECT"),
    ],
)
def test_the_checksum_says_what_it_covers(
    algorithm: ChecksumAlgorithm,
    value: str,
    headers: dict[str, str],
    checksum_type: ChecksumType,
) -> None:
    headers = headers | {f"x_amz_checksum_{algorithm.lower()}": value}

    found = service_to(CannedS3(described(**headers))).file_info("a")

    assert found.checksum == S3Checksum(algorithm, value, checksum_type)


@pytest.mark.parametrize(
    ("algorithm", "value", "etag", "checksum_type"),
    [
        ("SHA256", "AAAA-2", '"e1"', "COMPOSITE"),
        ("SHA256", "AAAA", '"e1-2"', "COMPOSITE"),
        ("CRC32", "AAAA", '"e1-2"', "COMPOSITE"),
        ("CRC64NVME", "AAAA", '"e1-2"', "FULL_OBJECT"),
    ],
)
def test_a_checksum_of_untold_type_is_in_doubt_not_of_the_whole(
    algorithm: ChecksumAlgorithm, value: str, etag: str, checksum_type: ChecksumType
) -> None:
    told = {f"x_amz_checksum_{algorithm.lower()}": value, "etag": etag}

    found = service_to(CannedS3(described(**told))).file_info("a")

    assert found.checksum == S3Checksum(algorithm, value, checksum_type)


def test_a_file_without_a_checksum_has_none() -> None:
    assert service_to(CannedS3(described())).file_info("a").checksum is None


def test_a_missing_file_is_told_apart_from_a_missing_bucket() -> None:
    s3 = CannedS3(MISSING, NO_SUCH_KEY)

    with pytest.raises(S3FileNotFoundError, match="nothing is stored under that key"):
        service_to(s3).file_info("a")

    assert [sent.operation for sent in s3.sent] == ["HeadObject", "GetObject"]
    with pytest.raises(S3BucketError, match="does not exist"):
        service_to(CannedS3(MISSING, NO_SUCH_BUCKET)).file_info("a")


def test_a_missing_version_is_told_as_such() -> None:
    s3 = CannedS3(MISSING, error_answer(404, "NoSuchVersion"))

    with pytest.raises(S3FileNotFoundError, match="that version is not stored"):
        service_to(s3).file_info("a", version_id="v1")

    assert [sent.query for sent in s3.sent] == [{"versionId": "v1"}] * 2


def test_a_version_that_is_a_delete_marker_is_no_file() -> None:
    s3 = CannedS3(Answer(405, headers={"x-amz-delete-marker": "true"}))

    with pytest.raises(S3FileNotFoundError, match="a delete marker"):
        service_to(s3).file_info("a", version_id="v1")


@pytest.mark.parametrize(
    "answer", [object_answer(b"x"), error_answer(416, "InvalidRange")], ids=["bytes", "empty"]
)
def test_a_file_that_appears_between_two_questions_is_described(answer: Answer) -> None:
    s3 = CannedS3(MISSING, answer, described())

    assert service_to(s3).file_info("a").size == 5


def test_a_refused_description_is_an_error() -> None:
    s3 = CannedS3(Answer(403))

    with pytest.raises(S3AccessDeniedError, match="s3:GetObject"):
        service_to(s3).file_info("a")

    assert len(s3.sent) == 1


@pytest.mark.parametrize("missing", ["etag", "last-modified", "content-length"])
def test_an_answer_that_is_not_s3s_describes_nothing(slept: list[float], missing: str) -> None:
    login_page = Answer(200, b"12345", FOUND_HEADERS | {missing: ""})
    s3 = CannedS3(*[login_page] * 5)

    with pytest.raises(S3IntegrationError, match="not S3's") as caught:
        service_to(s3).file_info("a")

    assert (len(s3.sent), len(slept)) == (5, 4)
    assert caught.value.retryable
    assert caught.value.suggestion
    assert (caught.value.bucket, caught.value.key) == (BUCKET, "a")


def test_a_login_page_that_passes_is_asked_again(slept: list[float]) -> None:
    s3 = CannedS3(Answer(200, b"<html>"), described())

    assert service_to(s3).file_info("a").etag == "e1"
