"""cp and mv over a client without an S3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from s3_integration import exceptions as exc
from tests.fixtures.shell import objects

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import CommandLine


def copying(source: str, target: str, **options: Any) -> dict[str, Any]:
    usual = {"deed": "copy", "source_bucket": "notes", "version_id": None, "if_exists": "overwrite"}
    return {**usual, "source_key": source, "target_key": target, **options}


def test_a_copy_within_s3_is_s3s_own_work(command_line: CommandLine) -> None:
    result = command_line.run("cp", "s3://notes/a b", "s3://other/c")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("copied s3://notes/a b to s3://other/c (1.5 KiB, ")
    assert command_line.client.options == copying("a b", "c")
    assert command_line.config
    assert command_line.config.bucket_name == "other"


@pytest.mark.parametrize(
    ("target", "key"),
    [
        ("s3://notes/f/", "f/b.txt"),
        ("s3://notes/", "b.txt"),
        ("s3://notes", "b.txt"),
        ("s3://notes/f", "f"),
    ],
)
def test_a_target_that_is_a_folder_keeps_the_name(
    command_line: CommandLine, report: Path, target: str, key: str
) -> None:
    command_line.run("cp", "s3://notes/a/b.txt", target)
    assert command_line.client.options == copying("a/b.txt", key)

    report.rename(report.with_name("b.txt"))
    command_line.run("cp", "b.txt", target)
    assert list(command_line.client.stored) == [key]


def test_every_choice_reaches_the_client(command_line: CommandLine) -> None:
    command_line.run(
        *("cp", "s3://notes/a", "s3://notes/b", "--version-id", "v1", "--if-exists", "fail"),
        *("--no-create-bucket", "--region", "eu-west-1", "--endpoint-url", "https://s3.example"),
    )

    assert command_line.client.options == copying("a", "b", version_id="v1", if_exists="fail")
    assert command_line.create_bucket is False
    assert command_line.config
    assert command_line.config.region == "eu-west-1"
    assert command_line.config.endpoint_url == "https://s3.example"


def test_a_local_source_is_uploaded(command_line: CommandLine, report: Path) -> None:
    result = command_line.run("cp", "report.txt", "s3://other/2026/a", "--if-exists", "fail")

    assert result.stdout.startswith("copied report.txt to s3://other/2026/a (1.5 KiB, ")
    assert command_line.client.stored == {"2026/a": report.read_bytes()}
    assert command_line.client.options == {"if_exists": "fail"}


@pytest.mark.usefixtures("report")
def test_a_local_target_is_downloaded_to(command_line: CommandLine, tmp_path: Path) -> None:
    command_line.client.stored["a/b.txt"] = b"content"

    result = command_line.run("cp", "s3://notes/a/b.txt", ".", "--version-id", "v1")

    assert result.stdout.startswith("copied s3://notes/a/b.txt to b.txt (7 B, ")
    assert (tmp_path / "b.txt").read_bytes() == b"content"
    assert command_line.client.options == {"version_id": "v1"}


@pytest.mark.usefixtures("report")
def test_the_slash_of_a_local_folder_reaches_the_client(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets: list[object] = []

    def download(_: object, __: str, local_path: str, **___: object) -> str:
        targets.append(local_path)
        return local_path

    monkeypatch.setattr(type(command_line.client), "download_file", download)

    command_line.run("cp", "s3://notes/a", "new/")

    assert targets == ["new/"]


@pytest.mark.usefixtures("report")
def test_programs_are_told_every_fact(command_line: CommandLine) -> None:
    command_line.client.stored["a"] = b"content"

    for words in (
        ("cp", "s3://notes/a", "s3://notes/b\n"),
        ("mv", "s3://notes/a", "s3://notes/b\n"),
        ("cp", "s3://notes/a", "copy"),
        ("cp", "report.txt", "s3://notes/b\n"),
    ):
        result = command_line.run(*words, "--json")
        (facts,) = objects(result.stdout)
        assert facts.pop("seconds") >= 0
        size = {"copy": 7}.get(words[2], 1536)
        assert facts == {"source": words[1], "target": words[2], "size": size}
        assert result.stderr == ""


def test_a_move_within_s3_is_the_clients(command_line: CommandLine) -> None:
    result = command_line.run("mv", "s3://notes/a", "s3://other/f/", "--if-exists", "fail")

    assert result.stdout.startswith("moved s3://notes/a to s3://other/f/a (1.5 KiB, ")
    assert command_line.client.options == {
        "deed": "move",
        "source_key": "a",
        "target_key": "f/a",
        "source_bucket": "notes",
        "if_exists": "fail",
    }


@pytest.mark.usefixtures("report")
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("cp", "report.txt", "copy"), "Both are local"),
        (("mv", "report.txt", "copy"), "s3i cp"),
        (("mv", "report.txt", "s3://notes/a"), "s3i cp"),
        (("mv", "s3://notes/a", "copy"), "s3i cp"),
        (("cp", "s3://notes/f/", "s3://notes/g"), "is a folder, not a file"),
        (("cp", "s3://notes", "copy"), "is a folder, not a file"),
        (("mv", "s3://notes/f/", "s3://notes/g"), "is a folder, not a file"),
        (("cp", ".", "s3://notes"), "'.' is a folder, not a file"),
        (("cp", "..", "s3://notes/g/"), "'..' is a folder, not a file"),
        (("cp", "s3://No/a", "copy"), "Invalid value for 'SOURCE'"),
        (("cp", "report.txt", "s3:/notes/a"), "Invalid value for 'TARGET'"),
        (("cp", "report.txt", ""), "it is empty"),
        (("cp", "report.txt", "https://x/y"), "neither s3://BUCKET/KEY nor a path"),
        (("cp", "report.txt", "s3://notes/a", "--version-id", "1"), "has no versions"),
        (("cp", "s3://notes/a", "copy", "--if-exists", "fail"), "is always replaced"),
        (("cp", "report.txt"), "Missing argument 'TARGET'"),
        (("cp", "a", "s3://notes/a", "--bucket", "notes"), "No such option"),
    ],
)
def test_what_makes_no_sense_is_refused(
    command_line: CommandLine, words: tuple[str, ...], problem: str
) -> None:
    command_line.client.stored["a"] = b"1"

    result = command_line.run(*words)

    assert (result.exit_code, result.stdout) == (2, "")
    assert problem in result.stderr
    assert command_line.client.stored == {"a": b"1"}
    assert command_line.client.options == {}


@pytest.mark.parametrize("command", ["cp", "mv"])
def test_a_source_that_is_not_there_is_not_found(command_line: CommandLine, command: str) -> None:
    command_line.client.failures["a"] = exc.S3FileNotFoundError("Nothing is there.")

    assert command_line.run(command, "s3://notes/a", "s3://notes/b").exit_code == 3


def test_a_local_source_that_is_not_there_is_told(
    command_line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert command_line.run("cp", "nothing", "s3://notes/b").exit_code == 1
