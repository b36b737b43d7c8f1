"""Downloads that go on where a killed one ended; its temporary file was written by the test."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest

from s3_integration import S3DownloadError, TransferConfig
from s3_integration.transfer import checksums
from s3_integration.transfer.notes import content_of
from s3_integration.transfer.partial import PARTIAL_SUFFIX, PartialFile
from s3_integration.utils import ByteRange
from tests.fixtures.mock_responses import Answer, CannedS3, Sent, error_answer, etag_of, serving
from tests.fixtures.transfers import BUCKET, KEY, download, ranges_of, small_parts

CONTENT = b"0123456789abcdefgh"
ENDPOINT = "https://s3.amazonaws.com"
ETAG = etag_of(CONTENT)
OF_PARTS = '"00000000000000000000000000000000-5"'


def resumable() -> TransferConfig:
    transfer = small_parts(4, 8)
    object.__setattr__(transfer, "resume_threshold_bytes", 10)
    return transfer


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    folder = tmp_path / "downloads"
    folder.mkdir()
    return folder / "file"


def leave(
    destination: Path,
    *parts: ByteRange,
    etag: str = ETAG,
    size_bytes: int = 18,
    content: bytes = CONTENT,
    version_id: str = "",
) -> Path:
    """A temporary file as a killed download leaves it."""
    named = content_of(size_bytes, ENDPOINT, BUCKET, KEY, version_id, etag)
    partial = PartialFile(destination, named)
    for part in parts:
        partial.write(part.start, content[part.start : part.stop])
        partial.note(part)
    os.close(partial._descriptor)
    return partial.path


def fetch(s3: CannedS3, destination: Path, **options: Any) -> list[str]:
    download(s3, destination, transfer=resumable(), **options)
    assert [path.name for path in destination.parent.iterdir()] == [destination.name]
    return sorted(ranges_of(s3))


@pytest.mark.promise(9)
def test_only_what_is_missing_is_fetched(
    destination: Path, caplog: pytest.LogCaptureFixture
) -> None:
    leave(destination, ByteRange(0, 8), ByteRange(12, 16))
    s3 = CannedS3(otherwise=serving(CONTENT, etag=ETAG))
    told: list[tuple[int, int]] = []

    with caplog.at_level(logging.INFO):
        ranges = fetch(s3, destination, progress=lambda *step: told.append(step))

    assert ranges == ["0-0", "16-17", "8-11"]
    assert "11 of 18 bytes are there" in caplog.text
    assert [sent.headers.get("if-match") for sent in s3.sent[1:]] == [ETAG] * 3
    assert destination.read_bytes() == CONTENT
    assert told[-1] == (18, 18)


def test_what_is_all_there_is_only_put_in_its_place(destination: Path) -> None:
    leave(destination, ByteRange(0, 18))

    assert fetch(CannedS3(otherwise=serving(CONTENT, etag=ETAG)), destination) == ["0-0"]
    assert destination.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "other",
    [{"etag": '"another"'}, {"size_bytes": 19}, {"version_id": "v2"}],
    ids=str,
)
@pytest.mark.promise(9)
def test_another_version_is_fetched_from_the_start(
    destination: Path, other: dict[str, Any]
) -> None:
    leave(destination, ByteRange(0, 18), content=b"X" * 18, **other)

    ranges = fetch(CannedS3(otherwise=serving(CONTENT, etag=ETAG)), destination)

    assert ranges == ["0-0", "1-4", "13-16", "17-17", "5-8", "9-12"]
    assert destination.read_bytes() == CONTENT


def test_an_object_that_is_replaced_while_its_download_goes_on_is_fetched_anew(
    destination: Path,
) -> None:
    leave(destination, ByteRange(0, 8), ByteRange(12, 16))
    newer = CONTENT[::-1]
    serve, serve_newer = serving(CONTENT, etag=ETAG), serving(newer, etag=etag_of(newer))

    def answer(sent: Sent) -> Answer:
        if sent.headers.get("range") == "bytes=0-0":
            return serve(sent)
        is_of_before = sent.headers.get("if-match") == ETAG
        return error_answer(412, "PreconditionFailed") if is_of_before else serve_newer(sent)

    fetch(CannedS3(otherwise=answer), destination)

    assert destination.read_bytes() == newer


def test_what_a_disk_lost_is_noticed_by_the_md5(destination: Path) -> None:
    leave(destination, ByteRange(0, 18), content=b"X" * 18)

    ranges = fetch(CannedS3(otherwise=serving(CONTENT, etag=ETAG)), destination)

    assert ranges == ["0-0", "0-7", "12-15", "16-17", "8-11"]
    assert destination.read_bytes() == CONTENT


@pytest.mark.parametrize("left", [CONTENT, b"X" * 18], ids=["intact", "lost"])
def test_what_a_disk_lost_is_noticed_by_the_stored_checksum(destination: Path, left: bytes) -> None:
    pytest.importorskip("awscrt")
    leave(destination, ByteRange(0, 8), ByteRange(8, 16), etag=OF_PARTS, content=left)
    checksum = checksums.as_text(checksums.crc64nvme(CONTENT))
    objects = serving(CONTENT, etag=OF_PARTS)

    def answer(sent: Sent) -> Answer:
        if sent.method == "HEAD":
            return Answer(headers={"etag": OF_PARTS, "x-amz-checksum-crc64nvme": checksum})
        return objects(sent)

    s3 = CannedS3(otherwise=answer)

    fetch(s3, destination)

    assert destination.read_bytes() == CONTENT
    starts = [asked for asked in ranges_of(s3) if asked.startswith("0-")]
    assert starts == (["0-0"] if left == CONTENT else ["0-0", "0-7"])


def test_a_second_leftover_is_used_where_the_first_is_of_something_else(destination: Path) -> None:
    first = PartialFile(destination)
    leave(destination, ByteRange(8, 16))
    os.close(first._descriptor)

    assert fetch(CannedS3(otherwise=serving(CONTENT, etag=ETAG)), destination) == [
        "0-0", "1-4", "16-17", "5-7",
    ]  # fmt: skip


def test_of_two_leftovers_one_is_used_and_the_other_removed(destination: Path) -> None:
    named = content_of(18, ENDPOINT, BUCKET, KEY, "", ETAG)
    living = PartialFile(destination, named)
    leave(destination, ByteRange(4, 18))
    living.write(0, CONTENT)
    living.note(ByteRange(0, 16))
    os.close(living._descriptor)

    assert fetch(CannedS3(otherwise=serving(CONTENT, etag=ETAG)), destination) == ["0-0", "16-17"]


def test_what_a_living_download_has_is_left_to_it(destination: Path) -> None:
    living = PartialFile(destination, content_of(18, ENDPOINT, BUCKET, KEY, "", ETAG))
    living.note(ByteRange(0, 18))

    download(CannedS3(otherwise=serving(CONTENT, etag=ETAG)), destination, transfer=resumable())

    assert destination.read_bytes() == CONTENT
    assert living.path.exists()
    living.discard()


@pytest.mark.parametrize("how", ["others may write", "another link"])
def test_a_file_that_others_may_have_written_is_not_trusted(destination: Path, how: str) -> None:
    left = leave(destination, ByteRange(0, 18))
    if how == "others may write":
        left.chmod(0o666)
    else:
        (destination.parent.parent / "link").hardlink_to(left)

    ranges = fetch(CannedS3(otherwise=serving(CONTENT, etag=ETAG)), destination)

    assert len(ranges) == 6
    assert destination.read_bytes() == CONTENT


def test_a_small_object_is_fetched_from_the_start(destination: Path) -> None:
    leave(destination, ByteRange(0, 9), size_bytes=9)
    small = CONTENT[:9]

    ranges = fetch(CannedS3(otherwise=serving(small, etag=etag_of(small))), destination)

    assert ranges == ["0-0", "1-4", "5-8"]
    assert destination.read_bytes() == small


def test_an_empty_object_replaces_what_was_left(destination: Path) -> None:
    leave(destination, ByteRange(0, 18))

    fetch(CannedS3(otherwise=serving(b"", etag=etag_of(b""))), destination)

    assert destination.read_bytes() == b""


def test_a_download_that_went_on_and_fails_leaves_nothing(destination: Path) -> None:
    leave(destination, ByteRange(0, 8))
    objects = serving(CONTENT, etag=ETAG)

    def answer(sent: Sent) -> Answer:
        if sent.headers.get("range") == "bytes=8-11":
            return error_answer(403, "AccessDenied")
        return objects(sent)

    with pytest.raises(S3DownloadError):
        download(CannedS3(otherwise=answer), destination, transfer=resumable())

    assert list(destination.parent.iterdir()) == []


def test_a_download_under_way_notes_what_it_has(destination: Path) -> None:
    objects = serving(CONTENT, etag=ETAG)
    sizes: list[int] = []

    def progress(done: int, total: int) -> None:
        [path] = destination.parent.iterdir()
        assert path.name.endswith(PARTIAL_SUFFIX)
        sizes.append(path.stat().st_size)

    fetch(CannedS3(otherwise=objects), destination, progress=progress)

    assert min(sizes) > len(CONTENT)
    assert destination.stat().st_size == len(CONTENT)
