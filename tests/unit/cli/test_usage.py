"""What all commands have in common: settings, wrong usage, help, failures, the log."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from s3_integration import exceptions as exc
from tests.fixtures.shell import objects

if TYPE_CHECKING:

    from tests.unit.cli.conftest import CommandLine, FakeClient


def test_settings_of_the_command_line_reach_the_client(command_line: CommandLine) -> None:
    command_line.run(
        *("ls", "--bucket", "other", "--region", "eu-west-1"),
        *("--profile", "work", "--endpoint-url", "https://s3.example"),
    )

    config = command_line.config
    assert config is not None
    assert (config.bucket_name, config.region) == ("other", "eu-west-1")
    assert (config.profile_name, config.endpoint_url) == ("work", "https://s3.example")


def test_settings_that_were_not_given_are_left_to_the_library(command_line: CommandLine) -> None:
    command_line.run("ls")

    config = command_line.config
    assert config is not None
    assert (config.bucket_name, config.region) == ("", "")
    assert (config.profile_name, config.endpoint_url) == (None, None)
    assert (config.access_key_id, config.secret_access_key) == (None, None)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["upload"],
        ["upload", "a", "b", "c"],
        ["upload", "a", "--metadata", "novalue"],
        ["upload", "a", "--metadata", "=v"],
        ["upload", "a", "--tag", "k=1", "--tag", "k=2"],
        ["upload", "a", "--if-exists", "ask"],
        ["upload", "a", "--content-type", ""],
        ["download"],
        ["download", "k", "--version-id", ""],
        ["ls", "--bucket", ""],
        ["ls", "--bucket", "Not_A_Bucket"],
        ["ls", "--region", ""],
        ["ls", "--profile", ""],
        ["ls", "--endpoint-url", ""],
        ["ls", "--endpoint-url", "ftp://x"],
        ["ls", "--no-create-bucket"],
        ["cat"],
        ["cat", "a", "b"],
        ["cat", "a", "--version-id", ""],
        ["cat", "a", "--range", "2-1"],
        ["cat", "a", "--json"],
        ["exists"],
        ["info"],
        ["info", "a", "b"],
        ["info", "a", "--version-id", ""],
        ["rm"],
        ["rm", "a", ""],
        ["rm", "a", "b" * 1025],
        ["--bucket", "b", "ls"],
    ],
)
def test_wrong_usage_is_told_before_anything_is_done(
    arguments: list[str], command_line: CommandLine
) -> None:
    command_line.client.stored["a"] = b""

    result = command_line.run(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr
    assert command_line.client.stored == {"a": b""}


def test_options_in_the_wrong_place_are_told_where_they_belong(command_line: CommandLine) -> None:
    result = command_line.run("--bucket", "b", "ls")

    assert "Options come after the command" in result.stderr


def test_wrong_usage_names_the_help_to_read(command_line: CommandLine) -> None:
    result = command_line.run("upload")

    assert result.stderr.endswith("→ Run 's3i upload --help' to see what it takes.\n")


def test_no_command_at_all_shows_the_help(command_line: CommandLine) -> None:
    result = command_line.run()

    assert result.stderr.startswith("Usage: s3i ")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["ls", "--help"]])
def test_being_asked_for_help_is_no_failure(
    arguments: list[str], command_line: CommandLine
) -> None:
    result = command_line.run(*arguments)

    assert (result.exit_code, result.stderr) == (0, "")
    assert "s3i" in result.stdout


COMMANDS = [
    ["upload", "report.txt"],
    ["download", "a"],
    ["ls"],
    ["exists", "a"],
    ["info", "a"],
    ["rm", "a"],
    ["rm", "a", "--dry-run"],
]


@pytest.mark.usefixtures("report")
@pytest.mark.parametrize("arguments", COMMANDS)
@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (exc.S3IntegrationError("x"), 1),
        (exc.S3ConfigError("x"), 2),
        (exc.S3FileNotFoundError("x"), 3),
        (exc.S3IntegrationError("x", retryable=True), 75),
        (KeyboardInterrupt(), 130),
    ],
)
def test_every_command_fails_with_the_same_codes(
    arguments: list[str], failure: BaseException, code: int, command_line: CommandLine
) -> None:
    command_line.client.failures[""] = failure

    for_people = command_line.run(*arguments)
    for_programs = command_line.run(*arguments, "--json")

    assert (for_people.exit_code, for_people.stdout) == (code, "")
    assert for_people.stderr.startswith("s3i: ")
    assert for_people.stderr.count("\n") == 1
    assert (for_programs.exit_code, for_programs.stdout) == (code, "")
    assert len(objects(for_programs.stderr)) == 1


@pytest.mark.usefixtures("report")
@pytest.mark.parametrize("arguments", COMMANDS)
def test_every_command_sets_up_the_log_as_asked(
    arguments: list[str], command_line: CommandLine, client: FakeClient, shown_logs: list[Any]
) -> None:
    client.stored["a"] = b""

    for flags in ([], ["-v"], ["--debug"], ["--json"]):
        command_line.run(*arguments, *flags)

    assert [level for level, _ in shown_logs] == ["WARNING", "INFO", "DEBUG"]


def test_the_shell_can_ask_for_completions(command_line: CommandLine) -> None:
    words = {"_S3I_COMPLETE": "bash_complete", "COMP_WORDS": "s3i up", "COMP_CWORD": "1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in words.items():
            patch.setitem(os.environ, name, value)
        result = command_line.run()

    assert (result.exit_code, result.stdout) == (0, "plain,upload\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["upload", "report.txt", "s3://notes/2026/a"],
        ["upload", "s3://notes/2026/a"],
        ["download", "s3://notes/2026/a"],
        ["download", "k", "s3://notes/2026/a"],
        ["cat", "s3://notes/2026/a"],
        ["ls", "s3://notes/2026/a"],
        ["exists", "s3://notes/2026/a"],
        ["info", "s3://notes/2026/a"],
        ["rm", "k", "s3://notes/2026/a"],
    ],
)
@pytest.mark.usefixtures("report")
def test_urls_of_other_tools_are_refused_with_what_to_write(
    command_line: CommandLine, arguments: list[str]
) -> None:
    command_line.client.stored["k"] = b"1"

    result = command_line.run(*arguments)

    assert result.exit_code == 2
    assert "Write '2026/a' in its place, with --bucket 'notes'." in result.stderr
    assert list(command_line.client.stored) == ["k"]
