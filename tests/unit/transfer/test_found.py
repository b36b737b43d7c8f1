"""Opening files that were found in a folder, after somebody has been at work there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from s3_integration.transfer.folders import OpenFolder
from s3_integration.transfer.found import FoundFile, identity_of, opened_descriptor
from tests.fixtures.partial_files import open_descriptors


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one file in two others, beside what is none of its own."""
    put(tmp_path / "outside" / "b" / "file", b"theirs")
    put(tmp_path / "root" / "a" / "b" / "file", b"ours")
    return tmp_path / "root"


@pytest.fixture
def file(root: Path) -> Iterator[FoundFile]:
    """The file, as it was found."""
    opened = OpenFolder.open(root)
    yield FoundFile(opened, "a/b/file", identity_of((root / "a/b/file").lstat()))
    opened.close()


def content_of(file: Path | FoundFile) -> bytes:
    with os.fdopen(opened_descriptor(file), "rb") as opened:
        return opened.read()


def replace(root: Path, path: str, new: Path) -> None:
    (root / path).rename(root / f"{path}-before")
    new.rename(root / path)


def link(root: Path, path: str, target: Path) -> None:
    (root / path).rename(root / f"{path}-before")
    (root / path).symlink_to(target)


SWAPS: dict[str, Callable[[Path], None]] = {
    "the file": lambda root: link(root, "a/b/file", root.parent / "outside" / "b" / "file"),
    "the file, by a link to nowhere": lambda root: link(root, "a/b/file", Path("nowhere")),
    "its folder": lambda root: link(root, "a/b", root.parent / "outside" / "b"),
    "its folder, by a link to where it is now": lambda root: link(root, "a/b", Path("b-before")),
    "its folder, by a link to where no such file is": lambda root: link(root, "a/b", root.parent),
    "its folder, by a file": lambda root: replace(root, "a/b", put(root / "x", b"new")),
    "the folder around": lambda root: link(root, "a", root.parent / "outside"),
}

CHANGES: dict[str, Callable[[Path], object]] = {
    "its content": lambda root: put(root / "a/b/file", b"new"),
    "the file": lambda root: replace(root, "a/b/file", put(root / "x", b"new")),
    "its folder": lambda root: replace(root, "a/b", put(root / "x/file", b"new").parent),
}


@pytest.mark.promise(5)
@pytest.mark.parametrize("swapped", SWAPS)
def test_what_a_link_leads_to_that_has_come_since_is_not_opened(
    root: Path, file: FoundFile, swapped: str
) -> None:
    SWAPS[swapped](root)

    if swapped == "its folder, by a link to where it is now":
        assert content_of(file) == b"ours"
        return
    with pytest.raises(NotADirectoryError, match="a link, or something else, has taken") as caught:
        opened_descriptor(file)
    assert caught.value.filename == f"{root}/a/b/file"


def test_what_was_found_is_opened(file: FoundFile) -> None:
    assert content_of(file) == b"ours"


@pytest.mark.parametrize("changed", CHANGES)
def test_what_has_come_by_no_link_is_opened(root: Path, file: FoundFile, changed: str) -> None:
    CHANGES[changed](root)

    assert content_of(file) == b"new"


def test_the_root_is_where_it_was_opened_whatever_its_path_becomes(
    root: Path, file: FoundFile, tmp_path: Path
) -> None:
    root.rename(tmp_path / "moved")
    root.symlink_to(tmp_path / "outside")

    assert content_of(file) == b"ours"


def test_a_file_that_has_gone_is_missing_by_its_whole_path(root: Path, file: FoundFile) -> None:
    (root / "a/b/file").unlink()

    with pytest.raises(FileNotFoundError) as caught:
        opened_descriptor(file)

    assert caught.value.filename == f"{root}/a/b/file"


def test_a_pipe_in_its_place_is_waited_for_by_nobody(root: Path, file: FoundFile) -> None:
    (root / "a/b/file").unlink()
    os.mkfifo(root / "a/b/file")

    assert content_of(file) == b""


@pytest.mark.parametrize("swapped", SWAPS)
def test_nothing_stays_open_where_nothing_is_opened(
    root: Path, file: FoundFile, swapped: str
) -> None:
    SWAPS[swapped](root)
    before = len(open_descriptors())

    with suppress(NotADirectoryError):
        os.close(opened_descriptor(file))

    assert len(open_descriptors()) == before


def test_what_a_caller_names_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root / "a/b/file")

    assert content_of(tmp_path / "link") == b"ours"


def test_it_is_shown_by_its_path(root: Path, file: FoundFile) -> None:
    assert str(file) == os.fspath(file) == f"{root}/a/b/file"
