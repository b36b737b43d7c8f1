"""The sandbox command over a sandbox that opens no socket."""

from __future__ import annotations

import json
import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from s3_integration.cli import edge, local
from s3_integration.config import S3Config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.cli.conftest import CommandLine

URL = "http://127.0.0.1:4321"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """How sandboxes were started; each runs until a Ctrl-C comes at once."""
    calls: list[dict[str, Any]] = []

    @contextmanager
    def sandbox(**arguments: Any) -> Iterator[S3Config]:
        calls.append(arguments | {"running": True})
        try:
            yield S3Config(arguments["bucket_name"], "us-east-1", "key", "word", endpoint_url=URL)
        finally:
            calls[-1]["running"] = False

    def interrupt() -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("s3_integration.sandbox.sandbox", sandbox)
    monkeypatch.setattr(local, "_wait_for_a_signal", interrupt)
    monkeypatch.delenv("S3_INTEGRATION_BUCKET", raising=False)
    return calls


def test_the_sandbox_runs_until_it_is_interrupted(
    command_line: CommandLine, started: list[dict[str, Any]]
) -> None:
    result = command_line.run("sandbox", "--port", "4321", "--bucket", "mine")

    assert result.exit_code == 130
    assert started == [{"bucket_name": "mine", "files": None, "port": 4321, "running": False}]
    assert result.stderr.endswith("s3i: Interrupted.\n")


def test_a_terminated_sandbox_stops_too(
    command_line: CommandLine, started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def terminate() -> NoReturn:
        raise edge.Terminated(15)

    monkeypatch.setattr(local, "_wait_for_a_signal", terminate)

    assert command_line.run("sandbox").exit_code == 143
    assert started[0]["running"] is False


def test_a_wait_that_ends_by_itself_is_no_failure(
    command_line: CommandLine, started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_wait_for_a_signal", lambda: None)

    assert command_line.run("sandbox").exit_code == 0
    assert started[0]["running"] is False


@pytest.mark.usefixtures("started")
def test_standard_output_is_lines_for_the_shell_and_nothing_else(
    command_line: CommandLine,
) -> None:
    result = command_line.run("sandbox")

    *exports, unset = [shlex.split(line) for line in result.stdout.splitlines()]
    assert [words[0] for words in exports] == ["export"] * len(exports)
    assert dict(words[1].split("=", 1) for words in exports) == {
        "AWS_ENDPOINT_URL_S3": URL,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "word",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "S3_INTEGRATION_BUCKET": "peerpilot-kiro-data",
    }
    assert unset == ["unset", "AWS_SESSION_TOKEN", "AWS_PROFILE"]


@pytest.mark.usefixtures("started")
def test_programs_get_the_same_as_one_object(command_line: CommandLine) -> None:
    result = command_line.run("sandbox", "--json", "--bucket", "mine")

    facts = json.loads(result.stdout)
    assert (facts["endpoint_url"], facts["bucket"]) == (URL, "mine")
    assert facts["environment"]["AWS_ENDPOINT_URL_S3"] == URL
    assert json.loads(result.stderr)["message"] == "Interrupted."


def test_a_folder_is_stored_to_begin_with(
    command_line: CommandLine, started: list[dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "link").symlink_to("a")

    result = command_line.run("sandbox", "--seed", str(tmp_path))

    assert started[0]["files"] == {"": tmp_path}
    assert result.stderr.startswith(f"1 file of {tmp_path} in s3://peerpilot-kiro-data/ (1 skipped")


@pytest.mark.usefixtures("started")
def test_a_folder_that_is_stored_whole_has_nothing_skipped(
    command_line: CommandLine, tmp_path: Path
) -> None:
    result = command_line.run("sandbox", "--seed", str(tmp_path))

    assert "skipped" not in result.stderr


@pytest.mark.parametrize(
    "arguments", [["--port", "65536"], ["--port", "x"], ["--seed", "missing"], ["--bucket", ""]]
)
def test_wrong_usage_starts_nothing(
    arguments: list[str], command_line: CommandLine, started: list[dict[str, Any]]
) -> None:
    result = command_line.run("sandbox", *arguments)

    assert (result.exit_code, started) == (2, [])
