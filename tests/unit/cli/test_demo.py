"""The demo over a client without an S3, so that it can be made to fail."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import s3_integration
from s3_integration.cli import trial
from s3_integration.config import S3Config
from s3_integration.exceptions import S3DownloadError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.cli.conftest import CommandLine, FakeClient


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made, with a sandbox of no sockets and a smaller large file."""

    @contextmanager
    def sandbox() -> Iterator[S3Config]:
        yield S3Config(endpoint_url="http://127.0.0.1:4321")

    monkeypatch.setattr("s3_integration.sandbox.sandbox", sandbox)
    monkeypatch.setattr(trial, "LARGE_FILE_SIZE_BYTES", 3 * 1024 * 1024)
    path = tmp_path / "scratch"
    path.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(path))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files, one of them empty, and a link."""
    path = tmp_path / "folder"
    (path / "sub").mkdir(parents=True)
    (path / "a.txt").write_bytes(b"1234")
    (path / "sub" / "empty").write_bytes(b"")
    (path / "link").symlink_to("a.txt")
    return path


def test_a_demo_in_which_all_is_equal_ends_well(
    command_line: CommandLine, folder: Path, scratch: Path
) -> None:
    result = command_line.run("demo", str(folder))

    assert result.exit_code == 0
    assert "Every byte came back as it was, and nothing was left over." in result.stderr
    assert "2 files of" in result.stderr
    assert "1 left out" in result.stderr
    assert (list(scratch.iterdir()), command_line.client.stored) == ([], {})


@pytest.mark.usefixtures("scratch")
def test_the_table_has_a_row_for_each_step_and_fits_80_columns(
    command_line: CommandLine, folder: Path
) -> None:
    result = command_line.run("demo", str(folder))

    for step in ("upload", "list", "download", "compare", "delete"):
        (row,) = [line for line in result.stdout.splitlines() if step in line]
        assert "3,145,732" in row
    assert max(len(line) for line in result.stdout.splitlines()) <= 80


@pytest.mark.usefixtures("scratch")
def test_programs_get_one_object_per_step_and_the_verdict(
    command_line: CommandLine, folder: Path
) -> None:
    result = command_line.run("demo", str(folder), "--json")

    *steps, verdict = [json.loads(line) for line in result.stdout.splitlines()]
    assert [step["step"] for step in steps] == ["upload", "list", "download", "compare", "delete"]
    assert {step["files"] for step in steps} == {3}
    assert {step["bytes"] for step in steps} == {3 * 1024 * 1024 + 4}
    assert steps[0]["megabytes_per_second"] > 0
    assert steps[1]["megabytes_per_second"] is None
    assert verdict == {"equal": True, "problems": []}
    assert result.stderr == ""


def other_bytes(client: FakeClient) -> None:
    client.stored["demo/files/a.txt"] = b"123X"


def another_size(client: FakeClient) -> None:
    client.stored["demo/files/a.txt"] += b"5"


def one_more_file(client: FakeClient) -> None:
    client.stored["demo/unasked"] = b""


@pytest.mark.usefixtures("scratch")
@pytest.mark.parametrize(
    ("damage", "problems"),
    [
        (other_bytes, ["'demo/files/a.txt' came back with other bytes"]),
        (
            another_size,
            [
                "'demo/files/a.txt' is listed with 5 bytes, it has 4",
                "'demo/files/a.txt' came back with other bytes",
            ],
        ),
        (
            one_more_file,
            [
                "'demo/unasked' is listed with 0 bytes, it has None",
                "'demo/unasked' is still there after everything was deleted",
            ],
        ),
    ],
)
def test_any_difference_is_a_failure(
    damage: Any,
    problems: list[str],
    command_line: CommandLine,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload = trial.Trial._upload

    def upload_and_damage(self: trial.Trial, progress: Any) -> None:
        upload(self, progress)
        damage(command_line.client)

    monkeypatch.setattr(trial.Trial, "_upload", upload_and_damage)

    for_programs = command_line.run("demo", str(folder), "--json")
    command_line.client.stored.clear()
    for_people = command_line.run("demo", str(folder))

    verdict = json.loads(for_programs.stdout.splitlines()[-1])
    assert verdict == {"equal": False, "problems": problems}
    assert (for_programs.exit_code, for_people.exit_code) == (1, 1)
    assert all(f"- {problem}\n" in for_people.stderr for problem in problems)
    assert "Every byte" not in for_people.stderr


def test_a_file_that_is_gone_before_its_deletion_is_a_difference(
    client: FakeClient, folder: Path, tmp_path: Path
) -> None:
    sources = {"a": folder / "a.txt"}
    run = trial.Trial(client, sources, tmp_path / "copies")  # type: ignore[arg-type]

    for step in run.steps(lambda _: nullcontext(lambda *_: None)):
        if step.step == "compare":
            client.stored.clear()

    assert run.problems == ["'a' was gone before it was deleted"]


def test_equal_sizes_and_times_do_not_pass_for_equal_bytes(
    client: FakeClient, folder: Path, tmp_path: Path
) -> None:
    source, copy = folder / "a.txt", tmp_path / "copies" / "a"
    run = trial.Trial(client, {"a": source}, copy.parent)  # type: ignore[arg-type]

    for step in run.steps(lambda _: nullcontext(lambda *_: None)):
        if step.step == "download":
            copy.write_bytes(b"123X")
            os.utime(copy, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))

    assert run.problems == ["'a' came back with other bytes"]


def test_a_failure_in_the_middle_leaves_nothing_behind(
    command_line: CommandLine, folder: Path, scratch: Path
) -> None:
    command_line.client.failures["demo/large.bin"] = S3DownloadError("No.")

    result = command_line.run("demo", str(folder))

    assert (result.exit_code, list(scratch.iterdir())) == (1, [])


def test_an_interrupt_in_the_middle_leaves_nothing_behind(
    command_line: CommandLine, folder: Path, scratch: Path
) -> None:
    command_line.client.failures["demo/large.bin"] = KeyboardInterrupt()

    result = command_line.run("demo", str(folder))

    assert (result.exit_code, list(scratch.iterdir())) == (130, [])


@pytest.mark.usefixtures("scratch")
@pytest.mark.parametrize("name", ["missing", "empty", "file"])
def test_a_folder_without_files_is_wrong_usage(
    name: str, command_line: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_bytes(b"")

    result = command_line.run("demo", str(tmp_path / name))

    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.usefixtures("scratch")
def test_without_a_folder_the_project_shows_itself(command_line: CommandLine) -> None:
    result = command_line.run("demo")

    package = Path(s3_integration.__file__).parent
    assert f"files of {trial.default_folder(package)}" in result.stderr
    assert result.exit_code == 0


def test_a_checkout_shows_its_documents_and_an_installation_its_source(tmp_path: Path) -> None:
    package = tmp_path / "s3_integration"
    assert trial.default_folder(package) == package

    (tmp_path / "docs").mkdir()
    assert trial.default_folder(package) == package  # somebody else's documents

    (tmp_path / "pyproject.toml").write_bytes(b"")
    assert trial.default_folder(package) == tmp_path / "docs"


def test_caches_that_python_may_rewrite_are_left_out(folder: Path) -> None:
    (folder / "sub" / "__pycache__").mkdir()
    (folder / "sub" / "__pycache__" / "x.pyc").write_bytes(b"")

    sources, skipped = trial.collect(folder)

    assert sources == {
        "demo/files/a.txt": folder / "a.txt",
        "demo/files/sub/empty": folder / "sub" / "empty",
    }
    assert skipped == 1


def test_progress_of_one_file_counts_on_from_those_before(
    client: FakeClient, folder: Path, tmp_path: Path
) -> None:
    (folder / "b.txt").write_bytes(b"56")
    sources = {"a": folder / "a.txt", "b": folder / "b.txt"}
    told: list[tuple[int, int]] = []
    run = trial.Trial(client, sources, tmp_path / "copies")  # type: ignore[arg-type]

    next(run.steps(lambda _: nullcontext(lambda *progress: told.append(progress))))

    assert told == [(4, 6), (6, 6)]


@pytest.mark.parametrize(
    ("seconds", "moves_bytes", "speed"), [(2.0, True, 1.5), (2.0, False, None), (0.0, True, None)]
)
def test_speed_is_told_where_bytes_move(
    *, seconds: float, moves_bytes: bool, speed: float | None
) -> None:
    step = trial.Step("upload", 1, 3_000_000, seconds, moves_bytes)

    assert step.to_dict() == {
        "step": "upload",
        "files": 1,
        "bytes": 3_000_000,
        "seconds": seconds,
        "megabytes_per_second": speed,
    }
