"""The command cat: bytes as they are, and nothing else."""

from __future__ import annotations

import io

import pytest

from s3_integration.exceptions import S3DownloadError
from tests.unit.cli.conftest import CommandLine, FakeClient

CONTENT = bytes(range(256)) * 10_000


@pytest.fixture(autouse=True)
def _stored(client: FakeClient) -> None:
    client.stored["a b"] = CONTENT


def test_cat_prints_the_bytes_as_they_are(command_line: CommandLine) -> None:
    result = command_line.run("cat", "a b")

    assert (result.exit_code, result.stdout_bytes, result.stderr) == (0, CONTENT, "")


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("0-5", 0, 5),
        ("300-", 300, None),
        ("1000000-2500000", 1_000_000, 2_500_000),
        ("9-9", 9, 9),
        ("2559999-9999999", 2_559_999, None),
        ("9999999-", 9_999_999, None),
    ],
)
def test_cat_prints_a_range(
    command_line: CommandLine, asked: str, start: int, stop: int | None
) -> None:
    result = command_line.run("cat", "a b", "--range", asked)

    assert (result.exit_code, result.stdout_bytes) == (0, CONTENT[start:stop])


@pytest.mark.parametrize(
    "asked", ["5-4", "-5", "5", "a-b", "1-2-3", "", " 1-2", "-1-2", "9" * 19 + "-"]
)
def test_a_range_that_is_none_is_refused(command_line: CommandLine, asked: str) -> None:
    result = command_line.run("cat", "a b", f"--range={asked}")

    assert (result.exit_code, result.stdout_bytes) == (2, b"")
    assert "--range" in result.stderr


def test_cat_prints_the_version_that_was_asked_for(
    command_line: CommandLine, client: FakeClient
) -> None:
    command_line.run("cat", "a b", "--version-id", "v1")

    assert client.options == {"version_id": "v1"}


def test_there_is_no_json_of_bytes(command_line: CommandLine) -> None:
    result = command_line.run("cat", "a b", "--json")

    assert (result.exit_code, result.stdout_bytes) == (2, b"")
    assert "no JSON" in result.stderr


def test_a_missing_file_is_told(command_line: CommandLine) -> None:
    result = command_line.run("cat", "missing")

    assert (result.exit_code, result.stdout_bytes) == (3, b"")


class Damaged(io.BytesIO):
    """Its last bytes do not come."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise S3DownloadError("It is damaged.", suggestion="Read it again.")
        return super().read(10)


def test_what_is_damaged_fails_though_its_beginning_was_printed(
    command_line: CommandLine, client: FakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeClient, "open", lambda *_, **__: Damaged(CONTENT))

    result = command_line.run("cat", "a b")

    assert (result.exit_code, result.stdout_bytes) == (1, CONTENT[:10])
    assert result.stderr.startswith("s3i: It is damaged.\n")
