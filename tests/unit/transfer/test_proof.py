"""Which checksums go with bytes, and what S3's answers prove of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from s3_integration import S3Config, S3UploadError
from s3_integration.transfer import checksums
from tests.fixtures.mock_responses import (
    CHECKSUM,
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
    verify,
)
from tests.fixtures.transfers import (
    UNKNOWN_SERVER,
    Fault,
    MultipartAnswers,
    lost_connection,
    settled_file,
    upload,
    xml_answer,
)

SMALL: Final = b"12345"
LARGE: Final = b"0123456789"
MD5: Final = "content-md5"
OTHER_ETAG: Final = '"00000000000000000000000000000000"'
OTHER_CHECKSUM: Final = "AAAAAAAAAAA="


def kinds(sent: Sent) -> set[str]:
    """The checksums that a request carried."""
    return {MD5, CHECKSUM} & sent.headers.keys()


@pytest.fixture
def without_awscrt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checksums, "_awscrt", lambda: None)


def test_bytes_whose_checksum_is_repeated_are_stored_whatever_their_etag_is(
    tmp_path: Path,
) -> None:
    s3 = CannedS3(Answer(headers={"etag": OTHER_ETAG, CHECKSUM: checksum_of(SMALL)}))

    upload(s3, settled_file(tmp_path / "a", SMALL))

    assert [kinds(sent) for sent in s3.sent] == [{CHECKSUM}]


@pytest.mark.parametrize("config", [CONFIG, UNKNOWN_SERVER], ids=["AWS", "another server"])
def test_bytes_that_are_said_to_have_another_checksum_are_sent_again(
    tmp_path: Path, slept: list[float], config: S3Config
) -> None:
    lie = Answer(headers={"etag": etag_of(SMALL), CHECKSUM: OTHER_CHECKSUM})
    s3 = CannedS3(lie, verify)

    upload(s3, settled_file(tmp_path / "a", SMALL), config=config)

    assert [sent.body for sent in s3.sent] == [SMALL] * 2


def test_bytes_that_always_have_another_checksum_are_an_error(
    tmp_path: Path, slept: list[float]
) -> None:
    s3 = CannedS3(*[Answer(headers={"etag": etag_of(SMALL), CHECKSUM: OTHER_CHECKSUM})] * 5)

    with pytest.raises(S3UploadError, match="other bytes than were sent \\(CRC64NVME"):
        upload(s3, settled_file(tmp_path / "a", SMALL))


def test_without_awscrt_content_md5_is_verified(without_awscrt: None, tmp_path: Path) -> None:
    s3 = CannedS3(otherwise=MultipartAnswers())

    upload(s3, settled_file(tmp_path / "a", SMALL))
    upload(s3, settled_file(tmp_path / "b", LARGE))

    started = [sent for sent in s3.sent if sent.operation == "CreateMultipartUpload"]
    assert "x-amz-checksum-algorithm" not in started[0].headers
    sent_bytes = [sent for sent in s3.sent if sent.method == "PUT"]
    assert [kinds(sent) for sent in sent_bytes] == [{MD5}] * 4


@pytest.mark.parametrize(
    ("answer", "afterwards"), [(take, {MD5}), (verify, {MD5, CHECKSUM})], ids=["silent", "repeats"]
)
def test_an_unknown_server_is_told_both_until_it_has_answered(
    tmp_path: Path, answer: Reply, afterwards: set[str]
) -> None:
    path = settled_file(tmp_path / "a", SMALL)
    s3 = CannedS3(answer, answer)
    connection = connection_to(s3, UNKNOWN_SERVER)

    upload(s3, path, connection=connection)
    upload(s3, path, connection=connection)

    assert [kinds(sent) for sent in s3.sent] == [{MD5, CHECKSUM}, afterwards]


@pytest.mark.parametrize(
    "refusal",
    [
        error_answer(501, "NotImplemented", "A header you provided implies functionality"),
        error_answer(400, "InvalidRequest", "The checksum algorithm is not supported"),
        error_answer(400, "InvalidArgument"),
    ],
)
def test_a_server_that_refuses_checksums_is_told_none_from_then_on(
    tmp_path: Path, refusal: Answer
) -> None:
    path = settled_file(tmp_path / "a", SMALL)
    s3 = CannedS3(refusal, take, take)
    connection = connection_to(s3, UNKNOWN_SERVER)

    upload(s3, path, connection=connection)
    upload(s3, path, connection=connection)

    assert [kinds(sent) for sent in s3.sent] == [{MD5, CHECKSUM}, {MD5}, {MD5}]


def test_a_server_that_refuses_to_start_with_checksums_gets_parts_without(tmp_path: Path) -> None:
    refusal: list[Fault] = [error_answer(501, "NotImplemented")]
    s3 = CannedS3(otherwise=MultipartAnswers(CreateMultipartUpload=refusal))

    upload(s3, settled_file(tmp_path / "a", LARGE), config=UNKNOWN_SERVER)

    assert s3.operations.count("CreateMultipartUpload") == 2
    parts = [sent for sent in s3.sent if sent.operation == "UploadPart"]
    assert [kinds(sent) for sent in parts] == [{MD5}] * 3
    assert CHECKSUM not in s3.sent[-1].headers


@pytest.mark.parametrize(
    ("code", "status"), [("AccessDenied", 403), ("InvalidRequest", 400)], ids=str
)
def test_a_refusal_for_another_reason_is_an_error_at_once(
    tmp_path: Path, code: str, status: int
) -> None:
    s3 = CannedS3(error_answer(status, code))

    with pytest.raises(S3UploadError):
        upload(s3, settled_file(tmp_path / "a", SMALL), config=UNKNOWN_SERVER)

    assert len(s3.sent) == 1


class Knowing(MultipartAnswers):
    """A server that repeats checksums, and may verify them."""

    def __init__(self, answer: Callable[[Sent], Answer]) -> None:
        super().__init__()
        self._answer = answer

    def _right_answer(self, sent: Sent) -> Answer:
        right = super()._right_answer(sent)
        return self._answer(sent) if sent.method == "PUT" else right


def repeat(sent: Sent) -> Answer:
    return Answer(headers={"etag": etag_of(sent.body), CHECKSUM: sent.headers.get(CHECKSUM, "")})


@pytest.mark.parametrize(
    ("answer", "afterwards"), [(verify, {CHECKSUM}), (repeat, {MD5})], ids=["verifies", "repeats"]
)
def test_md5_is_left_out_where_a_wrong_checksum_is_refused(
    tmp_path: Path, slept: list[float], answer: Callable[[Sent], Answer], afterwards: set[str]
) -> None:
    path = settled_file(tmp_path / "a", LARGE)
    s3 = CannedS3(otherwise=Knowing(answer))
    connection = connection_to(s3, UNKNOWN_SERVER)

    upload(s3, path, connection=connection)
    assert connection.learned.checksums == "repeated"
    first, s3.sent = s3.sent, []
    upload(s3, path, connection=connection)

    assert all(kinds(sent) == {MD5, CHECKSUM} for sent in first if sent.method == "PUT")
    asked, (wrong, *parts) = s3.operations[:3], [sent for sent in s3.sent if sent.method == "PUT"]
    assert asked == ["CreateMultipartUpload", "UploadPart", "AbortMultipartUpload"]
    assert wrong.headers[CHECKSUM] != checksum_of(wrong.body)
    assert [kinds(sent) for sent in parts] == [afterwards] * 3
    assert slept == []


def test_a_server_that_does_not_answer_to_a_wrong_checksum_is_asked_again_later(
    tmp_path: Path, slept: list[float]
) -> None:
    def silent(sent: Sent) -> Answer:
        if sent.body == b"?":
            raise lost_connection()
        return verify(sent)

    s3 = CannedS3(otherwise=Knowing(silent))
    connection = connection_to(s3, UNKNOWN_SERVER)
    connection.learned.checksums = "repeated"

    upload(s3, settled_file(tmp_path / "a", LARGE), connection=connection)

    assert connection.learned.checksums == "repeated"
    assert s3.operations.count("AbortMultipartUpload") == 1


def test_joined_parts_with_another_checksum_are_an_error(tmp_path: Path) -> None:
    other = xml_answer(
        "CompleteMultipartUploadResult",
        f"<ETag>opaque</ETag><ChecksumCRC64NVME>{OTHER_CHECKSUM}</ChecksumCRC64NVME>",
    )
    s3 = CannedS3(otherwise=MultipartAnswers(CompleteMultipartUpload=[other]))

    with pytest.raises(S3UploadError, match="other bytes than were sent \\(CRC64NVME"):
        upload(s3, settled_file(tmp_path / "a", LARGE))


def test_a_part_whose_etag_came_damaged_is_sent_again_once_s3_does_not_know_it(
    tmp_path: Path,
) -> None:
    def with_other_etag(sent: Sent) -> Answer:
        return Answer(headers={"etag": OTHER_ETAG, CHECKSUM: sent.headers[CHECKSUM]})

    def unknown(sent: Sent) -> Answer | None:
        return error_answer(400, "InvalidPart") if b"0000000000" in sent.body else None

    answers = MultipartAnswers(
        UploadPart=[with_other_etag], CompleteMultipartUpload=[unknown, unknown]
    )
    s3 = CannedS3(otherwise=answers)

    done = upload(s3, settled_file(tmp_path / "a", LARGE))

    assert s3.operations.count("UploadPart") == 4
    assert f'"{done.etag}"' == answers.etag


@pytest.mark.parametrize(
    ("told", "size_bytes", "is_ours"),
    [
        ({"etag": '"opaque"', CHECKSUM: checksum_of(LARGE)}, 10, True),
        ({"etag": '"opaque"', CHECKSUM: OTHER_CHECKSUM}, 10, False),
        ({"etag": '"opaque"'}, 10, False),
        ({"etag": etag_of(LARGE)}, 10, True),
        ({"etag": etag_of(LARGE)}, 11, False),
        ({"etag": OTHER_ETAG}, 10, False),
        ({"etag": '"00000000000000000000000000000000-3"', CHECKSUM: checksum_of(LARGE)}, 10, False),
    ],
    ids=str,
)
def test_where_the_last_answer_was_lost_whatever_s3_tells_of_the_object_decides(
    tmp_path: Path, slept: list[float], told: dict[str, str], size_bytes: int, *, is_ours: bool
) -> None:
    stored = Answer(headers={**told, "content-length": str(size_bytes)})
    lost: list[Fault] = [lost_connection()] * 5
    s3 = CannedS3(otherwise=MultipartAnswers(CompleteMultipartUpload=lost, HeadObject=[stored] * 5))
    path = settled_file(tmp_path / "a", LARGE)

    if is_ours:
        upload(s3, path)
    else:
        with pytest.raises(S3UploadError):
            upload(s3, path)

    [head] = [sent for sent in s3.sent if sent.operation == "HeadObject"]
    assert head.headers["x-amz-checksum-mode"] == "ENABLED"
