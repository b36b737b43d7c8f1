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

from s3_integration import (
    S3AccessDeniedError,
    S3BucketError,
    S3DownloadError,
    S3FileNotFoundError,
    S3IntegrationError,
    TransferConfig,
)
from s3_integration.transfer import download as downloads
from s3_integration.transfer.parts import Parts
from s3_integration.utils import MIB
from tests.fixtures.at_once import failures_at_once
from tests.fixtures.downloads import (
    CONTENT,
    IN_ONE,
    assert_holds,
    assert_untouched,
    first_8,
    old_file,
)
from tests.fixtures.mock_responses import (
    Answer,
    CannedS3,
    Sent,
    error_answer,
    etag_of,
    object_answer,
    serving,
)
from tests.fixtures.transfers import BUCKET, KEY, download, lost_connection, ranges_of

destination = pytest.fixture(old_file)

V1: dict[str, Any] = {"x-amz-version-id": "v1"}


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


def test_an_archived_object_is_an_error_that_says_how_to_get_it_back(destination: Path) -> None:
    with pytest.raises(S3DownloadError, match=r"archived.*Restore it first.*RestoreObject"):
        download(CannedS3(error_answer(403, "InvalidObjectState")), destination)

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
