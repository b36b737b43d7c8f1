"""upload, download, ls, exists, info and rm over a client without an S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from s3_integration import S3Checksum, S3FileInfo
from s3_integration import exceptions as exc
from s3_integration.cli.screen import Screen
from tests.fixtures.shell import objects
from tests.unit.cli.conftest import STORED_AT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.cli.conftest import CommandLine


def test_upload_tells_where_the_file_went(command_line: CommandLine, report: Path) -> None:
    result = command_line.run("upload", "report.txt", "2026/a b.txt")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("uploaded report.txt to s3://notes/2026/a b.txt (1.5 KiB, ")
    assert command_line.client.stored == {"2026/a b.txt": report.read_bytes()}


def test_upload_takes_the_name_of_the_file_for_its_key(
    command_line: CommandLine, report: Path
) -> None:
    command_line.run("upload", str(report))

    assert list(command_line.client.stored) == ["report.txt"]


@pytest.mark.usefixtures("report")
def test_upload_hands_on_every_option(command_line: CommandLine) -> None:
    result = command_line.run(
        *("upload", "report.txt", "--content-type", "text/x", "--if-exists", "fail"),
        *("--metadata", "a=1", "--metadata", "b=x=y", "--tag", "c="),
    )

    assert result.exit_code == 0
    assert command_line.client.options == {
        "content_type": "text/x",
        "if_exists": "fail",
        "metadata": {"a": "1", "b": "x=y"},
        "tags": {"c": ""},
    }


@pytest.mark.usefixtures("report")
def test_upload_leaves_to_the_client_what_was_not_said(command_line: CommandLine) -> None:
    command_line.run("upload", "report.txt")

    assert command_line.client.options == {
        "content_type": None,
        "if_exists": "overwrite",
        "metadata": None,
        "tags": None,
    }


@pytest.mark.usefixtures("report")
@pytest.mark.parametrize(("flags", "may_create"), [([], True), (["--no-create-bucket"], False)])
def test_upload_creates_the_bucket_unless_told_not_to(
    *, command_line: CommandLine, flags: list[str], may_create: bool
) -> None:
    command_line.run("upload", "report.txt", *flags)

    assert command_line.create_bucket is may_create


@pytest.mark.usefixtures("report")
def test_upload_tells_programs_every_fact(command_line: CommandLine) -> None:
    result = command_line.run("upload", "report.txt", "k\n", "--json")

    (facts,) = objects(result.stdout)
    assert facts.pop("seconds") >= 0
    assert facts == {"key": "k\n", "bucket": "notes", "local_path": "report.txt", "size": 1536}
    assert result.stderr == ""


@pytest.mark.usefixtures("report")
def test_a_key_that_looks_like_a_folder_is_not_taken_for_one(command_line: CommandLine) -> None:
    result = command_line.run("upload", "report.txt", "2026/")

    assert result.exit_code == 2
    assert "Write it out: '2026/report.txt'." in result.stderr
    assert command_line.client.stored == {}


@pytest.mark.usefixtures("report")
def test_download_writes_into_the_current_folder_by_default(
    command_line: CommandLine, tmp_path: Path
) -> None:
    command_line.client.stored["a/b.txt"] = b"content"

    result = command_line.run("download", "a/b.txt")

    assert (tmp_path / "b.txt").read_bytes() == b"content"
    assert result.stdout.startswith("downloaded s3://notes/a/b.txt to b.txt (7 B, ")
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.usefixtures("report")
def test_download_tells_programs_every_fact(command_line: CommandLine) -> None:
    command_line.client.stored["a"] = b"content"

    result = command_line.run("download", "a", "c", "--version-id", "v1", "--json")

    (facts,) = objects(result.stdout)
    assert facts.pop("seconds") >= 0
    assert facts == {"key": "a", "bucket": "notes", "local_path": "c", "size": 7}
    assert command_line.client.options == {"version_id": "v1"}


def test_ls_aligns_size_time_and_key_and_sums_up_apart(command_line: CommandLine) -> None:
    command_line.client.stored |= {"a": b"x" * 1536, "b\x1b[31m": b"", "c": b"x" * 1023}

    result = command_line.run("ls")

    assert result.stdout.splitlines() == [
        "1.5 KiB  2026-01-31 18:06:11Z  a",
        "    0 B  2026-01-31 18:06:11Z  b\\x1b[31m",
        " 1023 B  2026-01-31 18:06:11Z  c",
    ]
    assert result.stderr == "3 files, 2.5 KiB in s3://notes/\n"
    assert result.exit_code == 0


def test_ls_prints_files_while_others_are_still_listed(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed: list[str] = []
    monkeypatch.setattr(Screen, "result", lambda _, facts, text: printed.append(text))

    def listed(_: str) -> Iterator[S3FileInfo]:
        for number in range(2500):
            assert len(printed) >= number - 1000
            yield S3FileInfo(f"{number:04}", 1, STORED_AT, "e", "STANDARD")

    monkeypatch.setattr(command_line.client, "iter_files", listed)

    result = command_line.run("ls")

    assert len(printed) == 2500
    assert result.stderr == "2,500 files, 2.4 KiB in s3://notes/\n"


def test_ls_of_nothing_is_no_failure(command_line: CommandLine) -> None:
    result = command_line.run("ls", "no\nsuch/")

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "0 files, 0 B in s3://notes/no\\nsuch/\n"


def test_ls_gives_programs_exact_keys_and_nothing_else(command_line: CommandLine) -> None:
    keys = ["\x1b[31m", "a\nb", "\u202e", "ä"]
    command_line.client.stored |= dict.fromkeys(keys, b"x")

    result = command_line.run("ls", "--json")

    assert sorted(file["key"] for file in objects(result.stdout)) == sorted(keys)
    assert result.stderr == ""
    assert objects(result.stdout)[0] | {"key": ""} == {
        "key": "",
        "size": 1,
        "last_modified": "2026-01-31T18:06:11+00:00",
        "etag": "e",
        "storage_class": "STANDARD",
    }


@pytest.mark.parametrize(
    ("key", "code", "said"),
    [("a", 0, "s3://notes/a exists\n"), ("b", 3, "s3://notes/b does not exist\n")],
)
def test_exists_answers_by_its_exit_code(
    key: str, code: int, said: str, command_line: CommandLine
) -> None:
    command_line.client.stored["a"] = b""

    result = command_line.run("exists", key)

    assert (result.exit_code, result.stdout, result.stderr) == (code, said, "")


@pytest.mark.parametrize(("key", "is_there"), [("a", True), ("b", False)])
def test_exists_answers_programs(*, key: str, is_there: bool, command_line: CommandLine) -> None:
    command_line.client.stored["a"] = b""

    result = command_line.run("exists", key, "--json")

    assert objects(result.stdout) == [{"key": key, "bucket": "notes", "exists": is_there}]


def test_exists_never_takes_a_refusal_for_a_no(command_line: CommandLine) -> None:
    command_line.client.failures[""] = exc.S3AccessDeniedError("Denied.")

    result = command_line.run("exists", "a")

    assert (result.exit_code, result.stdout) == (1, "")


def test_info_tells_people_all_in_two_columns(command_line: CommandLine) -> None:
    command_line.client.stored["a\x1b[31m"] = b"x" * 1536
    command_line.client.told = {
        "content_type": "text/x\x9b",
        "metadata": {"colour": "light\u202eblue", "n": "1"},
        "version_id": "v1",
        "checksum": S3Checksum("CRC64NVME", "AAAAAAAAAAA=", "FULL_OBJECT"),
    }

    result = command_line.run("info", "a\x1b[31m")

    assert result.stdout.splitlines() == [
        "file           s3://notes/a\\x1b[31m",
        "size           1.5 KiB (1,536 bytes)",
        "last modified  2026-01-31 18:06:11Z",
        "etag           e",
        "storage class  STANDARD",
        "content type   text/x\\x9b",
        "version id     v1",
        "checksum       CRC64NVME AAAAAAAAAAA= (of the whole file)",
        "metadata       colour=light\\u202eblue",
        "               n=1",
    ]
    assert (result.exit_code, result.stderr) == (0, "")


def test_info_says_what_s3_does_not_tell(command_line: CommandLine) -> None:
    command_line.client.stored["a"] = b"x"

    lines = command_line.run("info", "a").stdout.splitlines()

    assert lines[1] == "size           1 B (1 byte)"
    assert [line.split() for line in lines[5:]] == [
        ["content", "type", "none"],
        ["version", "id", "none"],
        ["checksum", "none"],
        ["metadata", "none"],
    ]


def test_info_never_takes_a_composite_checksum_for_that_of_the_file(
    command_line: CommandLine,
) -> None:
    command_line.client.stored["a"] = b""
    command_line.client.told = {"checksum": S3Checksum("SHA256", "AAAA-2", "COMPOSITE")}

    result = command_line.run("info", "a")

    assert "checksum       SHA256 AAAA-2 (of its parts' checksums)\n" in result.stdout


def test_info_tells_programs_every_fact(command_line: CommandLine) -> None:
    command_line.client.stored["k\n"] = b"content"
    command_line.client.told = {
        "metadata": {"a": "1"},
        "checksum": S3Checksum("CRC32", "AAAAAA==", "FULL_OBJECT"),
    }

    result = command_line.run("info", "k\n", "--version-id", "v1", "--json")

    assert objects(result.stdout) == [
        {
            "key": "k\n",
            "bucket": "notes",
            "size": 7,
            "last_modified": "2026-01-31T18:06:11+00:00",
            "etag": "e",
            "storage_class": "STANDARD",
            "content_type": None,
            "metadata": {"a": "1"},
            "version_id": None,
            "checksum": {
                "algorithm": "CRC32",
                "value": "AAAAAA==",
                "checksum_type": "FULL_OBJECT",
            },
        }
    ]
    assert result.stderr == ""
    assert command_line.client.options == {"version_id": "v1"}


def test_info_of_a_missing_file_has_the_exit_code_for_it(command_line: CommandLine) -> None:
    result = command_line.run("info", "a")

    assert (result.exit_code, result.stdout) == (3, "")


def test_rm_deletes_every_key_once(command_line: CommandLine) -> None:
    command_line.client.stored |= {"a": b"", "b": b"", "c": b""}

    result = command_line.run("rm", "a", "b", "a")

    assert result.stdout == "deleted s3://notes/a\ndeleted s3://notes/b\n"
    assert (result.exit_code, list(command_line.client.stored)) == (0, ["c"])


def test_rm_of_a_missing_key_deletes_the_others_and_says_so(command_line: CommandLine) -> None:
    command_line.client.stored |= {"a": b"", "c": b""}

    result = command_line.run("rm", "a", "b", "c")

    assert result.stdout.splitlines()[1] == "not there: s3://notes/b"
    assert (result.exit_code, command_line.client.stored) == (3, {})


def test_rm_tells_programs_what_became_of_each_key(command_line: CommandLine) -> None:
    command_line.client.stored["a"] = b""

    result = command_line.run("rm", "a", "b", "--json")

    assert objects(result.stdout) == [
        {"key": "a", "bucket": "notes", "deleted": True},
        {"key": "b", "bucket": "notes", "deleted": False},
    ]
    assert result.stderr == ""


def test_rm_deletes_nothing_in_a_dry_run(command_line: CommandLine) -> None:
    command_line.client.stored["a"] = b""

    result = command_line.run("rm", "a", "b", "--dry-run")

    assert result.stdout == "would delete s3://notes/a\nnot there: s3://notes/b\n"
    assert (result.exit_code, command_line.client.stored) == (3, {"a": b""})


def test_a_dry_run_of_rm_tells_programs_what_would_be(command_line: CommandLine) -> None:
    command_line.client.stored["a"] = b""

    result = command_line.run("rm", "a", "--dry-run", "--json")

    assert objects(result.stdout) == [{"key": "a", "bucket": "notes", "would_delete": True}]


def test_rm_goes_on_after_a_key_that_fails(command_line: CommandLine) -> None:
    command_line.client.stored |= {"a": b"", "b": b"", "c": b""}
    command_line.client.failures["a"] = exc.S3AccessDeniedError("Denied.", key="a")
    command_line.client.failures["b"] = exc.S3IntegrationError("Slow.", key="b", retryable=True)

    result = command_line.run("rm", "a", "b", "c", "missing", "--json")

    assert [error["key"] for error in objects(result.stderr)] == ["a", "b"]
    assert sorted(command_line.client.stored) == ["a", "b"]
    assert result.exit_code == 1  # of the first failure


@pytest.mark.parametrize(
    "failure", [exc.S3CredentialsError("x"), exc.S3BucketError("x"), exc.S3ConfigError("x")]
)
def test_rm_ends_at_a_failure_that_every_key_would_meet(
    failure: exc.S3IntegrationError, command_line: CommandLine
) -> None:
    command_line.client.failures[""] = failure

    result = command_line.run("rm", "a", "b", "c", "--json")

    assert len(objects(result.stderr)) == 1
