"""Uploads in parts."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from s3_integration import (
    S3AccessDeniedError,
    S3ConflictError,
    S3UploadError,
    TransferConfig,
)
from s3_integration.utils import MIB
from tests.fixtures.mock_responses import (
    CHECKSUM,
    Answer,
    CannedS3,
    Sent,
    checksum_of,
    error_answer,
)
from tests.fixtures.transfers import (
    KEY,
    UNKNOWN_SERVER,
    UPLOAD_ID,
    Fault,
    MultipartAnswers,
    after_first_read,
    fresh_file,
    lost_connection,
    settled_file,
    upload,
    xml_answer,
)

CONTENT = b"0123456789"
OTHER_ETAG = Answer(headers={"etag": '"00000000000000000000000000000000"'})
OTHER_OBJECT = xml_answer(
    "CompleteMultipartUploadResult", '<ETag>"00000000000000000000000000000000-3"</ETag>'
)
GONE = error_answer(404, "NoSuchUpload")
BROKEN_200 = error_answer(200, "InternalError")


def parts_of(s3: CannedS3) -> list[bytes]:
    parts = {
        int(sent.query["partNumber"]): sent.body
        for sent in s3.sent
        if sent.operation == "UploadPart"
    }
    return [body for _, body in sorted(parts.items())]


def test_a_large_file_goes_in_parts_that_s3_joins(tmp_path: Path) -> None:
    path = settled_file(tmp_path / "a", CONTENT)
    answers = MultipartAnswers()
    s3 = CannedS3(otherwise=answers)

    done = upload(s3, path, metadata={"colour": "blue"}, tags={"a": "b"})

    assert parts_of(s3) == [b"0123", b"4567", b"89"]
    first, *middle, last = s3.sent
    assert first.operation == "CreateMultipartUpload"
    assert first.headers["x-amz-meta-colour"] == "blue"
    assert first.headers["x-amz-tagging"] == "a=b"
    assert first.headers["content-type"] == "text/plain"
    assert all(part.headers[CHECKSUM] == checksum_of(part.body) for part in middle)
    assert {part.query["uploadId"] for part in middle} == {UPLOAD_ID}
    assert last.operation == "CompleteMultipartUpload"
    assert re.findall(rb"<PartNumber>(\d)</PartNumber>", last.body) == [b"1", b"2", b"3"]
    assert "if-none-match" not in last.headers
    assert (done.size_bytes, f'"{done.etag}"') == (10, answers.etag)


@pytest.mark.parametrize(
    ("size_bytes", "operations"),
    [
        (7, ["PutObject"]),
        (8, ["CreateMultipartUpload", "UploadPart", "UploadPart", "CompleteMultipartUpload"]),
        (9, ["CreateMultipartUpload", *["UploadPart"] * 3, "CompleteMultipartUpload"]),
    ],
)
def test_the_threshold_decides_between_one_request_and_parts(
    tmp_path: Path, size_bytes: int, operations: list[str]
) -> None:
    path = settled_file(tmp_path / "a", CONTENT[:size_bytes])
    answers = MultipartAnswers()
    s3 = CannedS3(otherwise=answers)

    done = upload(s3, path)

    assert s3.operations == operations
    assert done.size_bytes == size_bytes


def test_parts_of_s3s_own_least_size_hold_the_file_in_order(tmp_path: Path) -> None:
    content = os.urandom(1024) * (11 * 1024)
    path = settled_file(tmp_path / "a", content)
    s3 = CannedS3(otherwise=MultipartAnswers())
    told: list[tuple[int, int]] = []

    upload(
        s3,
        path,
        transfer=TransferConfig(part_size_bytes=5 * MIB, multipart_threshold_bytes=5 * MIB),
        progress=lambda *step: told.append(step),
    )

    parts = parts_of(s3)
    assert [len(part) for part in parts] == [5 * MIB, 5 * MIB, MIB]
    assert b"".join(parts) == content
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1] == (11 * MIB, 11 * MIB)


def test_a_file_that_was_written_just_before_is_stored_all_the_same(tmp_path: Path) -> None:
    s3 = CannedS3(otherwise=MultipartAnswers())

    upload(s3, fresh_file(tmp_path / "a", CONTENT))

    assert parts_of(s3) == [b"0123", b"4567", b"89"]


def rewrite(path: Path) -> None:
    """Write other bytes of the same number, and leave the time of change as it was."""
    before = path.stat().st_mtime_ns
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(before, before))


def rewrite_later(path: Path) -> None:
    path.write_bytes(CONTENT[::-1])


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def truncate(path: Path) -> None:
    os.truncate(path, 3)


@pytest.mark.parametrize(
    ("make_file", "change"),
    [
        (fresh_file, rewrite),
        (settled_file, rewrite_later),
        (settled_file, grow),
        (settled_file, truncate),
    ],
)
@pytest.mark.promise(1)
def test_a_file_that_changes_between_its_parts_is_never_completed(
    tmp_path: Path,
    make_file: Callable[[Path, bytes], Path],
    change: Callable[[Path], None],
) -> None:
    path = make_file(tmp_path / "a", CONTENT)
    s3 = CannedS3(otherwise=MultipartAnswers(UploadPart=[lambda _: change(path)]))

    with pytest.raises(S3UploadError, match="changed meanwhile") as caught:
        upload(s3, path)

    assert "CompleteMultipartUpload" not in s3.operations
    assert s3.operations[-1] == "AbortMultipartUpload"
    assert caught.value.retryable


def test_a_file_that_is_cut_while_it_is_read_is_never_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = settled_file(tmp_path / "a", CONTENT)
    after_first_read(monkeypatch, lambda: truncate(path))
    s3 = CannedS3(otherwise=MultipartAnswers())

    with pytest.raises(S3UploadError, match="changed meanwhile"):
        upload(s3, path)

    assert s3.operations[-1] == "AbortMultipartUpload"


@pytest.mark.parametrize(
    ("operation", "faults", "error"),
    [
        ("UploadPart", [error_answer(403, "AccessDenied")], S3AccessDeniedError),
        ("UploadPart", [lost_connection()] * 100, S3UploadError),
        ("UploadPart", [OTHER_ETAG] * 100, S3UploadError),
        ("UploadPart", [Answer()] * 100, S3UploadError),
        ("CompleteMultipartUpload", [error_answer(403, "AccessDenied")], S3AccessDeniedError),
        ("CompleteMultipartUpload", [error_answer(400, "InvalidPart")], S3UploadError),
        ("CompleteMultipartUpload", [BROKEN_200] * 5, S3UploadError),
        ("CompleteMultipartUpload", [OTHER_OBJECT], S3UploadError),
        ("CompleteMultipartUpload", [GONE], S3UploadError),
    ],
)
@pytest.mark.promise(10)
def test_whatever_fails_the_upload_is_aborted(
    tmp_path: Path,
    slept: list[float],
    operation: str,
    faults: list[Fault],
    error: type[Exception],
) -> None:
    s3 = CannedS3(otherwise=MultipartAnswers(**{operation: list(faults)}))

    with pytest.raises(error) as caught:
        upload(s3, settled_file(tmp_path / "a", CONTENT))

    assert isinstance(caught.value, S3UploadError)
    assert s3.operations.count("AbortMultipartUpload") == 1
    assert s3.sent[-1].query["uploadId"] == UPLOAD_ID


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ZeroDivisionError])
def test_a_progress_callback_that_fails_ends_the_upload_with_its_own_error(
    tmp_path: Path, error: type[BaseException]
) -> None:
    def progress(done: int, total: int) -> NoReturn:
        raise error

    s3 = CannedS3(otherwise=MultipartAnswers())

    with pytest.raises(error):
        upload(s3, settled_file(tmp_path / "a", CONTENT), progress=progress)

    assert "CompleteMultipartUpload" not in s3.operations
    assert s3.operations[-1] == "AbortMultipartUpload"


def test_an_interrupt_of_the_waiting_program_aborts_the_upload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("s3_integration.transfer.multipart.results_of", interrupted)
    s3 = CannedS3(otherwise=MultipartAnswers())

    with pytest.raises(KeyboardInterrupt):
        upload(s3, settled_file(tmp_path / "a", CONTENT))

    assert s3.operations[-1] == "AbortMultipartUpload"


def test_no_part_is_on_its_way_any_more_when_the_upload_is_aborted(tmp_path: Path) -> None:
    # A part that arrives after the abort would stay, and be billed.
    second_has_begun, on_their_way, at_abort = threading.Event(), [0], list[int]()

    def part(sent: Sent) -> Answer | None:
        if sent.query["partNumber"] == "1":
            second_has_begun.wait(10)
            return error_answer(403, "AccessDenied")
        on_their_way[0] += 1
        second_has_begun.set()
        threading.Event().wait(0.05)
        on_their_way[0] -= 1
        return None

    def abort(_: Sent) -> None:
        at_abort.append(on_their_way[0])

    answers = MultipartAnswers(UploadPart=[part] * 3, AbortMultipartUpload=[abort])

    with pytest.raises(S3AccessDeniedError):
        upload(CannedS3(otherwise=answers), settled_file(tmp_path / "a", CONTENT))

    assert at_abort == [0]


@pytest.mark.parametrize(
    "faults", [[Answer(403)], [lost_connection()] * 5, [error_answer(500, "InternalError")] * 5]
)
def test_an_abort_that_fails_is_a_warning_beside_the_real_error(
    tmp_path: Path, slept: list[float], caplog: pytest.LogCaptureFixture, faults: list[Fault]
) -> None:
    answers = MultipartAnswers(
        UploadPart=[error_answer(403, "AccessDenied")] * 3, AbortMultipartUpload=faults
    )

    with pytest.raises(S3AccessDeniedError, match="s3:PutObject"):
        upload(CannedS3(otherwise=answers), settled_file(tmp_path / "a", CONTENT))

    [warning] = [record.getMessage() for record in caplog.records if "abort" in record.getMessage()]
    assert warning.startswith(f"could not abort the upload of {KEY!r}: ")


def test_an_upload_that_s3_does_not_know_any_more_is_nothing_to_warn_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answers = MultipartAnswers(CompleteMultipartUpload=[OTHER_OBJECT], AbortMultipartUpload=[GONE])

    with pytest.raises(S3UploadError), caplog.at_level(logging.WARNING):
        upload(CannedS3(otherwise=answers), settled_file(tmp_path / "a", CONTENT))

    assert caplog.records == []


def test_a_refused_start_leaves_nothing_to_abort(tmp_path: Path) -> None:
    s3 = CannedS3(error_answer(403, "AccessDenied"))

    with pytest.raises(S3AccessDeniedError) as caught:
        upload(s3, settled_file(tmp_path / "a", CONTENT))

    assert isinstance(caught.value, S3UploadError)
    assert s3.operations == ["CreateMultipartUpload"]


PAGE = Answer(200, b"<html></html>", {"content-type": "text/html"})


def test_a_start_that_is_answered_by_something_else_than_s3_is_an_error_after_five(
    tmp_path: Path, slept: list[float]
) -> None:
    s3 = CannedS3(*[PAGE] * 5)

    with pytest.raises(S3UploadError):
        upload(s3, settled_file(tmp_path / "a", CONTENT))

    assert s3.operations == ["CreateMultipartUpload"] * 5


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "CompleteMultipartUpload"])
def test_what_something_else_than_s3_answered_once_is_asked_again(
    tmp_path: Path, slept: list[float], operation: str
) -> None:
    once: list[Fault] = [PAGE]
    s3 = CannedS3(otherwise=MultipartAnswers(**{operation: once}))

    upload(s3, settled_file(tmp_path / "a", CONTENT))

    assert s3.operations.count(operation) == 2


class LosesItsReply:
    """S3 completes the upload, but the answer does not arrive."""

    def __init__(self, *, lost_times: int = 1) -> None:
        self.answers = MultipartAnswers(
            CompleteMultipartUpload=[*[self._do_and_hang_up] * lost_times, GONE]
        )

    def _do_and_hang_up(self, _: Sent) -> Answer:
        self.answers.is_complete = True
        raise lost_connection()


@pytest.mark.parametrize("lost_times", [1, 5], ids=["then NoSuchUpload", "until the end"])
@pytest.mark.promise(1)
def test_a_completed_upload_whose_reply_was_lost_is_a_success(
    tmp_path: Path, slept: list[float], lost_times: int
) -> None:
    answers = LosesItsReply(lost_times=lost_times).answers
    s3 = CannedS3(otherwise=answers)

    done = upload(s3, settled_file(tmp_path / "a", CONTENT))

    assert f'"{done.etag}"' == answers.etag
    assert (done.size_bytes, s3.operations.count("HeadObject")) == (10, 1)


def test_an_upload_that_may_not_have_been_completed_keeps_no_parts(
    tmp_path: Path, slept: list[float]
) -> None:
    # No answer at all: an equal object may be stored from before, and the parts still wait.
    s3 = CannedS3(otherwise=LosesItsReply(lost_times=5).answers)

    upload(s3, settled_file(tmp_path / "a", CONTENT))

    assert s3.operations[-2:] == ["HeadObject", "AbortMultipartUpload"]


@pytest.mark.parametrize(
    "stored",
    [OTHER_ETAG, Answer(404), Answer(403), Answer(200), lost_connection()],
    ids=["another object", "nothing", "denied", "no ETag", "no answer"],
)
def test_a_lost_reply_is_no_success_where_anything_else_is_stored(
    tmp_path: Path, slept: list[float], stored: Fault
) -> None:
    answers = LosesItsReply().answers
    answers.faults["HeadObject"] = [stored] * 5
    s3 = CannedS3(otherwise=answers)

    with pytest.raises(S3UploadError):
        upload(s3, settled_file(tmp_path / "a", CONTENT))

    assert s3.operations[-1] == "AbortMultipartUpload"


@pytest.mark.parametrize("last", [error_answer(503, "SlowDown"), error_answer(403, "AccessDenied")])
def test_a_refused_completion_is_an_error_though_the_same_file_is_stored_from_before(
    tmp_path: Path, slept: list[float], last: Answer
) -> None:
    answers = MultipartAnswers(CompleteMultipartUpload=[*[error_answer(503, "SlowDown")] * 4, last])
    answers.is_complete = True
    s3 = CannedS3(otherwise=answers)

    with pytest.raises(S3UploadError):
        upload(s3, settled_file(tmp_path / "a", CONTENT), metadata={"new": "yes"})

    assert s3.operations[-1] == "AbortMultipartUpload"


def test_an_upload_that_is_gone_without_a_retry_is_an_error_without_a_look(
    tmp_path: Path,
) -> None:
    s3 = CannedS3(otherwise=MultipartAnswers(CompleteMultipartUpload=[GONE]))

    with pytest.raises(S3UploadError, match="no longer there"):
        upload(s3, settled_file(tmp_path / "a", CONTENT))

    assert "HeadObject" not in s3.operations


def test_a_200_that_holds_an_error_is_asked_again(tmp_path: Path, slept: list[float]) -> None:
    s3 = CannedS3(otherwise=MultipartAnswers(CompleteMultipartUpload=[BROKEN_200]))

    upload(s3, settled_file(tmp_path / "a", CONTENT))

    assert s3.operations.count("CompleteMultipartUpload") == 2
    assert "AbortMultipartUpload" not in s3.operations


def test_a_part_that_arrived_damaged_is_sent_again(tmp_path: Path, slept: list[float]) -> None:
    s3 = CannedS3(otherwise=MultipartAnswers(UploadPart=[OTHER_ETAG] * 2))

    upload(s3, settled_file(tmp_path / "a", CONTENT))

    assert s3.operations.count("UploadPart") == 5
    assert parts_of(s3) == [b"0123", b"4567", b"89"]


def test_a_part_that_arrives_damaged_five_times_is_an_error(
    tmp_path: Path, slept: list[float]
) -> None:
    path = settled_file(tmp_path / "a", CONTENT)

    def damaged_second(sent: Sent) -> Answer | None:
        return OTHER_ETAG if sent.query["partNumber"] == "2" else None

    s3 = CannedS3(otherwise=MultipartAnswers(UploadPart=[damaged_second] * 100))

    with pytest.raises(S3UploadError, match="other bytes than were sent"):
        upload(s3, path)

    assert [sent.query.get("partNumber") for sent in s3.sent].count("2") == 5


def test_a_large_file_is_not_sent_to_a_taken_key(tmp_path: Path) -> None:
    s3 = CannedS3(Answer(headers={"etag": '"x"'}))

    with pytest.raises(S3ConflictError) as caught:
        upload(s3, settled_file(tmp_path / "a", CONTENT), if_exists="fail")

    assert isinstance(caught.value, S3UploadError)
    assert s3.operations == ["HeadObject"]


def test_a_key_that_is_taken_during_the_upload_is_a_conflict(tmp_path: Path) -> None:
    answers = MultipartAnswers(CompleteMultipartUpload=[error_answer(412, "PreconditionFailed")])
    s3 = CannedS3(otherwise=answers)

    with pytest.raises(S3ConflictError) as caught:
        upload(s3, settled_file(tmp_path / "a", CONTENT), if_exists="fail")

    assert isinstance(caught.value, S3UploadError)
    assert s3.operations[0] == "HeadObject"
    [complete] = [sent for sent in s3.sent if sent.operation == "CompleteMultipartUpload"]
    assert complete.headers["if-none-match"] == "*"
    assert s3.operations[-1] == "AbortMultipartUpload"


def test_whoever_may_write_and_not_look_leaves_a_taken_key_to_the_condition(
    tmp_path: Path,
) -> None:
    s3 = CannedS3(otherwise=MultipartAnswers(HeadObject=[Answer(403)]))

    upload(s3, settled_file(tmp_path / "a", CONTENT), if_exists="fail")

    assert s3.operations[0] == "HeadObject"
    [complete] = [sent for sent in s3.sent if sent.operation == "CompleteMultipartUpload"]
    assert complete.headers["if-none-match"] == "*"


def test_a_refused_look_is_an_error_where_the_condition_may_be_overlooked(tmp_path: Path) -> None:
    s3 = CannedS3(Answer(403))

    with pytest.raises(S3AccessDeniedError):
        upload(s3, settled_file(tmp_path / "a", CONTENT), if_exists="fail", config=UNKNOWN_SERVER)

    assert s3.operations == ["HeadObject"]


def test_a_conflict_with_the_own_completion_whose_answer_was_lost_is_a_success(
    tmp_path: Path, slept: list[float]
) -> None:
    answers = LosesItsReply().answers
    answers.faults["CompleteMultipartUpload"][1] = error_answer(412, "PreconditionFailed")

    done = upload(
        CannedS3(otherwise=answers), settled_file(tmp_path / "a", CONTENT), if_exists="fail"
    )

    assert f'"{done.etag}"' == answers.etag


@pytest.mark.parametrize(
    "operation", ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"]
)
def test_an_error_that_nobody_knows_is_told_with_its_code(tmp_path: Path, operation: str) -> None:
    odd: list[Fault] = [error_answer(418, "Odd")] * 9
    s3 = CannedS3(otherwise=MultipartAnswers(**{operation: odd}))

    with pytest.raises(S3UploadError) as caught:
        upload(s3, settled_file(tmp_path / "a", CONTENT))

    assert (caught.value.code, caught.value.http_status) == ("Odd", 418)
