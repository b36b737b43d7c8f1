"""Locks tell the living from the killed, whatever these have forked."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from s3_integration.transfer import locks

_FORK = """
import os, signal, sys
from s3_integration.transfer import locks
path = sys.argv[1]
descriptor = os.open(path, os.O_RDWR)
assert locks.try_lock(descriptor)
if os.fork():
    signal.pause()
try:
    {in_child}
except OSError as error:
    print(type(error).__name__, flush=True)
print("ready", flush=True)
sys.stdin.read()
os._exit(0)
"""


@contextmanager
def parent_of_a_fork(path: Path, in_child: str) -> Iterator[tuple[subprocess.Popen[bytes], bytes]]:
    """A process that has locked `path`, and what the child said that it forked then.

    The child lives until the end of the block.
    """
    path.write_bytes(b"content")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", _FORK.format(in_child=in_child), str(path)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout
        lines = [parent.stdout.readline()]
        while lines[-1] not in {b"ready\n", b""}:
            lines.append(parent.stdout.readline())
        try:
            yield parent, b"".join(lines)
        finally:
            parent.kill()


def can_lock(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return locks.try_lock(descriptor)
    finally:
        locks.close(descriptor)


@pytest.mark.promise(9)
def test_a_killed_process_lock_ends_with_it_though_its_child_lives(tmp_path: Path) -> None:
    path = tmp_path / "file"

    with parent_of_a_fork(path, "pass") as (parent, _):
        while_it_lives = can_lock(path)
        parent.kill()
        parent.wait()
        after_its_end = can_lock(path)

    assert (while_it_lives, after_its_end) == (False, True)


@pytest.mark.parametrize(
    "in_child", ["os.close(descriptor)", "locks.close(descriptor)"], ids=["anyhow", "unlocking"]
)
def test_a_child_that_closes_its_copy_leaves_the_lock_to_its_parent(
    tmp_path: Path, in_child: str
) -> None:
    path = tmp_path / "file"

    with parent_of_a_fork(path, in_child):
        assert not can_lock(path)


@pytest.mark.parametrize(
    "in_child",
    [
        'os.pwrite(descriptor, b"the child\'s", 0)',
        "os.ftruncate(descriptor, 0)",
        "os.fchmod(descriptor, 0o777)",
    ],
)
def test_a_child_can_do_nothing_to_what_its_parent_has_locked(
    tmp_path: Path, in_child: str
) -> None:
    path = tmp_path / "file"
    path.touch(0o600)

    with parent_of_a_fork(path, in_child) as (_, said):
        assert said == b"OSError\nready\n"

    assert path.read_bytes() == b"content"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_was_closed_is_none_of_the_locked(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    assert locks.try_lock(descriptor)
    was_locked = locks.is_locked(descriptor)

    locks.close(descriptor)

    assert was_locked
    assert not locks.is_locked(descriptor)


def test_a_file_that_somebody_else_has_locked_is_none_of_ours(tmp_path: Path) -> None:
    first, second = (os.open(tmp_path, os.O_RDONLY) for _ in range(2))
    assert locks.try_lock(first)

    assert not locks.try_lock(second)

    assert not locks.is_locked(second)
    locks.close(second)
    assert not can_lock(tmp_path)
    locks.close(first)
    assert can_lock(tmp_path)


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    descriptor = os.open(tmp_path, os.O_RDONLY)

    with pytest.raises(locks.NoLocksError, match=os.strerror(code)):
        locks.try_lock(descriptor)

    assert not locks.is_locked(descriptor)
    os.close(descriptor)
