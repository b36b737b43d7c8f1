"""Temporary files beside their destinations, which are whole or as they were."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gc
import os
import pathlib
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from s3_integration.transfer import partial as partials
from s3_integration.transfer.folders import FileIn, OpenFolder
from s3_integration.transfer.local import check_destination
from s3_integration.transfer.notes import Content
from s3_integration.transfer.partial import (
    PARTIAL_SUFFIX,
    PartialFile,
    partial_file,
    sweep_abandoned,
    write_whole,
)
from s3_integration.utils import ByteRange
from tests.fixtures.failing import failing


class BoomError(Exception):
    pass


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def open_descriptors() -> list[str]:
    gc.collect()  # an earlier test's traceback may keep a folder open
    return names_in(Path("/proc/self/fd"))


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


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


def swap_for_a_link(folder: Path, outside: Path) -> Path:
    """Put a link to `outside` in the place of `folder`; where that is now."""
    moved = folder.rename(folder.with_name("moved"))
    folder.symlink_to(outside)
    return moved


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder where nothing may change."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "file").write_bytes(b"precious")
    (folder / f".file.0{PARTIAL_SUFFIX}").write_bytes(b"precious")
    return folder


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


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


# Content that is there as a whole


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

    write_whole(place, b"new")

    assert contents_of(outside) == before
    assert contents_of(moved) == {"file": b"new"}
    assert not (moved / "file").is_symlink()


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


# What killed downloads left


@pytest.mark.parametrize("numbers", [[0], [0, 1, 2], [1], [3, 9], [20]])
@pytest.mark.promise(9)
def test_abandoned_files_are_swept_by_the_next_download(tmp_path: Path, numbers: list[int]) -> None:
    for number in numbers if numbers != [20] else range(21):
        (tmp_path / f".file.{number}{PARTIAL_SUFFIX}").write_bytes(b"abandoned")

    with partial_file(tmp_path / "file"):
        assert names_in(tmp_path) == [f".file.0{PARTIAL_SUFFIX}"]

    assert names_in(tmp_path) == ["file"]


def test_files_of_other_destinations_are_left_alone(tmp_path: Path) -> None:
    others = [f".file2.0{PARTIAL_SUFFIX}", ".file.0", f"file.0{PARTIAL_SUFFIX}"]
    for other in others:
        (tmp_path / other).touch()

    sweep_abandoned(tmp_path / "file")

    assert names_in(tmp_path) == sorted(others)


def test_a_folder_with_the_name_of_a_partial_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / f".file.0{PARTIAL_SUFFIX}").mkdir()

    with partial_file(tmp_path / "file") as partial:
        partial.write(0, b"content")

    assert names_in(tmp_path) == [f".file.0{PARTIAL_SUFFIX}", "file"]


_DOWNLOAD_AND_WAIT = """
import sys
from pathlib import Path
from s3_integration.transfer.partial import partial_file
with partial_file(Path(sys.argv[1])) as partial:
    partial.write(0, b"half")
    print("waiting", flush=True)
    sys.stdin.read()
