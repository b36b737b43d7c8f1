"""What proves to an upload that S3 stored the very bytes that it sent."""

from __future__ import annotations

import dataclasses
import re
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, Final

import pytest

from s3_integration import S3Config, S3UploadError
from s3_integration.aws.endpoints import AWS, CLOUDFLARE_R2, UNKNOWN, EndpointProfile, Learned
from s3_integration.aws.session import Connection
from s3_integration.choices import IfExists
from s3_integration.transfer import checksums, integrity
from s3_integration.transfer.proof import WRONG_CHECKSUM, ChecksumsSent, Piece, checksums_to_send
from s3_integration.utils import MIB
from tests.fixtures.mock_responses import (
    CHECKSUM,
    CONFIG,
    Answer,
    CannedS3,
    Sent,
    checksum_of,
    connection_to,
    error_answer,
    etag_of,
)
from tests.fixtures.transfers import (
    UNKNOWN_SERVER,
    Fault,
    Habit,
    MultipartAnswers,
    lost_connection,
    md5_of_md5s,
    settled_file,
    upload,
    xml_answer,
)

LARGE = b"0123456789"
SMALL = b"01234"
OPAQUE = {"etag": '"opaque"', "x-amz-server-side-encryption": "aws:kms"}
WRONG = WRONG_CHECKSUM[checksums.FIELD]

pytestmark = pytest.mark.skipif(
    not checksums.is_available(), reason="awscrt, which computes CRC64NVME, is not installed"
)


def carried_by(s3: CannedS3) -> list[str]:
    """What the requests with a file's bytes carried, in their order."""
    return [
        "both" if {"content-md5", CHECKSUM} <= sent.headers.keys()
        else "md5" if "content-md5" in sent.headers
        else "crc64nvme" if CHECKSUM in sent.headers
        else "nothing"
        for sent in s3.sent
        if sent.operation in {"PutObject", "UploadPart"} and sent.body != b"?"
    ]  # fmt: skip


def connection_that_repeats(s3: CannedS3, *, repeated_bytes: int = 0) -> Connection:
    """One to a server that has repeated a checksum before."""
    learned = Learned(checksums="repeated", repeated_bytes=repeated_bytes)
    return dataclasses.replace(connection_to(s3, UNKNOWN_SERVER), learned=learned)


# What is sent


@pytest.mark.parametrize(
    ("endpoint", "learned", "sent"),
    [
        (AWS, "unknown", "crc64nvme"),
        (AWS, "refused", "md5"),
        (UNKNOWN, "unknown", "both"),
        (UNKNOWN, "repeated", "both"),
        (UNKNOWN, "verified", "crc64nvme"),
        (UNKNOWN, "believed", "md5"),
        (UNKNOWN, "ignored", "md5"),
        (UNKNOWN, "refused", "md5"),
        (CLOUDFLARE_R2, "unknown", "both"),
    ],
)
def test_md5_is_left_out_only_where_the_other_checksum_is_verified(
    endpoint: EndpointProfile, learned: str, sent: ChecksumsSent
) -> None:
    known = Learned()
    known.checksums = learned  # type: ignore[assignment] # one of those above

    assert checksums_to_send(endpoint, known) == sent


