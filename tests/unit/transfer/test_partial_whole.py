"""Small contents that are written as a whole: in their place at once, or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from s3_integration.transfer.folders import FileIn, OpenFolder
from s3_integration.transfer.partial import PARTIAL_SUFFIX, partial_file, write_whole
from tests.fixtures.failing import failing
from tests.fixtures.partial_files import (
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


def test_what_is_written_whole_takes_its_place_with_the_permissions_of_a_new_file(
    tmp_path: Path, umask: Callable[[int], int]
) -> None:
    umask(0o027)

    write_whole(FileIn(OpenFolder.open(tmp_path), "file"), b"content")

    assert contents_of(tmp_path) == {"file": b"content"}
    assert mode_of(tmp_path / "file") == 0o640


def test_what_is_written_whole_keeps_the_permissions_of_what_it_replaces(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "file").chmod(0o4711)

    write_whole(FileIn(OpenFolder.open(tmp_path), "file"), b"new")

    assert contents_of(tmp_path) == {"file": b"new"}
    assert mode_of(tmp_path / "file") == 0o711


@pytest.mark.promise(5)
def test_what_is_written_whole_follows_no_link(tmp_path: Path, outside: Path) -> None:
    before = contents_of(outside)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").symlink_to(outside / "file")
    place = FileIn(OpenFolder.open(folder), "file")
    moved = swap_for_a_link(folder, outside)

    with pytest.raises(FileExistsError):
        write_whole(place, b"new")

    assert contents_of(outside) == before
    assert (moved / "file").readlink() == outside / "file"
    assert names_in(moved) == ["file"]


@pytest.mark.promise(2)
@pytest.mark.parametrize("call", ["pwrite", "fchmod", "replace"])
def test_what_cannot_be_written_whole_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    (tmp_path / "file").write_bytes(b"old")
    place = FileIn(OpenFolder.open(tmp_path), "file")
    open_before = open_descriptors()
    monkeypatch.setattr(os, call, failing(OSError(errno.ENOSPC, "No space left")))

    with pytest.raises(OSError, match="No space left"):
        write_whole(place, b"new")

    assert contents_of(tmp_path) == {"file": b"old"}
    assert open_descriptors() == open_before


_BE_KILLED = """
import os, signal, sys
from pathlib import Path
from s3_integration.transfer.folders import FileIn, OpenFolder
from s3_integration.transfer.partial import write_whole
setattr(os, sys.argv[2], lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
write_whole(FileIn(OpenFolder.open(Path(sys.argv[1])), "file"), b"new")
"""


@pytest.mark.promise(9)
@pytest.mark.parametrize("call", ["pwrite", "replace"])
def test_what_a_kill_left_of_a_small_file_is_swept_by_the_next_one(
    tmp_path: Path, call: str
) -> None:
    (tmp_path / "file").write_bytes(b"old")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    program = [sys.executable, "-c", _BE_KILLED, str(tmp_path), call]
    killed = subprocess.run(program, env=environment, check=False, timeout=30)
    after_the_kill = names_in(tmp_path)
    content = (tmp_path / "file").read_bytes()

    write_whole(FileIn(OpenFolder.open(tmp_path), "file"), b"new")

    assert (killed.returncode, content) == (-9, b"old")
    assert after_the_kill == [f".file.0{PARTIAL_SUFFIX}", "file"]
    assert contents_of(tmp_path) == {"file": b"new"}


def test_a_small_file_and_a_large_one_on_their_way_to_one_place_do_not_meet(
    tmp_path: Path,
) -> None:
    with partial_file(tmp_path / "file") as large:
        large.write(0, b"large")
        write_whole(FileIn(OpenFolder.open(tmp_path), "file"), b"small")
        meanwhile = (tmp_path / "file").read_bytes()

    assert meanwhile == b"small"
    assert contents_of(tmp_path) == {"file": b"large"}
