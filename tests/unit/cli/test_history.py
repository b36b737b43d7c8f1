"""versions, restore, tags, presign and ls --folders over a client without an S3."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from s3_integration import S3Version
from s3_integration import exceptions as exc
from tests.fixtures.shell import objects
from tests.unit.cli.conftest import STORED_AT

if TYPE_CHECKING:
    from tests.unit.cli.conftest import CommandLine

NEW = S3Version("k", "v2", is_latest=False, is_delete_marker=False, last_modified=STORED_AT)
VERSIONS = [
    dataclasses.replace(NEW, version_id="m\x1b", is_latest=True, is_delete_marker=True),
    dataclasses.replace(NEW, size=1536),
]


def test_versions_are_listed_the_newest_first(command_line: CommandLine) -> None:
    command_line.client.told["versions"] = VERSIONS

    result = command_line.run("versions", "k")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "2026-01-31 18:06:11Z     deleted  m\\x1b  (current)",
        "2026-01-31 18:06:11Z     1.5 KiB  v2",
    ]
    assert result.stderr == "2 versions of s3://notes/k\n"


def test_versions_are_told_to_programs_whole(command_line: CommandLine) -> None:
    command_line.client.told["versions"] = VERSIONS[1:]

    (facts,) = objects(command_line.run("versions", "k", "--json").stdout)

    assert facts == {
        "key": "k",
        "version_id": "v2",
        "is_latest": False,
        "is_delete_marker": False,
        "last_modified": "2026-01-31T18:06:11+00:00",
        "size": 1536,
        "etag": "",
        "storage_class": "",
        "bucket": "notes",
    }


def test_a_file_that_never_was_has_no_versions(command_line: CommandLine) -> None:
    result = command_line.run("versions", "k")

    assert (result.exit_code, result.stdout) == (3, "")


@pytest.mark.parametrize(("words", "version_id"), [((), None), (("--version-id", "v1"), "v1")])
def test_restore_says_what_came_back(
    command_line: CommandLine, words: tuple[str, ...], version_id: str | None
) -> None:
    result = command_line.run("restore", "k", *words)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "restored s3://notes/k (1.5 KiB)\n"
    assert command_line.client.options == {"version_id": version_id}
    (facts,) = objects(command_line.run("restore", "k", *words, "--json").stdout)
    assert (facts["key"], facts["bucket"], facts["version_id"]) == ("k", "notes", "new")


def test_what_cannot_come_back_is_not_found_with_words_for_the_shell(
    command_line: CommandLine,
) -> None:
    command_line.client.failures["k"] = exc.S3FileNotFoundError(
        "No.", suggestion="Look for its versions with list_versions(s3_key)."
    )

    result = command_line.run("restore", "k", "--version-id", "x")

    assert result.exit_code == 3
    assert "'s3i versions S3_KEY'" in result.stderr


# Tags


def test_tags_are_shown(command_line: CommandLine) -> None:
    command_line.client.told["tags"] = {"a": "1", "b": "x=y"}

    assert command_line.run("tags", "k").stdout == "a=1\nb=x=y\n"
    (facts,) = objects(command_line.run("tags", "k", "--json").stdout)
    assert facts == {"key": "k", "bucket": "notes", "tags": {"a": "1", "b": "x=y"}}
    assert command_line.client.options == {}


@pytest.mark.parametrize(
    ("words", "tags", "told"),
    [
        (("--set", "a=1", "--set", "b="), {"a": "1", "b": ""}, "a=1\nb=\n"),
        (("--clear",), {}, "no tags\n"),
    ],
)
def test_tags_are_replaced(
    command_line: CommandLine, words: tuple[str, ...], tags: dict[str, str], told: str
) -> None:
    assert command_line.run("tags", "k", *words).stdout == told
    assert command_line.client.options == {"tags": tags}


# Links


def test_a_link_is_all_that_stands_on_standard_output(command_line: CommandLine) -> None:
    result = command_line.run("presign", "k")

    assert (result.exit_code, result.stdout) == (0, "https://s3.example/get/k\n")
    assert result.stderr == ""
    assert command_line.client.options == {"expires_in_seconds": 900}


@pytest.mark.parametrize(
    ("word", "seconds"),
    [("1", 1), ("90s", 90), ("15m", 900), ("12h", 43_200), ("7d", 604_800)],
)
def test_a_link_holds_as_long_as_is_said(
    command_line: CommandLine, word: str, seconds: int
) -> None:
    command_line.run("presign", "k", "--expires", word)

    assert command_line.client.options == {"expires_in_seconds": seconds}


def test_every_choice_of_a_link_reaches_the_client(command_line: CommandLine) -> None:
    command_line.run(
        *("presign", "k", "--version-id", "v", "--file-name", "n", "--content-type", "a/b")
    )

    assert command_line.client.options == {
        "expires_in_seconds": 900,
        "version_id": "v",
        "file_name": "n",
        "content_type": "a/b",
    }


def test_a_link_to_upload_says_how_to_use_it(command_line: CommandLine) -> None:
    result = command_line.run("presign", "k", "--upload", "--content-type", "text/plain; x=y")

    assert result.stdout == "https://s3.example/put/k\n"
    assert "curl --fail -T FILE -H 'Content-Type: text/plain; x=y' 'URL'" in result.stderr
    assert command_line.client.options == {
        "expires_in_seconds": 900,
        "content_type": "text/plain; x=y",
    }


def test_a_link_is_told_to_programs_with_its_method(command_line: CommandLine) -> None:
    result = command_line.run("presign", "k", "--upload", "--expires", "1h", "--json")

    (facts,) = objects(result.stdout)
    assert facts == {
        "url": "https://s3.example/put/k",
        "method": "PUT",
        "key": "k",
        "bucket": "notes",
        "expires_in_seconds": 3600,
    }
    assert result.stderr == ""


# One folder


def test_ls_shows_one_folder(command_line: CommandLine) -> None:
    command_line.client.stored["f/k"] = b"x"

    result = command_line.run("ls", "f/", "--folders")

    assert result.stdout.splitlines() == ["f/a/", "f/b\\x1b/", "1 B  2026-01-31 18:06:11Z  f/k"]
    assert result.stderr == "2 folders, 1 file, 1 B in s3://notes/f/\n"
    told = objects(command_line.run("ls", "f/", "--folders", "--json").stdout)
    assert [facts.get("folder") or facts["key"] for facts in told] == ["f/a/", "f/b\x1b/", "f/k"]


@pytest.mark.parametrize(
    "words",
    [
        ("versions",),
        ("versions", "s3://notes/k"),
        ("restore", "k", "--version-id", ""),
        ("tags", "k", "--set", "a"),
        ("tags", "k", "--set", "a=1", "--clear"),
        ("presign", "k", "--expires", "soon"),
        ("presign", "k", "--expires", "-1"),
        ("presign", "k", "--expires", ""),
        ("presign", "k", "--expires", "1.5h"),
        ("presign", "k", "--upload", "--version-id", "v"),
        ("presign", "k", "--upload", "--file-name", "n"),
        ("presign", "k", "--content-type", ""),
    ],
)
def test_wrong_usage_is_told_before_anything_is_done(
    command_line: CommandLine, words: tuple[str, ...]
) -> None:
    result = command_line.run(*words)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr
    assert command_line.client.options == {}