@pytest.mark.parametrize("content", [SMALL, LARGE])
@pytest.mark.promise(1)
def test_on_aws_everything_is_proved_without_an_md5(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(integrity, "md5_digest", md5_of_md5s)
    s3 = CannedS3(otherwise=MultipartAnswers())

    upload(s3, settled_file(tmp_path / "a", content))

    assert set(carried_by(s3)) == {"crc64nvme"}


def test_an_upload_in_parts_names_its_checksums_at_its_start_and_its_end(tmp_path: Path) -> None:
    s3 = CannedS3(otherwise=MultipartAnswers())

    upload(s3, settled_file(tmp_path / "a", LARGE))

    first, *_, last = s3.sent
    assert first.headers["x-amz-checksum-algorithm"] == "CRC64NVME"
    assert first.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    assert last.headers[CHECKSUM] == checksum_of(LARGE)
    assert last.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    assert last.headers["x-amz-mp-object-size"] == "10"
    told = re.findall(rb"<ChecksumCRC64NVME>([^<]*)<", last.body)
    assert [each.decode() for each in told] == [
        checksum_of(part) for part in (b"0123", b"4567", b"89")
    ]


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_without_awscrt_an_upload_carries_its_md5(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(checksums, "is_available", lambda: False)
    s3 = CannedS3(otherwise=MultipartAnswers())

    upload(s3, settled_file(tmp_path / "a", content))

    assert set(carried_by(s3)) == {"md5"}
    assert not any("x-amz-checksum-algorithm" in sent.headers for sent in s3.sent)


# Servers of which nothing is known


@pytest.mark.parametrize(
    ("habit", "carried"),
    [
        ("verifies", ["both", "both", "both"]),
        ("repeats", ["both", "both", "both"]),
        ("ignores", ["both", "md5", "md5"]),
        ("refuses", ["both", "md5", "md5", "md5"]),
    ],
)
@pytest.mark.promise(1)
def test_small_files_show_what_a_server_makes_of_checksums(
    tmp_path: Path, habit: Habit, carried: list[str]
) -> None:
    s3 = CannedS3(otherwise=MultipartAnswers(habit))
    connection = connection_to(s3, UNKNOWN_SERVER)

    for _ in range(3):
        upload(s3, settled_file(tmp_path / "a", SMALL), connection=connection)

    assert carried_by(s3) == carried


@pytest.mark.parametrize(
    "refusal",
    [
        error_answer(400, "InvalidRequest", "The checksum algorithm is not supported"),
        error_answer(400, "InvalidArgument"),
    ],
)
def test_a_refusal_in_other_words_is_understood_as_well(tmp_path: Path, refusal: Answer) -> None:
    s3 = CannedS3(refusal, otherwise=MultipartAnswers("ignores"))
    connection = connection_to(s3, UNKNOWN_SERVER)

    for _ in range(2):
        upload(s3, settled_file(tmp_path / "a", SMALL), connection=connection)

    assert carried_by(s3) == ["both", "md5", "md5"]


def test_an_upload_whose_parts_are_refused_for_their_checksums_goes_on_without(
    tmp_path: Path,
) -> None:
    refusal = error_answer(501, "NotImplemented")
    answers = MultipartAnswers("ignores")
    answers.faults = {
        "UploadPart": [lambda sent: refusal if CHECKSUM in sent.headers else None] * 9
    }
    s3 = CannedS3(otherwise=answers)

    upload(s3, settled_file(tmp_path / "a", LARGE), config=UNKNOWN_SERVER)

    assert carried_by(s3).count("md5") == 3
    assert CHECKSUM not in s3.sent[-1].headers


@pytest.mark.parametrize(
    ("habit", "first", "later"),
    [
        ("verifies", "both", "crc64nvme"),
        ("repeats", "both", "md5"),
        ("ignores", "both", "md5"),
        ("refuses", "md5", "md5"),
    ],
)
@pytest.mark.promise(1)
def test_a_server_that_repeats_checksums_is_believed_once_it_refused_a_wrong_one(
    tmp_path: Path, habit: Habit, first: str, later: str
) -> None:
    s3 = CannedS3(otherwise=MultipartAnswers(habit))
    connection = connection_to(s3, UNKNOWN_SERVER)

    for _ in range(3):
        upload(s3, settled_file(tmp_path / "a", LARGE), connection=connection)

    assert carried_by(s3) == [first] * 3 + [later] * 6


@pytest.mark.parametrize("habit", ["verifies", "repeats"])
def test_it_is_asked_once_by_an_upload_of_its_own(tmp_path: Path, habit: Habit) -> None:
    s3 = CannedS3(otherwise=MultipartAnswers(habit))
    connection = connection_that_repeats(s3)

    for _ in range(2):
        upload(s3, settled_file(tmp_path / "a", LARGE), connection=connection)

    start = ["CreateMultipartUpload", "UploadPart"]
    assert s3.operations[:4] == [*start, "AbortMultipartUpload", "CreateMultipartUpload"]
    assert s3.operations.count("AbortMultipartUpload") == 1
    [asked] = [sent for sent in s3.sent if sent.body == b"?"]
    assert asked.headers[CHECKSUM] == WRONG != checksum_of(b"?")
    assert "content-md5" not in asked.headers


def test_aws_is_not_asked(tmp_path: Path) -> None:
    s3 = CannedS3(otherwise=MultipartAnswers())

    for _ in range(2):
        upload(s3, settled_file(tmp_path / "a", LARGE), config=CONFIG)

    assert "AbortMultipartUpload" not in s3.operations


def test_where_nothing_answers_the_question_stays_open(tmp_path: Path, slept: list[float]) -> None:
    def hang_up(_: Sent) -> None:
        raise lost_connection()

    faults: list[Fault] = [hang_up]
    s3 = CannedS3(otherwise=MultipartAnswers(UploadPart=faults))
    connection = connection_that_repeats(s3)

    upload(s3, settled_file(tmp_path / "a", LARGE), connection=connection)

    assert carried_by(s3) == ["both"] * 3
    assert connection.learned.checksums == "repeated"
    assert slept == []


@pytest.mark.parametrize(
    "refusal", [error_answer(403, "AccessDenied"), error_answer(503, "SlowDown")]
)
def test_any_other_refusal_of_the_question_proves_nothing(
    tmp_path: Path, slept: list[float], refusal: Answer
) -> None:
    s3 = CannedS3(otherwise=MultipartAnswers(UploadPart=[refusal]))
    connection = connection_that_repeats(s3)

    upload(s3, settled_file(tmp_path / "a", LARGE), connection=connection)

    assert connection.learned.checksums != "verified"
    assert slept == []


@pytest.mark.parametrize("content", [SMALL, LARGE])
@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (400, "InvalidRequest")])
def test_a_refusal_that_has_nothing_to_do_with_checksums_is_an_error(
    tmp_path: Path, content: bytes, status: int, code: str
) -> None:
    s3 = CannedS3(otherwise=lambda _: error_answer(status, code))

    with pytest.raises(S3UploadError):
        upload(s3, settled_file(tmp_path / "a", content), config=UNKNOWN_SERVER)

    assert len(s3.sent) == 1


