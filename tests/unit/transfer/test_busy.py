"""Folders that many downloads go to."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from s3_integration.transfer import partial
from s3_integration.transfer.busy import _MANY, _TRUSTED_SECONDS, BusyFolders
from s3_integration.transfer.folders import OpenFolder
from s3_integration.transfer.partial import PARTIAL_SUFFIX, partial_file


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return lambda seconds: now.__setitem__(0, now[0] + seconds)


def ask_often(busy: BusyFolders, folder: Path, times: int = _MANY) -> bool:
    """Ask for a file that is not there so many times; the last answer."""
    return [busy.holds_none(OpenFolder.open(folder), ".other.") for _ in range(times)][-1]


def test_a_folder_that_few_go_to_is_not_listed(tmp_path: Path, pass_time: object) -> None:
    assert not ask_often(BusyFolders(PARTIAL_SUFFIX), tmp_path, _MANY - 1)


def test_one_list_answers_for_all(tmp_path: Path, pass_time: object) -> None:
    busy = BusyFolders(PARTIAL_SUFFIX)
    (tmp_path / f".a.b.10{PARTIAL_SUFFIX}").touch()

    assert ask_often(busy, tmp_path)
    assert not busy.holds_none(OpenFolder.open(tmp_path), ".a.b.")
    assert busy.holds_none(OpenFolder.open(tmp_path), ".a.")


def test_a_list_is_not_believed_for_long(
    tmp_path: Path, pass_time: Callable[[float], None]
) -> None:
    busy = BusyFolders(PARTIAL_SUFFIX)
    assert ask_often(busy, tmp_path)

    pass_time(_TRUSTED_SECONDS * 1.01)

    assert not busy.holds_none(OpenFolder.open(tmp_path), ".other.")


def test_few_in_a_long_time_are_not_many(
    tmp_path: Path, pass_time: Callable[[float], None]
) -> None:
    busy = BusyFolders(PARTIAL_SUFFIX)

    for _ in range(3 * _MANY):
        assert not ask_often(busy, tmp_path, 1)
        pass_time(_TRUSTED_SECONDS / 10)


def test_a_relative_folder_is_never_answered_for(pass_time: object) -> None:
    assert not ask_often(BusyFolders(PARTIAL_SUFFIX), Path())


def test_a_folder_that_cannot_be_listed_is_never_answered_for(
    tmp_path: Path, pass_time: object
) -> None:
    busy, folder = BusyFolders(PARTIAL_SUFFIX), OpenFolder.open(tmp_path)
    folder.close()

    answers = [busy.holds_none(folder, ".other.") for _ in range(2 * _MANY)]

    assert not any(answers)


@pytest.mark.promise(9)
def test_what_killed_downloads_left_in_a_busy_folder_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pass_time: object
) -> None:
    monkeypatch.setattr(partial, "_busy_folders", BusyFolders(PARTIAL_SUFFIX))
    for name, number in (("a", 0), ("b", 3), ("ü", 9)):
        (tmp_path / f".{name}.{number}{PARTIAL_SUFFIX}").touch()
    for number in range(_MANY):
        with partial_file(tmp_path / str(number)):
            pass

    for name in ("a", "b", "ü"):
        with partial_file(tmp_path / name):
            pass

    assert not list(tmp_path.glob(f".*{PARTIAL_SUFFIX}"))
