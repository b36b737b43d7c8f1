"""Folders that are held open."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from s3_integration.transfer.folders import (
    _MOST_FOLDERS,
    FileIn,
    MissingFolder,
    OpenFolder,
    OpenFolders,
)

NO_NAMES = ["", ".", "..", "a/b", "../a", "/a", "a/", "a\0b"]


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_a_folder_that_is_missing_is_made_where_that_is_wanted(tmp_path: Path) -> None:
    folder = OpenFolder.open(tmp_path)

    made = folder.child("a", missing="make").child("b", missing="make")

    assert made.path == tmp_path / "a" / "b"
    assert os.path.samestat(os.fstat(made.descriptor), (tmp_path / "a" / "b").stat())


@pytest.mark.parametrize("missing", ["refuse", "make"])
def test_a_folder_that_is_there_is_opened(tmp_path: Path, missing: MissingFolder) -> None:
    (tmp_path / "a").mkdir()

    opened = OpenFolder.open(tmp_path).child("a", missing=missing)

    assert os.path.samestat(os.fstat(opened.descriptor), (tmp_path / "a").stat())


def test_a_folder_that_is_missing_is_not_made_where_it_should_be_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        OpenFolder.open(tmp_path).child("a", missing="refuse")

    assert caught.value.filename == str(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.promise(5)
@pytest.mark.parametrize("missing", ["refuse", "make"])
@pytest.mark.parametrize("target", [".", "elsewhere", "nowhere", "file"])
def test_a_link_is_no_folder_wherever_it_leads(
    tmp_path: Path, missing: MissingFolder, target: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(target)

    with pytest.raises(NotADirectoryError) as caught:
        OpenFolder.open(tmp_path).child("link", missing=missing)

    assert caught.value.filename == str(tmp_path / "link")
    assert not (tmp_path / "nowhere").exists()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(NotADirectoryError):
        OpenFolder.open(tmp_path).child("file", missing="make")


@pytest.mark.promise(5)
@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_single_name_leads_nowhere(tmp_path: Path, name: str) -> None:
    folder = OpenFolder.open(tmp_path)

    for use in (lambda: folder.child(name, missing="make"), lambda: FileIn(folder, name)):
        with pytest.raises(OSError, match="no name of a single file") as caught:
            use()
        assert caught.value.errno == errno.EINVAL


def test_a_folder_that_another_makes_at_the_same_moment_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_make = os.mkdir

    def make_after_another(name: str, *, dir_fd: int) -> None:
        (tmp_path / name).touch() if name == "file" else really_make(tmp_path / name)
        really_make(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "mkdir", make_after_another)
    folder = OpenFolder.open(tmp_path)

    assert folder.child("a", missing="make").path == tmp_path / "a"
    with pytest.raises(NotADirectoryError):
        folder.child("file", missing="make")


def test_a_folder_is_closed_when_nobody_needs_it_any_more(tmp_path: Path) -> None:
    folder = OpenFolder.open(tmp_path)
    place = FileIn(folder, "a")
    descriptor = folder.descriptor
    del folder
    while_needed = is_open(descriptor)

    del place

    assert while_needed
    assert not is_open(descriptor)


def test_closing_a_folder_twice_closes_nobody_elses_file(tmp_path: Path) -> None:
    folder = OpenFolder.open(tmp_path)
    folder.close()
    others = os.open(tmp_path, os.O_RDONLY)

    folder.close()
    del folder

    assert is_open(others)
    os.close(others)


def test_what_is_in_a_closed_folder_cannot_be_reached(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    folder = OpenFolder.open(tmp_path)
    folder.close()

    with pytest.raises(OSError, match="Bad file descriptor"):
        folder.child("a", missing="make")


def test_names_are_those_in_the_folder_that_was_opened(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    folder = OpenFolder.open(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "moved")
    (tmp_path / "a").symlink_to("/")

    assert folder.names() == ["b"]


def test_a_folder_shows_its_path(tmp_path: Path) -> None:
    folder = OpenFolder.open(tmp_path)

    assert repr(folder) == f"OpenFolder({str(tmp_path)!r})"
    assert str(FileIn(folder, "a")) == str(tmp_path / "a")


def test_a_folder_of_many_files_is_opened_once(tmp_path: Path) -> None:
    folders = OpenFolders()

    first, second = folders.place_of(tmp_path / "a"), folders.place_of(tmp_path / "b")

    assert first is not None
    assert second is not None
    assert first.folder is second.folder
    assert (first.name, second.path) == ("a", tmp_path / "b")


def test_a_place_in_an_open_folder_is_itself(tmp_path: Path) -> None:
    place = FileIn(OpenFolder.open(tmp_path), "a")

    assert OpenFolders().place_of(place) is place


@pytest.mark.parametrize("path", ["relative", "folder/relative", "/nowhere/at/all"])
def test_a_path_whose_folder_is_not_there_or_may_change_has_no_place(path: str) -> None:
    assert OpenFolders().place_of(Path(path)) is None


def test_of_many_folders_few_stay_open(tmp_path: Path) -> None:
    folders = OpenFolders()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - as short as it can be

    for number in range(3 * _MOST_FOLDERS):
        (tmp_path / str(number)).mkdir()
        assert folders.place_of(tmp_path / str(number) / "a") is not None

    assert len(os.listdir("/proc/self/fd")) <= before + _MOST_FOLDERS  # noqa: PTH208 - see above