def small_uploads(s3: CannedS3, tmp_path: Path, *, repeated_bytes: int) -> Connection:
    """Two small uploads, after so many bytes of others."""
    connection = connection_that_repeats(s3, repeated_bytes=repeated_bytes)
    source = settled_file(tmp_path / "a", SMALL)
    for _ in range(2):
        upload(s3, source, connection=connection)
    return connection


QUESTION: Final = ["CreateMultipartUpload", "UploadPart", "AbortMultipartUpload"]


def test_many_small_uploads_are_worth_the_question(tmp_path: Path) -> None:
    s3 = CannedS3(otherwise=MultipartAnswers(UploadPart=[error_answer(400, "BadDigest")]))

    connection = small_uploads(s3, tmp_path, repeated_bytes=4 * MIB)

    assert s3.operations == [*QUESTION, "PutObject", "PutObject"]
    assert carried_by(s3) == ["crc64nvme"] * 2
    assert connection.learned.checksums == "verified"


def test_a_few_small_uploads_are_not(tmp_path: Path) -> None:
    s3 = CannedS3(otherwise=MultipartAnswers())

    connection = small_uploads(s3, tmp_path, repeated_bytes=4 * MIB - 2 * len(SMALL))

    assert s3.operations == ["PutObject"] * 2
    assert connection.learned.repeated_bytes == 4 * MIB


