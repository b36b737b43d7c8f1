"""The contract of progress callbacks: what they are told, and what becomes of what they end."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from s3_integration.client import S3Client
from s3_integration.config import S3Config
from s3_integration.models import FolderProgress
from s3_integration.utils import MIB
from tests.fixtures.contract import (
    PART_BYTES,
    SMALL_PARTS,
    THRESHOLD_BYTES,
    Get,
    Put,
    content_of,
)
from tests.fixtures.servers import unfinished_uploads

pytestmark = pytest.mark.usefixtures("engine")


@pytest.mark.parametrize("size_bytes", [0, 1, THRESHOLD_BYTES - 1, 5 * PART_BYTES + 1])
def test_progress_only_grows_and_ends_with_everything(
    client: S3Client, tmp_path: Path, size_bytes: int
) -> None:
    source = tmp_path / "source"
    source.write_bytes(content_of(size_bytes))
    up: list[tuple[int, int]] = []
    down: list[tuple[int, int]] = []

    client.upload_file(source, "k", progress=lambda *told: up.append(told))
    client.download_file("k", tmp_path / "d", progress=lambda *told: down.append(told))

    for told in (up, down):
        assert {total for _, total in told} <= {size_bytes}
        assert [done for done, _ in told] == sorted(done for done, _ in told)
        assert not size_bytes or told[-1] == (size_bytes, size_bytes)


def test_progress_of_many_files_goes_on_while_a_large_one_is_under_way(
    config: S3Config, tmp_path: Path
) -> None:
    size_bytes = 12 * MIB
    (tmp_path / "up").mkdir()
    for name in ("a", "b"):
        (tmp_path / "up" / name).write_bytes(content_of(size_bytes))
    # Half a second for both files, and a callback every tenth of one.
    pace = dataclasses.replace(SMALL_PARTS, max_bytes_per_second=4 * size_bytes)
    client = S3Client(config=dataclasses.replace(config, transfer=pace))
    up: list[FolderProgress] = []
    down: list[FolderProgress] = []

    client.upload_directory(tmp_path / "up", "p", progress=up.append).raise_if_failed()
    client.download_directory("p", tmp_path / "down", progress=down.append).raise_if_failed()

    for told in (up, down):
        assert any(0 < each.bytes_done < 2 * size_bytes and not each.files_done for each in told)
        assert all(each.bytes_done <= each.bytes_known for each in told)
        assert told[-1].bytes_done == 2 * size_bytes


# Callbacks that raise


class HadEnoughError(Exception):
    """What a program may raise to end a transfer."""


def no_more(done_bytes: int, total_bytes: int) -> None:
    raise HadEnoughError


@pytest.mark.parametrize("size_bytes", [1, 5 * PART_BYTES + 1])
def test_a_callback_that_raises_ends_a_download_and_changes_nothing(
    client: S3Client, put: Put, tmp_path: Path, size_bytes: int
) -> None:
    put("k", content_of(size_bytes))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "d").write_bytes(b"older")

    with pytest.raises(HadEnoughError):
        client.download_file("k", folder / "d", progress=no_more)

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"d": b"older"}
    client.download_file("k", folder / "d")
    assert (folder / "d").stat().st_size == size_bytes


def test_a_callback_that_raises_ends_an_upload_in_parts_and_leaves_none(
    client: S3Client, plain: Any, put: Put, get: Get, tmp_path: Path
) -> None:
    put("k", b"older")
    source = tmp_path / "source"
    source.write_bytes(content_of(5 * PART_BYTES + 1))

    with pytest.raises(HadEnoughError):
        client.upload_file(source, "k", progress=no_more)

    assert get("k") == b"older"
    assert unfinished_uploads(plain, client.bucket_name) == []


def test_a_file_of_one_request_is_stored_by_the_time_that_its_callback_can_raise(
    client: S3Client, get: Get, tmp_path: Path
) -> None:
    (tmp_path / "source").write_bytes(b"whole")

    with pytest.raises(HadEnoughError):
        client.upload_file(tmp_path / "source", "k", progress=no_more)

    assert get("k") == b"whole"
