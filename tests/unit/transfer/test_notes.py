"""Notes at the end of temporary files."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from s3_integration.transfer import notes
from s3_integration.transfer.notes import Content, Notes, content_of, noted_in
from s3_integration.utils import ByteRange

PARTS = [ByteRange(0, 4), ByteRange(8, 12)]


def content_named(*identity: str, size_bytes: int = 20) -> Content:
    content = content_of(size_bytes, *identity)
    assert content
    return content


@pytest.fixture
def content(monkeypatch: pytest.MonkeyPatch) -> Content:
    monkeypatch.setattr(notes, "_start_of_system", lambda: "this start")
    return content_named("bucket", "key", "etag")


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    opened = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    yield opened
    os.close(opened)


def test_what_was_noted_is_found_and_more_can_be_noted(descriptor: int, content: Content) -> None:
    Notes(descriptor, content).add(PARTS[0])
    assert noted_in(descriptor, content) == PARTS[:1]

    Notes(descriptor, content, already=1).add(PARTS[1])

    assert noted_in(descriptor, content) == PARTS


def test_erased_notes_leave_the_content(descriptor: int, content: Content) -> None:
    os.pwrite(descriptor, b"x" * 20, 0)
    found = Notes(descriptor, content)
    found.add(PARTS[0])

    found.erase()

    assert os.pread(descriptor, 100, 0) == b"x" * 20
    assert noted_in(descriptor, content) is None


@pytest.mark.parametrize("cut_bytes", range(1, 20))
def test_a_note_that_was_being_written_counts_for_nothing(
    descriptor: int, content: Content, cut_bytes: int
) -> None:
    found = Notes(descriptor, content)
    for part in PARTS:
        found.add(part)

    os.ftruncate(descriptor, os.fstat(descriptor).st_size - cut_bytes)

    assert noted_in(descriptor, content) == PARTS[:1]


def test_a_note_whose_bytes_are_wrong_ends_the_notes(descriptor: int, content: Content) -> None:
    found = Notes(descriptor, content)
    for part in PARTS:
        found.add(part)

    os.pwrite(descriptor, b"\xff", os.fstat(descriptor).st_size - 15)

    assert noted_in(descriptor, content) == PARTS[:1]


def test_notes_of_anything_else_are_none(
    descriptor: int, content: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    Notes(descriptor, content)

    assert noted_in(descriptor, content) == []
    assert noted_in(descriptor, content_named("bucket", "key", "another etag")) is None
    assert noted_in(descriptor, content_named("bucket", "key", "etag", size_bytes=19)) is None
    monkeypatch.setattr(notes, "_start_of_system", lambda: "the next start")
    assert noted_in(descriptor, content_named("bucket", "key", "etag")) is None


def test_where_a_new_start_would_not_be_noticed_there_are_no_notes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(*_: object, **__: object) -> NoReturn:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)

    assert content_of(20, "bucket", "key", "etag") is None


def test_linux_tells_its_start() -> None:
    assert content_of(20, "a") == content_of(20, "a")
    assert content_of(20, "a") != content_of(20, "b")


def test_a_disk_without_room_for_notes_ends_them_and_nothing_else(
    descriptor: int, content: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Notes(descriptor, content)
    pwrite, is_full = os.pwrite, [True]

    def full(where: int, what: bytes, offset: int) -> int:
        if is_full.pop():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return pwrite(where, what, offset)

    monkeypatch.setattr(os, "pwrite", full)
    for part in PARTS:  # the second is not even tried: a gap would hide it anyway
        found.add(part)

    assert noted_in(descriptor, content) == []