@pytest.mark.parametrize("operation", QUESTION[:2])
def test_small_uploads_go_well_where_nobody_may_ask(
    tmp_path: Path, slept: list[float], operation: str
) -> None:
    refusals: list[Fault] = [error_answer(403, "AccessDenied")]
    s3 = CannedS3(otherwise=MultipartAnswers(**{operation: refusals}))

    connection = small_uploads(s3, tmp_path, repeated_bytes=4 * MIB)

    assert s3.operations[-2:] == ["PutObject"] * 2
    assert s3.operations.count(operation) == 1
    assert carried_by(s3) == ["md5"] * 2
    assert connection.learned.checksums == "believed"
    assert slept == []


def test_small_uploads_do_not_ask_what_another_one_has_just_found_out(tmp_path: Path) -> None:
    s3 = CannedS3(otherwise=MultipartAnswers())
    connection = connection_that_repeats(s3, repeated_bytes=4 * MIB)
    lock: Any = _AnsweredMeanwhile(connection.learned)
    connection.learned.finding_out = lock

    upload(s3, settled_file(tmp_path / "a", SMALL), connection=connection)

    assert s3.operations == ["PutObject"]
    assert carried_by(s3) == ["crc64nvme"]


class _AnsweredMeanwhile:
    """A lock that is free again once another thread has learned what it took it for."""

    def __init__(self, learned: Learned) -> None:
        self._learned = learned

    def acquire(self, *, blocking: bool) -> bool:
        self._learned.checksums = "verified"
        return not blocking

    def release(self) -> None:
        """Nobody waits for it."""


def test_small_uploads_do_not_ask_again_at_once_where_nothing_answers(tmp_path: Path) -> None:
    def hang_up(_: Sent) -> None:
        raise lost_connection()

    faults: list[Fault] = [hang_up]
    s3 = CannedS3(otherwise=MultipartAnswers(UploadPart=faults))

    connection = small_uploads(s3, tmp_path, repeated_bytes=4 * MIB)

    assert s3.operations == [*QUESTION, "PutObject", "PutObject"]
    assert carried_by(s3) == ["both"] * 2
    assert connection.learned.checksums == "repeated"


# What the answers say


@pytest.mark.parametrize("config", [CONFIG, UNKNOWN_SERVER], ids=["AWS", "unknown server"])
@pytest.mark.parametrize("content", [SMALL, LARGE])
@pytest.mark.promise(1)
def test_bytes_that_were_stored_with_another_checksum_are_sent_again(
    tmp_path: Path, slept: list[float], config: S3Config, content: bytes
) -> None:
    answers = MultipartAnswers()

    def other(sent: Sent) -> Answer:
        right = answers.right_answer(sent)
        return dataclasses.replace(right, headers={**right.headers, CHECKSUM: WRONG})

    answers.faults = {"PutObject": [other], "UploadPart": [other]}
    s3 = CannedS3(otherwise=answers)

    upload(s3, settled_file(tmp_path / "a", content), config=config)

    assert len(carried_by(s3)) == (2 if content is SMALL else 4)
    assert len(slept) == 1


@pytest.mark.parametrize("content", [SMALL, LARGE])
@pytest.mark.promise(1)
def test_bytes_that_s3_refused_as_damaged_are_sent_again(
    tmp_path: Path, slept: list[float], content: bytes
) -> None:
    refusal = error_answer(400, "XAmzContentChecksumMismatch")
    answers = MultipartAnswers(PutObject=[refusal], UploadPart=[refusal])
    s3 = CannedS3(otherwise=answers)

    upload(s3, settled_file(tmp_path / "a", content))

    assert len(carried_by(s3)) == (2 if content is SMALL else 4)


@pytest.mark.promise(1)
def test_an_answer_that_leaves_the_checksum_out_is_judged_by_its_etag(
    tmp_path: Path, slept: list[float]
) -> None:
    other = Answer(headers={"etag": etag_of(b"other")})
    right = Answer(headers={"etag": etag_of(SMALL)})
    s3 = CannedS3(other, right)

    upload(s3, settled_file(tmp_path / "a", SMALL))

    assert len(s3.sent) == 2