"""


def test_a_living_download_is_left_alone_and_a_killed_one_swept(tmp_path: Path) -> None:
    destination = tmp_path / "file"
    program = [sys.executable, "-c", _DOWNLOAD_AND_WAIT, str(destination)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        program, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"waiting\n"

        sweep_abandoned(destination)
        of_the_living = names_in(tmp_path)
        other.kill()
        other.wait()
        of_the_killed = names_in(tmp_path)
        sweep_abandoned(destination)

    assert of_the_living == of_the_killed == [f".file.0{PARTIAL_SUFFIX}"]
    assert names_in(tmp_path) == []


def before_the_lock(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> None:
    """Let `action` happen once, between the opening of a file and its locking."""
    pending, flock = [action], fcntl.flock

    def act_then_lock(descriptor: int, flags: int) -> None:
        if pending:
            pending.pop()()
        flock(descriptor, flags)

    monkeypatch.setattr(fcntl, "flock", act_then_lock)


def test_a_file_that_is_swept_before_it_could_be_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_the_lock(monkeypatch, lambda: sweep_abandoned(tmp_path / "file"))

    with partial_file(tmp_path / "file") as partial:
        partial.write(0, b"content")

    assert (tmp_path / "file").read_bytes() == b"content"


def test_a_file_that_a_sweeper_has_just_locked_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = tmp_path / f".file.0{PARTIAL_SUFFIX}"
    sweepers: list[Any] = []

    def lock_it() -> None:
        sweepers.append(name.open())
        fcntl.flock(sweepers[0], fcntl.LOCK_EX)

    before_the_lock(monkeypatch, lock_it)

    with partial_file(tmp_path / "file") as partial:
        assert partial.path.name == f".file.1{PARTIAL_SUFFIX}"
    sweepers[0].close()


@pytest.mark.parametrize("makes_another", [True, False])
def test_a_file_that_another_sweeper_removed_is_not_taken_for_its_successor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, makes_another: bool
) -> None:
    name = tmp_path / f".file.0{PARTIAL_SUFFIX}"
    name.write_bytes(b"abandoned")

    def sweep_it() -> None:
        name.rename(tmp_path / "swept")
        if makes_another:
            name.write_bytes(b"a living one's")

    before_the_lock(monkeypatch, sweep_it)

    sweep_abandoned(tmp_path / "file")

    assert name.exists() is makes_another


@pytest.fixture(params=[errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def no_locks(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A file system such as Lustre without `-o flock`."""
    refusal = OSError(request.param, os.strerror(request.param))
    monkeypatch.setattr(fcntl, "flock", failing(refusal))


@pytest.mark.usefixtures("no_locks")
def test_without_locks_downloads_have_names_that_nobody_looks_for(tmp_path: Path) -> None:
    open_before = open_descriptors()
    usual = re.compile(rf"\.file\.\d{{1,3}}\{PARTIAL_SUFFIX}")

    with partial_file(tmp_path / "file") as first, partial_file(tmp_path / "file") as second:
        paths = first.path, second.path
        sweep_abandoned(tmp_path / "file")
        assert all(path.exists() for path in paths)
        first.write(0, b"first")
        second.write(0, b"second")

    assert paths[0] != paths[1]
    assert all(path.name.endswith(PARTIAL_SUFFIX) for path in paths)
    assert not any(usual.fullmatch(path.name) for path in paths)
    assert (tmp_path / "file").read_bytes() == b"first"
    assert names_in(tmp_path) == ["file"]
    assert open_descriptors() == open_before


@pytest.mark.usefixtures("no_locks")
def test_without_locks_a_download_that_fails_leaves_nothing(tmp_path: Path) -> None:
    open_before = open_descriptors()

    with pytest.raises(BoomError), partial_file(tmp_path / "a" / "file"):
        raise BoomError

    assert names_in(tmp_path) == []
    assert open_descriptors() == open_before


@pytest.mark.usefixtures("no_locks")
def test_without_locks_files_of_others_are_left_alone(tmp_path: Path) -> None:
    others = tmp_path / f".file.0{PARTIAL_SUFFIX}"
    others.write_bytes(b"a living one's, perhaps")

    with partial_file(tmp_path / "file") as partial:
        partial.write(0, b"content")

    assert (tmp_path / "file").read_bytes() == b"content"
    assert others.read_bytes() == b"a living one's, perhaps"


@pytest.mark.usefixtures("no_locks")
def test_without_locks_nothing_is_noted_for_a_next_download(tmp_path: Path) -> None:
    with partial_file(tmp_path / "file", Content(7, b"name")) as partial:
        partial.write(0, b"content")
        partial.note(ByteRange(0, 7))
        assert partial.path.read_bytes() == b"content"

    assert (tmp_path / "file").read_bytes() == b"content"


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
