"""Downloads: ranges of one version, whole or not at all."""

from __future__ import annotations

import errno
import functools
import os
import stat
import threading
from pathlib import Path
from typing import Any, NoReturn

import pytest
from botocore.response import StreamingBody
from urllib3.exceptions import ProtocolError, SSLError
from urllib3.exceptions import ReadTimeoutError as Urllib3ReadTimeoutError

from s3_integration import (
    S3AccessDeniedError,
    S3BucketError,
    S3Config,
    S3ConflictError,
    S3DownloadError,
    S3FileNotFoundError,
    S3IntegrationError,
    TransferConfig,
)
from s3_integration.transfer import checksums
from s3_integration.transfer import download as downloads
from s3_integration.transfer.parts import Parts
from s3_integration.transfer.turns import Turns, end_turn
from s3_integration.utils import MIB
from tests.fixtures.at_once import failures_at_once
from tests.fixtures.mock_responses import (
    CONFIG,
    Answer,
    CannedS3,
    Sent,
    connection_to,
    error_answer,
    etag_of,
    object_answer,
    serving,
)
from tests.fixtures.transfers import (
    BUCKET,
    KEY,
    R2,
    UNKNOWN_SERVER,
    download,
    lost_connection,
    ranges_of,
    small_parts,
)

CONTENT = b"0123456789abcdefgh"  # the first 8 bytes, then ranges of 4
IN_ONE = small_parts(4, 100)
V1: dict[str, Any] = {"x-amz-version-id": "v1"}
NO_MD5 = '"00000000000000000000000000000000"'


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    """A file from an earlier download."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    (folder / "file").write_bytes(b"old")
    return folder / "file"


def assert_untouched(destination: Path) -> None:
    assert destination.read_bytes() == b"old"
    assert [path.name for path in destination.parent.iterdir()] == ["file"]


def assert_holds(destination: Path, content: bytes) -> None:
    assert destination.read_bytes() == content
    assert [path.name for path in destination.parent.iterdir()] == ["file"]


def cut(answer: Answer, size_bytes: int, error: Exception | None = None) -> Answer:
    """The same answer, whose body ends early, silently or with an error."""
    headers = {"content-length": str(len(answer.body)), **answer.headers}
    return Answer(answer.status, answer.body[:size_bytes], headers, error)


def first_8(**headers: Any) -> Answer:
    return object_answer(CONTENT[:8], size=len(CONTENT), **headers)


def test_a_small_object_takes_one_request(destination: Path) -> None:
    answer = object_answer(b"12345", **V1)
    s3 = CannedS3(answer)

    done = download(s3, destination)

    [sent] = s3.sent
    assert (sent.operation, sent.bucket, sent.key) == ("GetObject", BUCKET, KEY)
    assert ranges_of(s3) == ["0-7"]
    assert "if-match" not in sent.headers
    assert sent.query == {}
    assert (done.size_bytes, done.etag, done.version_id) == (5, "e1", "v1")
    assert_holds(destination, b"12345")


def test_a_large_object_is_fetched_in_ranges_of_one_version(destination: Path) -> None:
    s3 = CannedS3(otherwise=serving(CONTENT))

    done = download(s3, destination)

    assert sorted(ranges_of(s3)) == ["0-7", "12-15", "16-17", "8-11"]
    assert [sent.headers.get("if-match") for sent in s3.sent if sent != s3.sent[0]] == ['"e1"'] * 4
    assert done.size_bytes == 18
    assert_holds(destination, CONTENT)


@pytest.mark.parametrize("size_bytes", [7, 8, 9, 12, 13])
def test_objects_around_the_threshold_arrive_whole(destination: Path, size_bytes: int) -> None:
    s3 = CannedS3(otherwise=serving(CONTENT[:size_bytes]))

    download(s3, destination)

    assert_holds(destination, CONTENT[:size_bytes])


def test_ranges_of_s3s_own_least_size_arrive_in_order(destination: Path) -> None:
    content = os.urandom(1024) * (16 * 1024 + 1)
    transfer = TransferConfig(part_size_bytes=5 * MIB, multipart_threshold_bytes=6 * MIB)
    told: list[tuple[int, int]] = []
    s3 = CannedS3(otherwise=serving(content, etag=etag_of(content)))

    download(s3, destination, transfer=transfer, progress=lambda *step: told.append(step))

    assert_holds(destination, content)
    assert [sent.method for sent in s3.sent] == ["GET"] * 4 + ["HEAD"]
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1] == (len(content), len(content))


def test_ranges_are_fetched_side_by_side(destination: Path) -> None:
    all_three, serve = threading.Barrier(3, timeout=10), serving(CONTENT)

    def answer(sent: Sent) -> Answer:
        if sent.headers.get("range") not in {"bytes=0-7", None}:
            all_three.wait()
        return serve(sent)

    download(CannedS3(otherwise=answer), destination)

    assert_holds(destination, CONTENT)


def test_every_range_is_of_the_version_that_was_asked_for(destination: Path) -> None:
    s3 = CannedS3(otherwise=serving(CONTENT))

    download(s3, destination, version_id="v/1")

    assert [sent.query["versionId"] for sent in s3.sent] == ["v/1"] * 5


@pytest.mark.parametrize("refusal", [error_answer(416, "InvalidRange"), Answer(416)])
def test_an_empty_object_becomes_an_empty_file(destination: Path, refusal: Answer) -> None:
    s3 = CannedS3(refusal, Answer(200, b"", {"etag": etag_of(b"")}))

    done = download(s3, destination)

    assert ranges_of(s3) == ["0-7", ""]
    assert done.size_bytes == 0
    assert_holds(destination, b"")


def test_an_answer_of_nothing_is_believed_only_if_the_whole_is_nothing(
    destination: Path, slept: list[float]
) -> None:
    s3 = CannedS3(Answer(200, b"", {"etag": '"e1"'}), otherwise=serving(CONTENT))

    download(s3, destination, transfer=IN_ONE)

    assert ranges_of(s3) == ["0-99", "", "0-99"]
    assert_holds(destination, CONTENT)


WRONG_ANSWERS = {
    "no range": first_8(**{"content-range": ""}),
    "shifted": object_answer(CONTENT[1:9], start=1, size=18),
    "short": object_answer(CONTENT[:7], size=18),
    "long": object_answer(CONTENT[:9], size=18),
    "other unit": first_8(**{"content-range": "items 0-7/18"}),
    "no total": first_8(**{"content-range": "bytes 0-7/*"}),
    "other length": first_8(**{"content-length": "5"}),
    "the whole": Answer(200, CONTENT, {"etag": '"e1"'}),
    "no ETag": first_8(etag=""),
    "range in a 200": Answer(200, CONTENT[:8], {"content-range": "bytes 0-7/18"}),
    "no length in a 200": Answer(200, CONTENT[:8], {"content-length": ""}),
    "no content": Answer(204),
}


@pytest.mark.parametrize("wrong", WRONG_ANSWERS.values(), ids=WRONG_ANSWERS)
def test_an_answer_to_another_question_is_asked_again(
    destination: Path, slept: list[float], wrong: Answer
) -> None:
    s3 = CannedS3(wrong, wrong, otherwise=serving(CONTENT))

    download(s3, destination)

    assert ranges_of(s3)[:3] == ["0-7"] * 3
    assert_holds(destination, CONTENT)


@pytest.mark.parametrize("wrong", WRONG_ANSWERS.values(), ids=WRONG_ANSWERS)
def test_answers_to_another_question_are_an_error_after_five(
    destination: Path, slept: list[float], wrong: Answer
) -> None:
    s3 = CannedS3(*[wrong] * 5)

    with pytest.raises(S3DownloadError) as caught:
        download(s3, destination)

    assert (len(s3.sent), len(slept)) == (5, 4)
    assert (caught.value.bucket, caught.value.key) == (BUCKET, KEY)
    assert caught.value.retryable
    assert_untouched(destination)


WRONG_LATER_ANSWERS = {
    "everything": Answer(200, CONTENT, {"etag": '"e1"'}),
    "no range": object_answer(CONTENT[8:12], start=8, size=18, **{"content-range": ""}),
    "shifted": object_answer(CONTENT[9:13], start=9, size=18),
    "short": object_answer(CONTENT[8:11], start=8, size=18),
    "long": object_answer(CONTENT[8:13], start=8, size=18),
}


@pytest.mark.parametrize("wrong", WRONG_LATER_ANSWERS.values(), ids=WRONG_LATER_ANSWERS)
def test_a_later_range_that_is_another_one_is_never_written(
    destination: Path, slept: list[float], wrong: Answer
) -> None:
    serve = serving(CONTENT)

    def answer(sent: Sent) -> Answer:
        return wrong if sent.headers.get("range") == "bytes=8-11" else serve(sent)

    with pytest.raises(S3DownloadError):
        download(CannedS3(otherwise=answer), destination)

    assert_untouched(destination)


BREAKS = {
    "silently": None,
    "reset": ProtocolError("Connection broken"),
    "timeout": Urllib3ReadTimeoutError(None, "https://s3", "Read timed out."),  # type: ignore[arg-type]
    "tls": SSLError("record layer failure"),
}


@pytest.mark.parametrize("error", BREAKS.values(), ids=BREAKS)
def test_a_body_that_breaks_off_is_continued_where_it_ended(
    destination: Path, slept: list[float], error: Exception | None
) -> None:
    s3 = CannedS3(
        cut(object_answer(CONTENT), 5, error),
        cut(object_answer(CONTENT[5:], start=5, size=18), 6, error),
        object_answer(CONTENT[11:], start=11, size=18),
    )
    told: list[int] = []

    download(s3, destination, transfer=IN_ONE, progress=lambda done, _: told.append(done))

    assert ranges_of(s3) == ["0-99", "5-17", "11-17"]
    assert [sent.headers.get("if-match", "") for sent in s3.sent] == ["", '"e1"', '"e1"']
    assert told == [5, 11, 18]
    assert_holds(destination, CONTENT)


def test_a_body_that_breaks_off_after_its_last_byte_is_whole(
    destination: Path, slept: list[float]
) -> None:
    s3 = CannedS3(cut(object_answer(CONTENT), 18, ProtocolError("Connection broken")))

    download(s3, destination, transfer=IN_ONE)

    assert len(s3.sent) == 1
    assert_holds(destination, CONTENT)


def test_a_later_range_that_breaks_off_is_continued_where_it_ended(
    destination: Path, slept: list[float]
) -> None:
    serve, is_cut = serving(CONTENT), [True]

    def answer(sent: Sent) -> Answer:
        if sent.headers.get("range") == "bytes=8-11" and is_cut:
            is_cut.pop()
            return cut(serve(sent), 3)
        return serve(sent)

    s3 = CannedS3(otherwise=answer)

    download(s3, destination)

    assert "11-11" in ranges_of(s3)
    assert_holds(destination, CONTENT)


def test_a_body_that_breaks_off_five_times_is_an_error(
    destination: Path, slept: list[float]
) -> None:
    answers = [cut(object_answer(CONTENT[start:], start=start, size=18), 1) for start in range(5)]

    with pytest.raises(S3DownloadError, match="broke off"):
        download(CannedS3(*answers), destination, transfer=IN_ONE)

    assert_untouched(destination)


def test_a_body_that_never_begins_is_asked_for_again_with_its_version(
    destination: Path, slept: list[float]
) -> None:
    s3 = CannedS3(cut(first_8(), 0), otherwise=serving(CONTENT))

    download(s3, destination)

    assert ranges_of(s3)[:1] == ["0-7"]
    assert ranges_of(s3).count("0-7") == 2
    assert_holds(destination, CONTENT)


def test_everything_in_place_of_a_range_is_refused(destination: Path, slept: list[float]) -> None:
    def answer(sent: Sent) -> Answer:
        if sent.headers.get("range") == "bytes=0-7":
            return Answer(200, CONTENT, {"etag": '"e1"'})
        return serving(CONTENT)(sent)

    s3 = CannedS3(cut(first_8(), 0), otherwise=answer)

    with pytest.raises(S3DownloadError, match="status 200"):
        download(s3, destination)

    assert_untouched(destination)


def test_a_body_that_ends_early_although_nothing_broke_is_continued(
    destination: Path, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As bodies end that came in chunks, or whose length was never told.
    short = Answer(206, CONTENT[:5], {**object_answer(CONTENT).headers, "content-length": "18"})
    monkeypatch.setattr(StreamingBody, "_verify_content_length", lambda _: None)
    s3 = CannedS3(short, object_answer(CONTENT[5:], start=5, size=18))

    download(s3, destination, transfer=IN_ONE)

    assert ranges_of(s3) == ["0-99", "5-17"]
    assert_holds(destination, CONTENT)


@pytest.mark.parametrize("extra", [b"!", b"!" * 100])
def test_a_body_that_goes_on_too_long_is_asked_for_again(
    destination: Path, slept: list[float], extra: bytes
) -> None:
    too_long = Answer(206, CONTENT + extra, dict(object_answer(CONTENT).headers))
    too_long = Answer(206, too_long.body, {**too_long.headers, "content-length": "18"})
    s3 = CannedS3(too_long, object_answer(CONTENT))

    download(s3, destination, transfer=IN_ONE)

    assert ranges_of(s3) == ["0-99", "0-17"]
    assert_holds(destination, CONTENT)


REPLACED = {
    "412": error_answer(412, "PreconditionFailed"),
    "404": error_answer(404, "NoSuchKey"),
    "version gone": error_answer(404, "NoSuchVersion"),
    "other ETag": object_answer(CONTENT[8:12], start=8, size=18, etag='"e2"'),
    "other size": object_answer(CONTENT[8:12], start=8, size=19),
}


@pytest.mark.parametrize("replaced", REPLACED.values(), ids=REPLACED)
def test_an_object_that_is_replaced_between_its_ranges_is_fetched_anew(
    destination: Path, replaced: Answer
) -> None:
    newer = CONTENT[::-1]
    serve_newer, serve = serving(newer, etag='"e2"'), serving(CONTENT)
    is_replaced = threading.Event()

    def answer(sent: Sent) -> Answer:
        if sent.headers.get("range") == "bytes=8-11" and not is_replaced.is_set():
            is_replaced.set()
            return replaced
        if_match = sent.headers.get("if-match")
        if is_replaced.is_set() and if_match != '"e1"':
            return serve_newer(sent)
        return serve(sent)

    download(CannedS3(otherwise=answer), destination)

    assert_holds(destination, newer)


@pytest.mark.parametrize("replaced", REPLACED.values(), ids=REPLACED)
def test_an_object_that_is_replaced_three_times_is_a_conflict(
    destination: Path, replaced: Answer
) -> None:
    serve = serving(CONTENT)

    def answer(sent: Sent) -> Answer:
        return replaced if sent.headers.get("range") == "bytes=8-11" else serve(sent)

    s3 = CannedS3(otherwise=answer)

    with pytest.raises(S3ConflictError, match="replaced meanwhile, 3 times") as caught:
        download(s3, destination)

    assert isinstance(caught.value, S3DownloadError)
    assert caught.value.retryable
    assert ranges_of(s3).count("0-7") == 3
    assert_untouched(destination)


def test_an_object_that_is_deleted_between_its_ranges_is_not_found(destination: Path) -> None:
    def answer(sent: Sent) -> Answer:
        return error_answer(404, "NoSuchKey")

    with pytest.raises(S3FileNotFoundError) as caught:
        download(CannedS3(first_8(), otherwise=answer), destination)

    assert isinstance(caught.value, S3DownloadError)
    assert_untouched(destination)


def test_bytes_without_the_objects_checksum_are_fetched_again(destination: Path) -> None:
    etag = etag_of(CONTENT)
    damaged = object_answer(CONTENT[::-1], etag=etag)
    s3 = CannedS3(damaged, damaged, object_answer(CONTENT, etag=etag))

    download(s3, destination, transfer=IN_ONE)

    assert_holds(destination, CONTENT)


def test_bytes_without_the_objects_checksum_are_an_error_after_three(destination: Path) -> None:
    s3 = CannedS3(*[object_answer(CONTENT, etag=NO_MD5)] * 3)

    with pytest.raises(S3DownloadError, match="object's checksum, 3 times") as caught:
        download(s3, destination, transfer=IN_ONE)

    assert not isinstance(caught.value, S3ConflictError)
    assert_untouched(destination)


ENCRYPTED: dict[str, Any] = {"x-amz-server-side-encryption": "AES256"}


@pytest.mark.parametrize(
    ("config", "etag", "headers"),
    [
        (CONFIG, NO_MD5, {"x-amz-server-side-encryption": "aws:kms"}),
        (CONFIG, NO_MD5, {"x-amz-server-side-encryption-customer-algorithm": "AES256"}),
        (CONFIG, f'{NO_MD5[:-1]}-2"', {}),
        (R2, NO_MD5, {}),
    ],
    ids=["KMS", "customer's key", "multipart", "R2"],
)
def test_an_etag_that_is_no_md5_is_not_compared(
    destination: Path, config: S3Config, etag: str, headers: dict[str, Any]
) -> None:
    without_checksum = Answer(headers={"etag": etag})
    s3 = CannedS3(
        object_answer(CONTENT, etag=etag, **headers), otherwise=lambda _: without_checksum
    )

    download(s3, destination, transfer=IN_ONE, config=config)

    assert_holds(destination, CONTENT)


CHECKSUM = "x-amz-checksum-crc64nvme"
IN_PARTS = f'"{"0" * 32}-3"'


@pytest.mark.parametrize("size_bytes", [18, 7])
def test_an_object_that_was_stored_in_parts_is_compared_with_its_checksum(
    destination: Path, size_bytes: int
) -> None:
    content = CONTENT[:size_bytes]
    stored = checksums.as_text(checksums.crc64nvme(content))
    s3 = CannedS3(otherwise=serving(content, etag=IN_PARTS, **{CHECKSUM: stored}))

    download(s3, destination)

    head = s3.sent[-1]
    assert (head.method, head.headers["x-amz-checksum-mode"]) == ("HEAD", "ENABLED")
    assert head.headers["if-match"] == IN_PARTS
    assert_holds(destination, content)


def test_nobody_waits_for_the_turn_of_a_thread_that_asks_for_a_checksum(
    destination: Path,
) -> None:
    stored = checksums.as_text(checksums.crc64nvme(CONTENT))
    serve = serving(CONTENT, etag=IN_PARTS, **{CHECKSUM: stored})
    turns, held = Turns(), list[Turns | None]()

    def note_turn(sent: Sent) -> Answer:
        if sent.method == "HEAD":
            held.append(end_turn())
        else:
            turns.take()
        return serve(sent)

    download(CannedS3(otherwise=note_turn), destination, transfer=IN_ONE)

    assert held == [None]


def test_a_large_object_is_compared_with_its_checksum_and_no_md5_is_computed(
    destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3_integration.transfer.download._md5_of", pytest.fail)
    stored = checksums.as_text(checksums.crc64nvme(CONTENT))
    s3 = CannedS3(otherwise=serving(CONTENT, etag=etag_of(CONTENT), **{CHECKSUM: stored}))

    download(s3, destination)

    assert_holds(destination, CONTENT)


def test_a_checksum_that_a_server_keeps_unverified_does_not_count_against_the_right_md5(
    destination: Path,
) -> None:
    # rclone's server repeats what an upload told, whatever the file holds now.
    lie = {CHECKSUM: "AAAAAAAAAAA="}
    s3 = CannedS3(otherwise=serving(CONTENT, etag=etag_of(CONTENT), **lie))

    download(s3, destination)

    assert_holds(destination, CONTENT)


def test_what_has_neither_its_checksum_nor_its_md5_is_refused(destination: Path) -> None:
    told = {CHECKSUM: checksums.as_text(checksums.crc64nvme(CONTENT[::-1]))}
    s3 = CannedS3(otherwise=serving(CONTENT, etag=etag_of(CONTENT[::-1]), **told))

    with pytest.raises(S3DownloadError, match="checksum"):
        download(s3, destination)

    assert_untouched(destination)


def test_what_does_not_have_its_checksum_is_fetched_again_and_then_refused(
    destination: Path,
) -> None:
    s3 = CannedS3(otherwise=serving(CONTENT, etag=IN_PARTS, **{CHECKSUM: "AAAAAAAAAAA="}))

    with pytest.raises(S3DownloadError, match="checksum"):
        download(s3, destination)

    assert [sent.method for sent in s3.sent].count("HEAD") == 3
    assert_untouched(destination)


@pytest.mark.parametrize(
    "told", [{CHECKSUM: "AAAAAAAAAAA=-2", "x-amz-checksum-type": "COMPOSITE"}, {}]
)
def test_checksums_of_checksums_are_not_compared(destination: Path, told: dict[str, str]) -> None:
    s3 = CannedS3(otherwise=serving(CONTENT, etag=IN_PARTS, **told))

    download(s3, destination)

    assert_holds(destination, CONTENT)


def test_an_encrypted_object_of_an_unknown_server_is_believed_the_second_time(
    destination: Path,
) -> None:
    s3 = CannedS3(*[object_answer(CONTENT, etag=NO_MD5, **ENCRYPTED)] * 2)

    download(s3, destination, transfer=IN_ONE, config=UNKNOWN_SERVER)

    assert len(s3.sent) == 2
    assert_holds(destination, CONTENT)


def test_a_server_whose_etags_are_no_md5s_is_believed_at_once_from_then_on(
    destination: Path,
) -> None:
    s3 = CannedS3(*[object_answer(CONTENT, etag=NO_MD5, **ENCRYPTED)] * 3)
    connection = connection_to(s3, UNKNOWN_SERVER)

    download(s3, destination, transfer=IN_ONE, connection=connection)
    download(s3, destination, transfer=IN_ONE, connection=connection)

    assert len(s3.sent) == 3


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (error_answer(404, "NoSuchKey"), S3FileNotFoundError),
        (error_answer(404, "NoSuchVersion"), S3FileNotFoundError),
        (error_answer(404, "NoSuchBucket"), S3BucketError),
        (error_answer(403, "AccessDenied"), S3AccessDeniedError),
        (error_answer(403, "InvalidObjectState"), S3DownloadError),
    ],
)
def test_a_refused_download_is_both_errors_and_is_not_repeated(
    destination: Path, answer: Answer, error: type[S3IntegrationError]
) -> None:
    s3 = CannedS3(answer)

    with pytest.raises(error) as caught:
        download(s3, destination)

    assert isinstance(caught.value, S3DownloadError)
    assert len(s3.sent) == 1
    assert_untouched(destination)


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket"])
def test_a_refusal_of_a_later_range_is_the_error(destination: Path, code: str) -> None:
    s3 = CannedS3(first_8(), otherwise=lambda _: error_answer(403, code))

    with pytest.raises(S3DownloadError) as caught:
        download(s3, destination)

    assert caught.value.code == code
    assert_untouched(destination)


def test_a_server_that_hangs_up_five_times_is_an_error(
    destination: Path, slept: list[float]
) -> None:
    with pytest.raises(S3DownloadError, match="Connection was closed") as caught:
        download(CannedS3(*[lost_connection()] * 5), destination)

    assert caught.value.retryable
    assert_untouched(destination)


@pytest.mark.parametrize("fails_at", [8, 18])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_a_progress_callback_that_fails_ends_the_download_with_its_own_error(
    destination: Path, error: type[BaseException], fails_at: int
) -> None:
    def progress(done: int, _: int) -> None:
        if done >= fails_at:
            raise error

    with pytest.raises(error):
        download(CannedS3(otherwise=serving(CONTENT)), destination, progress=progress)

    assert_untouched(destination)


def test_an_interrupt_stops_the_other_ranges_at_their_next_chunk(
    destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_asked, is_stopped, written = threading.Event(), threading.Event(), list[int]()
    pwrite, wait_for = os.pwrite, Parts._wait_for

    def stop_then_wait(others: Parts[None], number: int) -> None:
        is_stopped.set()
        wait_for(others, number)

    def answer(sent: Sent) -> Answer:
        is_asked.set()
        assert is_stopped.wait(10)
        return serving(CONTENT)(sent)

    def note_and_write(file: int, piece: bytes, offset: int) -> int:
        written.append(offset)
        return pwrite(file, piece, offset)

    def interrupt(*_: int) -> NoReturn:
        assert is_asked.wait(10)
        raise KeyboardInterrupt

    monkeypatch.setattr(Parts, "_wait_for", stop_then_wait)
    monkeypatch.setattr(os, "pwrite", note_and_write)

    with pytest.raises(KeyboardInterrupt):
        download(CannedS3(first_8(), otherwise=answer), destination, progress=interrupt)

    assert written == [0]
    assert_untouched(destination)


def test_a_full_disk_is_an_error_that_leaves_nothing_behind(
    destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)

    with pytest.raises(S3DownloadError, match="No space left on device") as caught:
        download(CannedS3(otherwise=serving(CONTENT)), destination)

    assert isinstance(caught.value, OSError)
    assert caught.value.errno == errno.ENOSPC
    assert_untouched(destination)


def test_a_failed_download_makes_no_folders(tmp_path: Path) -> None:
    s3 = CannedS3(first_8(), otherwise=lambda _: error_answer(403, "AccessDenied"))

    with pytest.raises(S3DownloadError):
        download(s3, tmp_path / "a" / "b" / "file")

    assert list(tmp_path.iterdir()) == []


def test_a_file_is_nobody_elses_to_read_while_it_arrives(
    destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []

    def progress(*_: int) -> None:
        [partial] = set(destination.parent.iterdir()) - {destination}
        modes.append(stat.S_IMODE(partial.stat().st_mode))

    download(CannedS3(otherwise=serving(CONTENT)), destination, progress=progress)

    assert set(modes) == {0o600}


def test_large_bodies_are_written_in_chunks(
    destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "_BUFFER_BYTES", 6)  # and one more, to notice excess
    told: list[tuple[int, int]] = []

    download(
        CannedS3(object_answer(CONTENT)),
        destination,
        transfer=IN_ONE,
        progress=lambda *step: told.append(step),
    )

    assert told == [(7, 18), (14, 18), (18, 18)]
    assert_holds(destination, CONTENT)


def test_downloads_to_one_destination_at_once_all_arrive(destination: Path) -> None:
    both_are_there = threading.Barrier(2, timeout=10)
    contents = (CONTENT, CONTENT[::-1] * 2)

    def fetch(content: bytes) -> None:
        waited: list[bool] = []

        def progress(*_: int) -> None:
            if not waited:
                waited.append(True)
                both_are_there.wait()

        download(CannedS3(otherwise=serving(content)), destination, progress=progress)

    failures = failures_at_once([functools.partial(fetch, content) for content in contents])

    assert failures == []
    assert destination.read_bytes() in contents
    assert [path.name for path in destination.parent.iterdir()] == ["file"]