@pytest.mark.parametrize("content", [SMALL, LARGE])
@pytest.mark.promise(1)
def test_a_checksum_that_is_repeated_over_other_bytes_does_not_prove_them(
    tmp_path: Path, slept: list[float], content: bytes
) -> None:
    answers = MultipartAnswers("repeats")

    def damaged(sent: Sent) -> Answer:
        kept = {name: text for name, text in sent.headers.items() if name != "content-md5"}
        return answers.right_answer(dataclasses.replace(sent, body=sent.body[::-1], headers=kept))

    connection = connection_to(CannedS3(otherwise=answers), UNKNOWN_SERVER)
    path = settled_file(tmp_path / "a", content)

    for _ in range(3):  # until it is known what the server does
        # The second request, since the first may be the one with a wrong checksum.
        answers.faults = {"PutObject": [damaged], "UploadPart": [lambda _: None, damaged]}
        upload(CannedS3(), path, connection=connection)

    assert len(slept) == 3
    assert b"".join(part for _, part in sorted(answers.contents.items())) in {LARGE, b""}


@pytest.mark.promise(1)
def test_parts_that_were_joined_to_something_else_are_an_error(tmp_path: Path) -> None:
    joined = xml_answer(
        "CompleteMultipartUploadResult",
        f'<ETag>"opaque"</ETag><ChecksumCRC64NVME>{WRONG}</ChecksumCRC64NVME>',
    )
    s3 = CannedS3(otherwise=MultipartAnswers(CompleteMultipartUpload=[joined]))

    with pytest.raises(S3UploadError, match="other bytes than were sent"):
        upload(s3, settled_file(tmp_path / "a", LARGE))

    assert s3.operations[-1] == "AbortMultipartUpload"


# ETags that came damaged


def with_damaged_etag(answers: MultipartAnswers, *, is_kept: bool) -> Fault:
    def answer(sent: Sent) -> Answer:
        right = answers.right_answer(sent)
        if not is_kept:
            answers.contents.clear()
        damaged = {**right.headers, "etag": etag_of(b"other")}
        return dataclasses.replace(right, headers=damaged)

    return answer


@pytest.mark.parametrize("is_kept", [True, False], ids=["stored", "lost"])
def test_a_part_whose_etag_came_damaged_is_known_by_its_checksum(
    tmp_path: Path, *, is_kept: bool
) -> None:
    answers = MultipartAnswers()
    answers.faults = {"UploadPart": [with_damaged_etag(answers, is_kept=is_kept)]}
    s3 = CannedS3(otherwise=answers)
    told: list[int] = []

    done = upload(
        s3, settled_file(tmp_path / "a", LARGE), progress=lambda step, _: told.append(step)
    )

    assert f'"{done.etag}"' == answers.etag
    assert (len(carried_by(s3)) == 3) is is_kept
    assert [answers.contents[number] for number in (1, 2, 3)] == [b"0123", b"4567", b"89"]
    assert told[-1] == max(told) == 10
    ends = [name for name in s3.operations if name in {"CompleteMultipartUpload", "ListParts"}]
    assert ends == ["CompleteMultipartUpload", "ListParts", "CompleteMultipartUpload"]


@pytest.mark.parametrize(
    "listed", [error_answer(403, "AccessDenied"), None], ids=["not told", "as they were sent"]
)
def test_parts_that_s3_rejects_for_no_visible_reason_are_an_error(
    tmp_path: Path, listed: Answer | None
) -> None:
    answers = MultipartAnswers(CompleteMultipartUpload=[error_answer(400, "InvalidPart")])
    if listed:
        answers.faults["ListParts"] = [listed]
    s3 = CannedS3(otherwise=answers)

    with pytest.raises(S3UploadError) as caught:
        upload(s3, settled_file(tmp_path / "a", LARGE))

    assert caught.value.code == "InvalidPart"
    assert s3.operations.count("CompleteMultipartUpload") == 1
    assert s3.operations[-1] == "AbortMultipartUpload"


# Replies that were lost


