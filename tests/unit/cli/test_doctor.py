"""s3i doctor: what is printed, and what scripts can see."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from s3_integration.cli import doctor
from s3_integration.cli.app import s3i
from s3_integration.cli.screen import Screen
from s3_integration.doctor.report import HealthLine, HealthReport

if TYPE_CHECKING:
    from tests.unit.cli.conftest import CommandLine, FakeClient

GOOD = HealthLine("settings", "ok", "bucket 'notes'")
DUBIOUS = HealthLine("clock", "warning", "5 minutes behind", "Set region (AWS_REGION) to x.")
BAD = HealthLine("network", "failed", "no\x1banswer", "Check it.")
SKIPPED = [
    HealthLine(name, "warning", "not checked: S3 could not be reached")
    for name in ("TLS", "bucket")
]
LAST = HealthLine("write", "warning", "not checked: it would change the bucket")


def test_a_line_for_everything_with_what_to_do_below(
    command_line: CommandLine, client: FakeClient
) -> None:
    client.report = HealthReport((GOOD, DUBIOUS, BAD, *SKIPPED, LAST))

    result = command_line.run("doctor")

    assert result.stdout.splitlines() == [
        "ok       settings  bucket 'notes'",
        "warning  clock     5 minutes behind",
        "                   → Set --region (AWS_REGION) to x.",
        "failed   network   no\\x1banswer",
        "                   → Check it.",
        "not checked: TLS, bucket",
        "  since S3 could not be reached",
        "not checked: write",
        "  since it would change the bucket",
        "",
        "1 failed, 1 warning",
    ]
    assert result.exit_code == 1


def test_on_a_terminal_lines_break_between_words(
    client: FakeClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    long = "one two three four five six seven eight nine ten"
    lines = [HealthLine("clock", "warning", long, long), *SKIPPED * 8]
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    Screen().result({}, doctor._text_of(HealthReport(tuple(lines))))

    told = capsys.readouterr().out.splitlines()
    assert max(map(len, told)) < 50
    assert told[:5] == [
        "warning  clock   one two three four five six",
        "                 seven eight nine ten",
        "                 → one two three four five six",
        "                   seven eight nine ten",
        "not checked: TLS, bucket, TLS, bucket, TLS,",
    ]
    assert told[5].startswith("  bucket")


def test_warnings_are_no_failure(command_line: CommandLine, client: FakeClient) -> None:
    client.report = HealthReport((GOOD, DUBIOUS))

    assert command_line.run("doctor").exit_code == 0


@pytest.mark.parametrize(("options", "write"), [((), "no"), (("--write",), "yes")])
def test_something_is_written_only_where_it_is_asked_for(
    command_line: CommandLine, client: FakeClient, options: tuple[str, ...], write: str
) -> None:
    command_line.run("doctor", *options)

    assert client.options == {"write": write}


def test_as_json_it_is_one_object(command_line: CommandLine, client: FakeClient) -> None:
    client.report = HealthReport((GOOD, BAD))

    result = command_line.run("doctor", "--json")

    assert json.loads(result.stdout) == client.report.to_dict()
    assert result.exit_code == 1


def test_settings_that_make_no_client_are_a_line_as_well(
    monkeypatch: pytest.MonkeyPatch, shown_logs: list[Any]
) -> None:
    monkeypatch.setenv("S3_INTEGRATION_ENGINE", "steam")

    result = CliRunner(catch_exceptions=False).invoke(s3i, ["doctor"])

    assert result.exit_code == 1
    assert "failed   settings" in result.stdout
    assert "'steam' cannot be used" in result.stdout
    assert "since the settings cannot be used" in result.stdout
