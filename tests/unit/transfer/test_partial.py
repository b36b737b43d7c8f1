"""Temporary files beside their destinations, which are whole or as they were."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pathlib
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from s3_integration.transfer import partial as partials
from s3_integration.transfer.folders import FileIn, OpenFolder
from s3_integration.transfer.local import check_destination
from s3_integration.transfer.notes import Content
from s3_integration.transfer.partial import PARTIAL_SUFFIX, PartialFile, partial_file
from s3_integration.utils import ByteRange
from tests.fixtures.failing import failing
from tests.fixtures.partial_files import (
    BoomError,
    contents_of,
    folder_outside,
    mode_of,
    names_in,
    open_descriptors,
    settable_umask,
    swap_for_a_link,
)

umask = pytest.fixture(settable_umask)
outside = pytest.fixture(folder_outside)


# Partial files


def test_a_partial_file_is_nobody_elses_to_read_until_it_is_whole(
    tmp_path: Path, umask: Callable[[int], int]
) -> None:
    umask(0)
    destination = tmp_path / "file"

    with partial_file(destination) as partial:
        partial.write(0, b"content")
        assert mode_of(partial.path) == 0o600
        assert partial.path.parent == tmp_path
        assert names_in(tmp_path) == [f".file.0{PARTIAL_SUFFIX}"]

    assert destination.read_bytes() == b"content"
    assert mode_of(destination) == 0o666
    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize("has_proc", [True, False])
def test_a_new_file_has_the_permissions_that_the_umask_leaves(
    tmp_path: Path,
    umask: Callable[[int], int],
    monkeypatch: pytest.MonkeyPatch,
    has_proc: bool,
) -> None:
    umask(0o027)
    if not has_proc:
        monkeypatch.setattr(pathlib.Path, "open", failing(FileNotFoundError()))

    with partial_file(tmp_path / "file"):
        pass

    assert mode_of(tmp_path / "file") == 0o640
    assert umask(0o022) == 0o027


def test_a_replaced_file_keeps_its_permissions_but_no_special_powers(tmp_path: Path) -> None:
    destination = tmp_path / "file"
    destination.write_bytes(b"old")
    destination.chmod(0o4751)

    with partial_file(destination) as partial:
        partial.write(0, b"new")

    assert mode_of(destination) == 0o751
    assert destination.read_bytes() == b"new"


@pytest.mark.promise(2)
def test_an_old_file_is_there_until_the_new_one_is_whole_and_after_a_failure(
    tmp_path: Path,
) -> None:
    destination = tmp_path / "file"
    destination.write_bytes(b"old")
    destination.chmod(0o640)

    partial = PartialFile(destination)
    partial.write(0, b"new")
    while_it_arrives = destination.read_bytes()
    partial.discard()

    assert while_it_arrives == b"old"

    assert destination.read_bytes() == b"old"
    assert mode_of(destination) == 0o640
    assert names_in(tmp_path) == ["file"]


def test_a_link_is_replaced_and_what_it_led_to_stays(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"old")
    destination = tmp_path / "link"
    destination.symlink_to("target")

    with partial_file(destination) as partial:
        partial.write(0, b"new")

    assert not destination.is_symlink()
    assert destination.read_bytes() == b"new"
    assert (tmp_path / "target").read_bytes() == b"old"


@pytest.mark.promise(5)
def test_a_link_in_place_of_the_partial_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"precious")
    (tmp_path / f".file.0{PARTIAL_SUFFIX}").symlink_to("target")

    with partial_file(tmp_path / "file") as partial:
        partial.write(0, b"new")

    assert (tmp_path / "target").read_bytes() == b"precious"
    assert (tmp_path / "file").read_bytes() == b"new"


def test_missing_folders_are_made(tmp_path: Path) -> None:
    with partial_file(tmp_path / "a" / "b" / "file") as partial:
        partial.write(0, b"content")

    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"content"


@pytest.mark.parametrize("error", [BoomError, KeyboardInterrupt])
def test_folders_that_were_made_are_removed_after_a_failure(
    tmp_path: Path, error: type[BaseException]
) -> None:
    (tmp_path / "old").mkdir()

    with pytest.raises(error), partial_file(tmp_path / "old" / "a" / "b" / "file"):
        raise error

    assert names_in(tmp_path / "old") == []


def test_a_folder_that_somebody_else_uses_meanwhile_stays(tmp_path: Path) -> None:
    with contextlib.suppress(BoomError), partial_file(tmp_path / "a" / "b" / "file"):
        (tmp_path / "a" / "other").touch()
        raise BoomError

    assert names_in(tmp_path / "a") == ["other"]


def test_a_folder_that_cannot_be_made_leaves_no_other_behind(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="File name too long"),
        partial_file(tmp_path / "a" / ("n" * 256) / "file"),
    ):
        pass

    assert names_in(tmp_path) == []


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pwrite", failing(OSError(errno.ENOSPC, "No space left")))

    with (
        pytest.raises(OSError, match="No space left"),
        partial_file(tmp_path / "a" / "file") as partial,
    ):
        partial.write(0, b"content")

    assert names_in(tmp_path) == []


def test_what_is_written_in_pieces_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, piece, at: pwrite(file, piece[:3], at))

    with partial_file(tmp_path / "file") as partial:
        partial.write(7, b"content")
        partial.write(0, b"all the")
        assert partial.read(14, 0) == b"all thecontent"

    assert (tmp_path / "file").read_bytes() == b"all thecontent"


def test_a_destination_that_became_a_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), partial_file(tmp_path / "file"):
        (tmp_path / "file").mkdir()

    assert names_in(tmp_path) == ["file"]


def test_a_partial_file_that_somebody_removed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), partial_file(tmp_path / "file") as partial:
        partial.path.unlink()

    assert names_in(tmp_path) == []


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    before = open_descriptors()

    for error in (None, BoomError):
        with contextlib.suppress(BoomError), partial_file(tmp_path / "file"):
            if error:
                raise error

    assert open_descriptors() == before


@pytest.mark.parametrize(
    "name", ["n" * 255, "ü" * 127, "x" + "日" * 84, "\udcff" * 255, "n" * 251 + ".txt"]
)
def test_names_of_255_bytes_are_no_trouble(tmp_path: Path, name: str) -> None:
    with partial_file(tmp_path / name) as partial:
        partial.write(0, b"content")

    assert names_in(tmp_path) == [name]


def test_two_downloads_to_one_destination_do_not_meet(tmp_path: Path) -> None:
    destination = tmp_path / "file"

    with partial_file(destination) as first:
        first.write(0, b"first, and longer")
        with partial_file(destination) as second:
            second.write(0, b"second")
            assert first.path != second.path
        assert destination.read_bytes() == b"second"

    assert destination.read_bytes() == b"first, and longer"
    assert names_in(tmp_path) == ["file"]


def test_a_thousand_downloads_to_one_destination_are_the_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partials, "_MOST_PARTIAL_FILES", 1)

    with (
        partial_file(tmp_path / "file"),
        pytest.raises(FileExistsError, match="too many downloads"),
        partial_file(tmp_path / "file"),
    ):
        pass

    assert names_in(tmp_path) == ["file"]


# Folders that are held open


@pytest.mark.promise(5)
@pytest.mark.parametrize("by", ["path", "open folder"])
@pytest.mark.parametrize("ends", ["well", "badly"])
def test_a_folder_that_is_swapped_for_a_link_changes_nothing_elsewhere(
    tmp_path: Path, outside: Path, by: str, ends: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    before = contents_of(outside)
    destination = folder / "file" if by == "path" else FileIn(OpenFolder.open(folder), "file")

    with contextlib.suppress(BoomError), partial_file(destination) as partial:
        partial.write(0, b"new")
        moved = swap_for_a_link(folder, outside)
        if ends == "badly":
            raise BoomError

    assert contents_of(outside) == before
    assert contents_of(moved) == ({"file": b"new"} if ends == "well" else {})


@pytest.mark.promise(5)
def test_a_folder_that_is_swapped_before_anything_is_written_changes_nothing_elsewhere(
    tmp_path: Path, outside: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / f".file.0{PARTIAL_SUFFIX}").write_bytes(b"left by a killed download")
    before = contents_of(outside)
    place = FileIn(OpenFolder.open(folder), "file")
    moved = swap_for_a_link(folder, outside)

    check_destination(place)
    with partial_file(place, Content(3, b"name")) as partial:
        partial.write(0, b"new")
        partial.note(ByteRange(0, 3))

    assert contents_of(outside) == before
    assert contents_of(moved) == {"file": b"new"}


@pytest.mark.promise(5)
@pytest.mark.parametrize("target", ["outside/file", "outside", "pipe", "nothing", "link"])
def test_a_link_in_an_open_folder_is_replaced_wherever_it_leads(
    tmp_path: Path, outside: Path, umask: Callable[[int], int], target: str
) -> None:
    umask(0o027)
    os.mkfifo(tmp_path / "pipe")
    (outside / "file").chmod(0o777)
    before = contents_of(outside)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / target)
    place = FileIn(OpenFolder.open(tmp_path), "link")

    check_destination(place)
    with partial_file(place) as partial:
        partial.write(0, b"new")

    assert not link.is_symlink()
    assert link.read_bytes() == b"new"
    assert mode_of(link) == 0o640
    assert contents_of(outside) == before


def test_a_folder_that_is_gone_is_an_error_and_is_not_made_anew(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    place = FileIn(OpenFolder.open(tmp_path / "folder"), "file")
    (tmp_path / "folder").rmdir()

    with pytest.raises(FileNotFoundError) as caught, partial_file(place):
        pass

    assert caught.value.filename == str(tmp_path / "folder" / "file")
    assert names_in(tmp_path) == []


def test_an_open_folder_stays_open_for_the_next_file(tmp_path: Path) -> None:
    folder = OpenFolder.open(tmp_path)

    for name in ("a", "b"):
        with partial_file(FileIn(folder, name)) as partial:
            partial.write(0, b"content")

    assert names_in(tmp_path) == ["a", "b"]


def test_a_destination_that_became_a_folder_is_told_by_its_path(tmp_path: Path) -> None:
    place = FileIn(OpenFolder.open(tmp_path), "file")

    with pytest.raises(IsADirectoryError) as caught, partial_file(place):
        (tmp_path / "file").mkdir()

    assert caught.value.filename == str(tmp_path / "file")


def test_a_lock_that_fails_otherwise_is_an_error_that_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = open_descriptors()
    monkeypatch.setattr(fcntl, "flock", failing(OSError(errno.EIO, "Input/output error")))

    with pytest.raises(OSError, match="Input/output"), partial_file(tmp_path / "a" / "file"):
        pass

    assert names_in(tmp_path) == []
    assert open_descriptors() == before


@pytest.mark.parametrize("call", ["open", "replace"])
def test_what_cannot_be_written_is_told_by_the_name_that_the_caller_gave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(path: str, *others: object, **_: object) -> NoReturn:
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), path, None, *others[:1])

    def act() -> None:
        with partial_file(tmp_path / "file"):
            monkeypatch.setattr(os, "replace", refuse)

    if call == "open":
        monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(FileNotFoundError) as caught:
        act()
    monkeypatch.undo()

    assert str(caught.value).endswith(f"No such file or directory: '{tmp_path / 'file'}'")
    assert names_in(tmp_path) == []


def test_ctrl_c_at_the_very_end_closes_the_file_only_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    partial = PartialFile(tmp_path / "file")
    partial.write(0, b"whole")
    really_close = os.close
    closed = list[int]()

    def close_and_be_interrupted(descriptor: int) -> None:
        closed.append(descriptor)
        really_close(descriptor)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "close", close_and_be_interrupted)
    with pytest.raises(KeyboardInterrupt):
        partial.commit()
    partial.discard()
    monkeypatch.undo()

    assert len(closed) == 1
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert names_in(tmp_path) == ["file"]


def test_ctrl_c_after_the_replacing_leaves_the_next_downloads_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_replace = os.replace

    def replace_and_be_interrupted(source: str, destination: str, **folders: int) -> None:
        really_replace(source, destination, **folders)
        (tmp_path / source).write_bytes(b"another process'")
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", replace_and_be_interrupted)
    partial = PartialFile(tmp_path / "file")
    with pytest.raises(KeyboardInterrupt):
        partial.commit()
    partial.discard()

    assert partial.path.read_bytes() == b"another process'"
