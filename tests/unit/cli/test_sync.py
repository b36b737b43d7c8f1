"""The command for whole folders, on a client that moves nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from s3_integration.cli import bars
from s3_integration.cli.app import s3i
from s3_integration.cli.screen import Screen
from s3_integration.config import S3Config
from s3_integration.exceptions import S3AccessDeniedError, S3ConfigError
from s3_integration.models import FileResult, FolderProgress, TransferReport

REPORT = TransferReport(
    done=[
        FileResult("upload", "p/a\x1b", "src/a\x1b", 1536, "new"),
        FileResult("download", "p/b", "dst/b", 1, "newer"),
        FileResult("delete", "p/c", "", 9, "extra"),
    ],
    skipped=[
        FileResult("upload", "p/d", "src/d", 1, "unchanged"),
        FileResult("upload", "p/e", "src/e", 1, "symlink"),
    ],
    failed=[],
    size_bytes=1537,
    seconds=2.04,
)
DENIED = S3AccessDeniedError("Cannot upload 'x'.", suggestion="Allow it.")
FAILED = TransferReport([], [], [FileResult("upload", "p/x", "x", 1, "new", DENIED)], 0, 0.0)


@dataclass
class FakeFolders:
    """Remembers which call was made, and gives the report of a test."""

    report: TransferReport = REPORT
    bucket_name: str = ""
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def open(self, config: S3Config, *, create_bucket: bool) -> FakeFolders:
        self.bucket_name = config.bucket_name
        self.create_bucket = create_bucket
        return self

    def _called(self, name: str, *sides: object, **choices: Any) -> TransferReport:
        self.calls.append((name, self.bucket_name, *sides, choices))
        return self.report

    def upload_directory(self, *sides: object, **choices: Any) -> TransferReport:
        return self._called("upload", *sides, **choices)

    def download_directory(self, *sides: object, **choices: Any) -> TransferReport:
        return self._called("download", *sides, **choices)

    def copy_directory(self, *sides: object, **choices: Any) -> TransferReport:
        return self._called("copy", *sides, **choices)

    def delete_directory(self, *sides: object, **choices: Any) -> TransferReport:
        return self._called("delete", *sides, **choices)


@pytest.fixture
def folders(shown_logs: list[Any]) -> FakeFolders:
    assert shown_logs == []
    return FakeFolders()


def run(folders: FakeFolders, *words: str) -> Result:
    return CliRunner(catch_exceptions=False).invoke(s3i, words, obj=folders.open)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("src", "s3://notes/p/", ("upload", "notes", Path("src"), "p/")),
        ("s3://notes/p", "dst", ("download", "notes", "p", Path("dst"))),
        ("s3://notes", ".", ("download", "notes", "", Path())),
        ("s3://other/p", "s3://notes/q", ("copy", "notes", "p", "q")),
    ],
)
def test_the_sides_say_which_way_files_go(
    folders: FakeFolders, source: str, target: str, expected: tuple[object, ...]
) -> None:
    assert run(folders, "sync", source, target).exit_code == 0

    *call, choices = folders.calls[0]
    assert tuple(call) == expected
    assert choices.pop("source_bucket", "other") == "other"
    assert choices == {
        "include": (),
        "exclude": (),
        "only_changed": True,
        "compare": "size_and_time",
        "delete_extra": False,
        "empty_source": "refuse",
        "dry_run": False,
        "progress": None,
    }


def test_options_reach_the_client_in_their_order(folders: FakeFolders) -> None:
    words = (
        *("--exclude", "*.log", "--exclude", "!keep.log", "--include", "*.csv", "--delete"),
        *("--checksum", "--dry-run", "--follow-symlinks", "--allow-empty-source"),
        "--no-create-bucket",
    )

    run(folders, "sync", "src", "s3://notes/p", *words)

    choices = folders.calls[0][-1]
    assert choices["exclude"] == ("*.log", "!keep.log")
    assert choices["include"] == ("*.csv",)
    assert choices["compare"] == "checksum"
    assert choices["symlinks"] == "follow"
    assert choices["empty_source"] == "allow"
    assert choices["dry_run"]
    assert choices["delete_extra"]
    assert not folders.create_bucket


def test_each_file_that_changed_has_a_line_and_all_of_them_a_table(folders: FakeFolders) -> None:
    ended = run(folders, "sync", "src", "s3://notes/p")

    assert ended.stdout.splitlines() == [
        r"uploaded src/a\x1b to s3://notes/p/a\x1b (new)",
        "downloaded s3://notes/p/b to dst/b (newer)",
        "deleted s3://notes/p/c (extra)",
        "skipped src/e to s3://notes/p/e (symlink)",
    ]
    assert ended.stderr.splitlines() == [
        "moved      2 files, 1.5 KiB",
        "deleted    1 file",
        "unchanged  1 file",
        "skipped    1 file",
        "time       2.0 s",
    ]


def test_a_dry_run_says_what_would_be_done(folders: FakeFolders) -> None:
    ended = run(folders, "sync", "src", "s3://notes/p", "--dry-run")

    assert ended.stdout.splitlines()[2] == "would delete s3://notes/p/c (extra)"
    assert "would move    2 files" in ended.stderr
    assert "failed" not in ended.stderr


@pytest.mark.parametrize(
    ("words", "told", "code"),
    [
        (("sync", "s3://notes/q", "dst"), "no files in s3://notes/q", 0),
        (("rm", "-r", "q", "--bucket", "notes"), "nothing there: s3://notes/q", 3),
    ],
)
def test_a_folder_without_files_is_told_so(
    folders: FakeFolders, words: tuple[str, ...], told: str, code: int
) -> None:
    folders.report = TransferReport([], [], [], 0, 0.0)

    ended = run(folders, *words)

    assert (ended.stdout, ended.stderr, ended.exit_code) == ("", f"{told}\n", code)


def test_a_failure_counts_more_than_a_folder_that_is_not_there(
    folders: FakeFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = iter([TransferReport([], [], [], 0, 0.0), FAILED])
    monkeypatch.setattr(folders, "delete_directory", lambda *_, **__: next(reports))

    assert run(folders, "rm", "-r", "a", "b", "--bucket", "notes").exit_code == 1


def test_the_whole_bucket_is_no_folder_to_remove(folders: FakeFolders) -> None:
    ended = run(folders, "rm", "-r", "a", "", "--bucket", "notes")

    assert ended.exit_code == 2
    assert folders.calls == []


def test_json_has_a_line_for_each_file_and_one_for_all(folders: FakeFolders) -> None:
    ended = run(folders, "sync", "src", "s3://notes/p", "--json")

    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [line.get("outcome") for line in lines] == ["done"] * 3 + ["skipped"] * 2 + [None]
    assert (lines[0]["bucket"], lines[0]["key"]) == ("notes", "p/a\x1b")
    assert lines[-1] == {
        "moved": 2,
        "deleted": 1,
        "unchanged": 1,
        "skipped": 1,
        "failed": 0,
        "size": 1537,
        "seconds": 2.04,
        "dry_run": False,
    }
    assert not ended.stderr


@pytest.mark.parametrize("as_json", [True, False])
def test_one_failure_makes_the_exit_code_1(folders: FakeFolders, as_json: bool) -> None:
    folders.report = FAILED

    ended = run(folders, "sync", "src", "s3://notes/p", *["--json"] * as_json)

    assert ended.exit_code == 1
    where = ended.stdout if as_json else ended.stderr
    assert "Cannot upload 'x'." in where
    assert "Allow it." in where


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("src", "dst"), "Both are local"),
        (("s3://notes/p", "dst", "--follow-symlinks"), "local SOURCE"),
        (("https://notes/p", "dst"), "SOURCE"),
        (("src", "s3://No/p"), "TARGET"),
        (("src",), "Missing argument"),
    ],
)
def test_nonsense_is_refused(folders: FakeFolders, words: tuple[str, ...], told: str) -> None:
    ended = run(folders, "sync", *words)

    assert ended.exit_code == 2
    assert told in ended.stderr
    assert folders.calls == []


def test_rm_recursive_deletes_folders(folders: FakeFolders) -> None:
    ended = run(folders, "rm", "-r", "a", "b/", "a", "--dry-run", "--bucket", "notes")

    assert ended.exit_code == 0
    assert [(call[0], call[2], call[-1]["dry_run"]) for call in folders.calls] == [
        ("delete", "a", True),
        ("delete", "b/", True),
    ]


def test_a_refusal_speaks_the_words_of_the_shell(
    folders: FakeFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> TransferReport:
        raise S3ConfigError("Empty.", suggestion="Say so with empty_source='allow'.")

    monkeypatch.setattr(folders, "upload_directory", refuse)

    ended = run(folders, "sync", "src", "s3://notes/p", "--delete")

    assert ended.exit_code == 2
    assert "--allow-empty-source" in ended.stderr


def test_progress_stays_one_line_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, shown_logs: list[Any]
) -> None:
    monkeypatch.setattr(Screen, "has_bars", True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "58")
    seen = FolderProgress(
        files_done=32,
        files_skipped=0,
        files_failed=0,
        bytes_done=107 * 2**20,
        files_known=403,
        bytes_known=179 * 2**20,
        is_all_known=True,
        seconds=4.0,
    )

    with bars.folder_meter(Screen()) as show:
        assert show is not None
        show(seen)

    shown = click.unstyle(capsys.readouterr().err)
    assert shown.count("\n") == 1
    assert "107.0/179.0 MiB 26.8 MiB/s" in shown
    assert shown_logs


@pytest.mark.parametrize(("options", "goes_on"), [((), True), (("--dry-run",), False)])
def test_who_interrupts_it_learns_that_the_same_command_goes_on(
    folders: FakeFolders, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], goes_on: bool
) -> None:
    def press_ctrl_c(*_: object, **__: object) -> TransferReport:
        raise KeyboardInterrupt

    monkeypatch.setattr(folders, "upload_directory", press_ctrl_c)

    ended = run(folders, "sync", "src", "s3://notes/p", *options)

    assert ended.exit_code == 130
    assert ended.stderr.startswith("s3i: Interrupted.\n")
    assert ("same command" in ended.stderr) is goes_on


def test_progress_is_one_line_that_is_wiped_away(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, shown_logs: list[Any]
) -> None:
    monkeypatch.setattr(Screen, "has_bars", True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    seen = FolderProgress(
        files_done=3,
        files_skipped=1500,
        files_failed=1,
        bytes_done=2048,
        files_known=9,
        bytes_known=4096,
        is_all_known=True,
        seconds=2.0,
    )

    with bars.folder_meter(Screen()) as show:
        assert show is not None
        show(seen)

    shown = click.unstyle(capsys.readouterr().err)
    assert "3 of 9 files, 1,500 skipped, 1 failed" in shown
    assert "2.0/4.0 KiB" in shown
    assert "1.0 KiB/s" in shown
    assert len(shown_logs) == 2
