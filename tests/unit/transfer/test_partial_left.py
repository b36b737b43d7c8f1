"""Temporary files that killed downloads left: swept by the next one, and told from the living's."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from s3_integration.transfer.notes import Content
from s3_integration.transfer.partial import PARTIAL_SUFFIX, partial_file, sweep_abandoned
from s3_integration.utils import ByteRange
from tests.fixtures.failing import failing
from tests.fixtures.partial_files import BoomError, names_in, open_descriptors


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
