"""Listings: page by page, and one folder."""

from __future__ import annotations

import logging
import threading
from typing import Final

import pytest

from s3_integration import S3BucketError
from tests.fixtures.mock_responses import Answer, CannedS3, error_answer, service_to
from tests.fixtures.transfers import lost_connection, xml_answer

NO_SUCH_BUCKET: Final = error_answer(404, "NoSuchBucket")


def page(*keys: str, folders: tuple[str, ...] = (), token: str = "") -> Answer:
    listed = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2024-02-29T12:00:00.000Z</LastModified>"
        f'<ETag>"e"</ETag><Size>5</Size></Contents>'
        for key in keys
    )
    common = "".join(
        f"<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>" for folder in folders
    )
    more = "<IsTruncated>true</IsTruncated>"
    further = f"{more}<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    return xml_answer("ListBucketResult", f"{further}{listed}{common}")


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage() for record in caplog.records if record.name == "s3_integration.service"
    ]


# Page by page


def test_a_page_is_asked_for_when_it_is_wanted() -> None:
    s3 = CannedS3(page("a", "b", token="t1"), page("c"))

    files = service_to(s3).iter_files("")

    assert s3.sent == []
    assert [next(files).key, next(files).key] == ["a", "b"]
    assert len(s3.sent) == 1
    assert next(files).key == "c"


def test_a_listing_has_one_line_in_the_log_with_the_retries_of_all_its_pages(
    caplog: pytest.LogCaptureFixture, slept: list[float]
) -> None:
    caplog.set_level(logging.INFO)
    busy = error_answer(503, "SlowDown")
    s3 = CannedS3(busy, page("a", token="t1"), lost_connection(), page("b"))

    assert len(list(service_to(s3).iter_files("p"))) == 2

    (line,) = lines(caplog)
    assert line.startswith("list done: key 'p'")
    assert line.endswith("attempts 3")
    assert len(slept) == 2


def test_a_listing_that_is_left_off_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    files = service_to(CannedS3(page("a", token="t1"))).iter_files("p")

    next(files)
    del files

    (line,) = lines(caplog)
    assert line.startswith("list left off: key 'p'")


def test_a_listing_that_fails_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    files = service_to(CannedS3(page("a", token="t1"), NO_SUCH_BUCKET)).iter_files("p")

    with pytest.raises(S3BucketError):
        list(files)

    (line,) = lines(caplog)
    assert line.startswith("list failed: S3BucketError: key 'p'")


def test_a_listing_may_go_on_in_another_thread_and_beside_another() -> None:
    service = service_to(CannedS3(page("a", token="t1"), page("x", token="t2"), page("b")))
    files, others = service.iter_files(""), service.iter_files("")
    found = [next(files).key, next(others).key]

    def go_on() -> None:
        found.append(next(files).key)
        others.close()  # type: ignore[attr-defined]  # it is a generator
        files.close()  # type: ignore[attr-defined]  # as above

    thread = threading.Thread(target=go_on)
    thread.start()
    thread.join()

    assert found == ["a", "x", "b"]


# One folder


def test_a_folder_is_listed_with_all_its_pages_and_each_folder_once() -> None:
    s3 = CannedS3(
        page("r/a", folders=("r/2023/", "r/2024/"), token="t1"),
        page("r/b", folders=("r/2024/", "r//")),
    )

    folders, files = service_to(s3).list_folder("r/")

    assert folders == ["r/2023/", "r/2024/", "r//"]
    assert [file.key for file in files] == ["r/a", "r/b"]
    assert {(sent.query["prefix"], sent.query["delimiter"]) for sent in s3.sent} == {("r/", "/")}


def test_the_mark_of_a_folder_is_none_of_its_files() -> None:
    folders, files = service_to(CannedS3(page("r/", "r/a"))).list_folder("r/")

    assert (folders, [file.key for file in files]) == ([], ["r/a"])


def test_a_folder_that_never_was_is_empty() -> None:
    assert service_to(CannedS3(page())).list_folder("r/") == ([], [])


def test_a_folder_in_a_missing_bucket_is_an_error() -> None:
    with pytest.raises(S3BucketError):
        service_to(CannedS3(NO_SUCH_BUCKET)).list_folder("")