def losing_its_reply(answers: MultipartAnswers, stored: Answer) -> MultipartAnswers:
    def do_and_hang_up(sent: Sent) -> Answer:
        answers.right_answer(sent)
        raise lost_connection()

    lost: Fault = do_and_hang_up
    gone = error_answer(404, "NoSuchUpload")
    taken = error_answer(412, "PreconditionFailed")
    answers.faults = {
        "CompleteMultipartUpload": [lost, gone],
        "PutObject": [lost, taken],
        "HeadObject": [stored] * 5,
    }
    return answers


@pytest.mark.parametrize("content", [SMALL, LARGE])
@pytest.mark.promise(1)
def test_what_is_stored_is_known_by_its_checksum_where_its_etag_tells_nothing(
    tmp_path: Path, slept: list[float], content: bytes
) -> None:
    stored = Answer(headers={**OPAQUE, CHECKSUM: checksum_of(content)})
    s3 = CannedS3(otherwise=losing_its_reply(MultipartAnswers(), stored))
    if_exists: IfExists = "overwrite" if content is LARGE else "fail"

    done = upload(s3, settled_file(tmp_path / "a", content), if_exists=if_exists)

    assert done.etag == "opaque"
    assert s3.sent[-1].headers["x-amz-checksum-mode"] == "ENABLED"


@pytest.mark.parametrize("config", [CONFIG, UNKNOWN_SERVER], ids=["AWS", "unknown server"])
@pytest.mark.promise(1)
def test_what_has_another_checksum_is_not_what_was_sent(
    tmp_path: Path, slept: list[float], config: S3Config
) -> None:
    stored = Answer(headers={**OPAQUE, CHECKSUM: WRONG})
    s3 = CannedS3(otherwise=losing_its_reply(MultipartAnswers(), stored))

    with pytest.raises(S3UploadError):
        upload(s3, settled_file(tmp_path / "a", LARGE), config=config)


@pytest.mark.parametrize("config", [CONFIG, UNKNOWN_SERVER], ids=["AWS", "unknown server"])
@pytest.mark.promise(1)
def test_the_same_bytes_in_other_parts_are_somebody_elses(
    tmp_path: Path, slept: list[float], config: S3Config
) -> None:
    told = {"etag": f'"{"0" * 32}-3"', CHECKSUM: checksum_of(LARGE)}
    s3 = CannedS3(otherwise=losing_its_reply(MultipartAnswers(), Answer(headers=told)))

    with pytest.raises(S3UploadError):
        upload(s3, settled_file(tmp_path / "a", LARGE), config=config)


@pytest.mark.parametrize(
    ("size", "etag", "is_right"),
    [("10", etag_of(LARGE), True), ("10", etag_of(b"other"), False), ("11", etag_of(LARGE), False)],
)
@pytest.mark.promise(1)
def test_joined_parts_may_have_the_md5_of_the_whole_for_an_etag(
    tmp_path: Path, slept: list[float], size: str, etag: str, *, is_right: bool
) -> None:
    # As rclone's server has them.
    stored = Answer(headers={"etag": etag, "content-length": size})
    s3 = CannedS3(otherwise=losing_its_reply(MultipartAnswers("ignores"), stored))
    path = settled_file(tmp_path / "a", LARGE)

    if is_right:
        assert f'"{upload(s3, path, config=UNKNOWN_SERVER).etag}"' == etag
    else:
        with pytest.raises(S3UploadError):
            upload(s3, path, config=UNKNOWN_SERVER)


def test_nobody_waits_for_the_checksum_of_another_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    is_computing, may_end = threading.Event(), threading.Event()

    def slowly(content: bytes) -> bytes:
        if content == b"slow":
            is_computing.set()
            may_end.wait(30)
        return b"digest of " + content

    monkeypatch.setattr(integrity, "md5_digest", slowly)
    connection = connection_to(CannedS3(), CONFIG)
    slow, quick = (Piece(connection, content, "md5") for content in (b"slow", b"quick"))

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(lambda: slow.md5)
        assert is_computing.wait(30)
        second = threads.submit(lambda: quick.md5)
        done, _ = wait([second], timeout=10)
        may_end.set()

    assert done == {second}
    assert (first.result(), second.result()) == (b"digest of slow", b"digest of quick")
