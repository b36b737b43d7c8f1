"""What is wrong does not count: the checks of what contenders report as done."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from benchmarks.checks import WrongResultError, check_files, check_uploads, check_zeros
from benchmarks.requests_seen import stored_sizes
from benchmarks.served import SMALL_BYTES, Served, make_huge, make_served, write_listings
from benchmarks.task import Batch, Site, Task

CONTENT = b"every byte counts"
SHA256 = {"a.bin": hashlib.sha256(CONTENT).hexdigest()}


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return make_served(tmp_path / "served", large_bytes=3 * 2**20 + 1, small_files=1001)


@pytest.fixture
def download(tmp_path: Path) -> Batch:
    (tmp_path / "a.bin").write_bytes(CONTENT)
    return Batch(tmp_path, "", ("a.bin",))


def test_an_upload_by_one_request_counts_with_its_bytes() -> None:
    log = ["80 PUT 200 17 - 0 /bench/up/1/a%20b.bin"]

    assert stored_sizes(log, "/bench/up/1/") == {"/bench/up/1/a b.bin": 17}


def test_of_a_body_in_signed_chunks_the_content_counts() -> None:
    log = ["80 PUT 200 190 17 0 /bench/up/1/a"]

    assert stored_sizes(log, "/bench/up/1/") == {"/bench/up/1/a": 17}


def test_a_part_that_was_sent_twice_counts_once() -> None:
    log = [
        "80 POST 200 - - 200 /bench/up/1/a?uploads",
        "80 PUT 200 8 - 0 /bench/up/1/a?partNumber=1&uploadId=u",
        "80 PUT 200 8 - 0 /bench/up/1/a?partNumber=1&uploadId=u",
        "80 PUT 200 2 - 0 /bench/up/1/a?uploadId=u&partNumber=2",
        "80 POST 200 99 - 200 /bench/up/1/a?uploadId=u",
    ]

    assert stored_sizes(log, "/bench/up/1/") == {"/bench/up/1/a": 10}


@pytest.mark.parametrize(
    "log",
    [
        ["80 PUT 200 8 - 0 /bench/up/1/a?partNumber=1&uploadId=u"],
        ["80 PUT 400 8 - 0 /bench/up/1/a"],
        ["80 PUT 200 8 - 0 /bench/warm/1/a"],
        ["80 GET 200 - - 8 /bench/up/1/a"],
    ],
    ids=["not completed", "refused", "elsewhere", "a download"],
)
def test_what_is_no_stored_object_does_not_count(log: list[str]) -> None:
    assert stored_sizes(log, "/bench/up/1/") == {}


def test_uploads_that_have_all_come_are_right(tmp_path: Path, download: Batch) -> None:
    log = tmp_path / "access.log"
    log.write_text(f"80 PUT 200 {len(CONTENT)} - 0 /bench/up/1/a.bin\n80 PUT 2")

    check_uploads(log, "bench", Batch(download.folder, "up/1/", download.names))


def test_a_download_with_the_right_bytes_is_right(download: Batch) -> None:
    check_files(download, SHA256)


def test_a_download_with_one_wrong_bit_is_wrong(download: Batch) -> None:
    (download.folder / "a.bin").write_bytes(bytes([CONTENT[0] ^ 1]) + CONTENT[1:])

    with pytest.raises(WrongResultError, match=r"1 of 1 are wrong: a\.bin"):
        check_files(download, SHA256)


def test_a_download_that_is_not_there_is_wrong(download: Batch) -> None:
    (download.folder / "a.bin").unlink()

    with pytest.raises(WrongResultError, match=r"a\.bin is None"):
        check_files(download, SHA256)


def test_a_file_left_beside_a_download_is_wrong(download: Batch) -> None:
    (download.folder / ".a.bin.part").touch()

    with pytest.raises(WrongResultError, match=r"\.a\.bin\.part"):
        check_files(download, SHA256)


def test_a_huge_download_of_zeros_is_right(tmp_path: Path) -> None:
    check_zeros(make_huge(tmp_path, 3 * 2**20 + 1), 3 * 2**20 + 1)


@pytest.mark.parametrize("wrong", [bytes(2**20), bytes(2 * 2**20) + b"\1"])
def test_a_huge_download_of_something_else_is_wrong(tmp_path: Path, wrong: bytes) -> None:
    path = tmp_path / "huge"
    path.write_bytes(wrong)

    with pytest.raises(WrongResultError):
        check_zeros(path, 2 * 2**20 + 1)


def test_served_files_have_the_checksums_that_are_told(served: Served) -> None:
    small = (served.folder / served.small_keys[7]).read_bytes()

    assert hashlib.sha256(served.large.read_bytes()).hexdigest() == served.large_sha256
    assert hashlib.sha256(small).hexdigest() == served.small_sha256["small/0007.bin"]
    assert len(small) == SMALL_BYTES


def test_the_pages_of_a_listing_hold_every_key_once(tmp_path: Path, served: Served) -> None:
    write_listings("bench", served, tmp_path / "listings")

    first, second = (tmp_path / f"listings/small,.{number}.xml" for number in (0, 1))

    keys = re.findall("<Key>(.*?)</Key>", first.read_text() + second.read_text())
    assert keys == served.small_keys
    assert "<NextContinuationToken>1</NextContinuationToken>" in first.read_text()
    assert "<IsTruncated>false</IsTruncated>" in second.read_text()


def test_a_task_reaches_another_process_as_it_is() -> None:
    site = Site("http://127.0.0.1:9000", "bench", "id", "secret", checksums="when required")
    batch = Batch(Path("somewhere"), "small/", ("a", "ä"))
    task = Task("boto3", "upload", site, Batch(Path(), "", ()), batch)

    assert Task.from_json(task.to_json()) == task
    assert site.host == "127.0.0.1:9000"
    assert batch.pairs[1] == (Path("somewhere/ä"), "small/ä")
