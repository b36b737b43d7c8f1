"""Sources that may not change, and destinations that are looked at before any request."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from s3_integration.transfer import local
from s3_integration.transfer.folders import FileIn, OpenFolder
from s3_integration.transfer.local import check_destination, open_source
from tests.fixtures.failing import failing

SECOND_NS = 1_000_000_000


# Sources


def make_folder(path: Path) -> None:
    path.mkdir()


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.name)


def make_nothing(path: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("make", "error", "number"),
    [
        (make_nothing, FileNotFoundError, errno.ENOENT),
        (make_folder, IsADirectoryError, errno.EISDIR),
        (make_pipe, OSError, errno.EINVAL),
        (make_socket, OSError, errno.ENXIO),
    ],
)
def test_only_regular_files_are_sources(
    tmp_path: Path, make: Callable[[Path], None], error: type[OSError], number: int
) -> None:
    path = tmp_path / "source"
    make(path)

    with pytest.raises(error) as caught, open_source(path):
        pass

    assert (caught.value.errno, caught.value.filename) == (number, pytest.approx(str(path)))


def test_a_device_is_no_source() -> None:
    with (
        pytest.raises(OSError, match="it is a pipe, socket or device"),
        open_source(Path("/dev/zero")),
    ):
        pass


def test_an_unreadable_file_is_no_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "open", failing(PermissionError(errno.EACCES, "denied")))

    with pytest.raises(PermissionError), open_source(tmp_path / "a"):
        pass


def test_a_file_beyond_s3s_limit_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.touch()
    found = SimpleNamespace(st_mode=stat.S_IFREG, st_size=50_000 * 2**30 + 1, st_mtime_ns=0)
    monkeypatch.setattr(os, "fstat", lambda _: found)

    with pytest.raises(OSError, match="larger than the 50 TB that S3 allows") as caught:
        open_source(path).__enter__()

    assert caught.value.errno == errno.EFBIG


@pytest.mark.parametrize("make", [Path.touch, make_folder])
def test_a_source_is_closed_however_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "a")
    opened: list[int] = []
    real = os.open

    def note_and_open(path: Path, flags: int) -> int:
        opened.append(real(path, flags))
        return opened[-1]

    monkeypatch.setattr(os, "open", note_and_open)

    with contextlib.suppress(OSError), open_source(tmp_path / "a"):
        pass

    [descriptor] = opened
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


@pytest.mark.parametrize(
    ("mtime_ns", "now_ns", "is_fresh"),
    [
        (SECOND_NS + 1, SECOND_NS + 1, True),
        (SECOND_NS + 1, SECOND_NS + 20_000_000, True),
        (SECOND_NS + 1, SECOND_NS + 20_000_001, False),
        (SECOND_NS, 3 * SECOND_NS - 1, True),
        (SECOND_NS, 3 * SECOND_NS, False),
        (9 * SECOND_NS + 1, SECOND_NS, True),
    ],
    ids=["now", "same tick", "later", "coarse clock", "coarse clock, later", "from the future"],
)
def test_a_file_is_fresh_while_a_write_could_leave_its_time_as_it_is(
    mtime_ns: int, now_ns: int, is_fresh: bool
) -> None:
    assert local._is_fresh(mtime_ns, now_ns) is is_fresh


# Destinations, looked at before any request


@pytest.mark.parametrize("name", ["new", "new/folder/file", "old", "link to nothing"])
def test_a_file_can_be_put_where_none_or_another_file_is(tmp_path: Path, name: str) -> None:
    (tmp_path / "old").touch()
    (tmp_path / "link to nothing").symlink_to("nothing")

    check_destination(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("folder", IsADirectoryError),
        ("folder link", IsADirectoryError),
        ("pipe", OSError),
        ("file/below", NotADirectoryError),
        ("file/far/below", NotADirectoryError),
        ("loop", OSError),
        ("n" * 256, OSError),
    ],
)
def test_no_file_can_be_put_where_something_else_is(
    tmp_path: Path, name: str, error: type[OSError]
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder link").symlink_to("folder")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")

    with pytest.raises(error):
        check_destination(tmp_path / name)


def test_a_file_on_the_way_to_a_new_folder_is_found_before_any_request(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError):
        check_destination(Path("/dev/null/file"))


def test_a_folder_that_may_not_be_written_to_is_found_before_any_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Path, int]] = []
    monkeypatch.setattr(os, "access", lambda path, mode: asked.append((path, mode)))

    with pytest.raises(PermissionError, match="may not be written to"):
        check_destination(tmp_path / "new" / "file")

    assert asked[-1] == (tmp_path, os.W_OK | os.X_OK)


@pytest.mark.parametrize(
    ("name", "error"), [("folder", IsADirectoryError), ("pipe", OSError), ("n" * 256, OSError)]
)
def test_no_file_can_be_put_in_an_open_folder_where_something_else_is(
    tmp_path: Path, name: str, error: type[OSError]
) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(error):
        check_destination(FileIn(OpenFolder.open(tmp_path), name))


def test_an_open_folder_is_asked_once_whether_it_may_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = OpenFolder.open(tmp_path)
    answers = [False, True]
    monkeypatch.setattr(os, "access", lambda *_, **__: answers.pop(0))

    with pytest.raises(PermissionError, match="may not be written to"):
        check_destination(FileIn(folder, "a"))
    check_destination(FileIn(folder, "b"))
    check_destination(FileIn(folder, "c"))

    assert answers == []
