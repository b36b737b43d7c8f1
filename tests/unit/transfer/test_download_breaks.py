"""Bodies that break off, end early, go on too long, or are of an object that was replaced."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from botocore.response import StreamingBody
from urllib3.exceptions import ProtocolError, SSLError
from urllib3.exceptions import ReadTimeoutError as Urllib3ReadTimeoutError

from s3_integration import S3ConflictError, S3DownloadError, S3FileNotFoundError
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
    object_answer,
    serving,
)
from tests.fixtures.transfers import download, ranges_of

destination = pytest.fixture(old_file)


def cut(answer: Answer, size_bytes: int, error: Exception | None = None) -> Answer:
    """The same answer, whose body ends early, silently or with an error."""
    headers = {"content-length": str(len(answer.body)), **answer.headers}
    return Answer(answer.status, answer.body[:size_bytes], headers, error)


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
