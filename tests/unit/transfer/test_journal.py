"""Records of uploads under way."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path
from typing import NoReturn

import pytest

from s3_integration.transfer import journal, resume
from s3_integration.transfer.journal import ObjectRecords, UploadRecord, uploads_folder
from tests.unit.transfer.test_resume import COMPLETING, INTENT, STARTED


def records_in(folder: Path, key: str = "k") -> ObjectRecords:
    return ObjectRecords(folder, "https://s3.example.org", "b", key)


def new_record(folder: Path) -> UploadRecord:
    record = records_in(folder).new(INTENT)
    assert record
    return record


def remembered_by_the_killed(folder: Path) -> list[resume.Remembered | None]:
    left = list(records_in(folder).of_the_killed())
    for record in left:
        record.close()
    return [record.remembered for record in left]


def test_what_a_process_wrote_is_found_once_it_is_no_more(tmp_path: Path) -> None:
    record = new_record(tmp_path)
    record.append(resume.started_line("new", "CRC64NVME"))
    record.append(resume.completing_line())
    record.close()

    assert remembered_by_the_killed(tmp_path) == [COMPLETING]


def test_the_record_of_a_living_process_is_in_use_and_no_killed_ones(tmp_path: Path) -> None:
    first = new_record(tmp_path)
    first.append(resume.started_line("new", "CRC64NVME"))
    second = new_record(tmp_path)

    assert remembered_by_the_killed(tmp_path) == []
    assert records_in(tmp_path).in_use() == [STARTED, INTENT]
    assert records_in(tmp_path).in_use(except_for=[first.path]) == [INTENT]
    assert records_in(tmp_path, "another key").in_use() == []
    first.close()
    assert records_in(tmp_path).in_use() == [INTENT]
    second.close()


def test_a_living_processs_record_is_in_use_on_nfs_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Linux locks files on NFS by fcntl there, which wants them open for writing (flock(2)).
    flock = fcntl.flock

    def flock_of_nfs(descriptor: int, operation: int) -> None:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock_of_nfs)
    record = new_record(tmp_path)

    assert records_in(tmp_path).in_use() == [INTENT]
    record.close()


def test_a_record_where_locks_are_no_more_may_be_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_record(tmp_path).close()

    def refuse(*_: object) -> NoReturn:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)

    assert records_in(tmp_path).in_use() == [INTENT]
    assert remembered_by_the_killed(tmp_path) == []


def test_a_record_that_has_no_line_yet_is_in_use(tmp_path: Path) -> None:
    record = new_record(tmp_path)
    os.truncate(record.path, 0)

    assert records_in(tmp_path).in_use() == [None]
    record.close()


def test_a_forgotten_upload_leaves_nothing(tmp_path: Path) -> None:
    record = new_record(tmp_path)

    record.remove()
    record.close()

    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_a_record_is_closed_closes_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = new_record(tmp_path)
    really_close = os.close
    closed = list[int]()

    def close_and_be_interrupted(descriptor: int) -> None:
        closed.append(descriptor)
        really_close(descriptor)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "close", close_and_be_interrupted)
    with pytest.raises(KeyboardInterrupt):
        record.close()
    record.close()
    monkeypatch.undo()

    assert len(closed) == 1


def test_only_the_killed_ones_record_of_an_upload_is_forgotten_by_its_name(tmp_path: Path) -> None:
    killed, living = new_record(tmp_path), new_record(tmp_path)
    for record in (killed, living):
        record.append(resume.started_line("new", "CRC64NVME"))
    killed.close()

    records_in(tmp_path).forget("another")
    assert len(list(tmp_path.iterdir())) == 2
    records_in(tmp_path).forget("new")

    assert [str(path) for path in tmp_path.iterdir()] == [living.path]
    living.close()


def test_a_torn_line_does_not_spoil_the_next(tmp_path: Path) -> None:
    record = new_record(tmp_path)
    record.append(b'{"upload_id": "tor')
    record.close()
    [found] = records_in(tmp_path).of_the_killed()

    found.append(resume.started_line("new", "CRC64NVME"))
    found.close()

    assert remembered_by_the_killed(tmp_path) == [STARTED]


def test_a_record_is_for_its_owner_alone(tmp_path: Path) -> None:
    record = new_record(tmp_path)

    assert stat.S_IMODE(Path(record.path).stat().st_mode) == 0o600
    record.close()


def test_more_uploads_of_one_key_than_have_room_are_not_remembered(tmp_path: Path) -> None:
    records = [new_record(tmp_path) for _ in range(16)]

    assert records_in(tmp_path).new(INTENT) is None
    for record in records:
        record.close()


def test_a_link_in_place_of_a_record_is_not_followed(tmp_path: Path) -> None:
    record = new_record(tmp_path)
    record.close()
    other = tmp_path / "other"
    Path(record.path).rename(other)
    Path(record.path).symlink_to(other)

    assert remembered_by_the_killed(tmp_path) == []
    assert other.stat().st_size


def test_a_record_that_another_process_took_first_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([False, True])
    monkeypatch.setattr(journal, "try_lock", lambda _: next(answers))

    record = new_record(tmp_path)

    assert record.path.endswith(".1.jsonl")
    record.close()


def test_a_file_system_without_locks_is_an_error_that_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(_: int) -> NoReturn:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(journal, "try_lock", no_locks)

    with pytest.raises(OSError, match="No locks"):
        new_record(tmp_path)

    assert list(tmp_path.iterdir()) == []


# Where they are kept


def test_records_are_kept_in_a_folder_of_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    folder = uploads_folder()

    assert folder == tmp_path / "s3_integration" / "uploads"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_user_without_a_home_has_no_such_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)

    assert uploads_folder() is None


def test_a_folder_that_cannot_be_made_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s3_integration").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    assert uploads_folder() is None


@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_folder_that_others_may_write_to_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = uploads_folder()
    assert folder
    folder.chmod(mode)

    assert uploads_folder() is None
