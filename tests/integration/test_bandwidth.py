"""The cap on bandwidth holds on every engine, for all transfers of a client together."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from s3_integration import S3Client, S3Config, TransferConfig
from s3_integration.utils import KIB, MIB
from tests.fixtures.contract import SMALL_PARTS, content_of

pytestmark = pytest.mark.usefixtures("engine")

FILES = 4
FILE_BYTES = 96 * KIB
CAP = TransferConfig(
    max_bytes_per_second=256 * KIB,
    # Far more than the cap lets through: were waiting for the cap a stall, this would be one.
    slowest_bytes_per_second=10**7,
    stall_timeout_seconds=1.0,
)
LEAST_SECONDS = FILES * FILE_BYTES / (256 * KIB) - 0.1
"""By the cap; the machine may take longer for reasons of its own."""


def test_all_transfers_share_the_cap_and_none_of_them_stalls(
    config: S3Config, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = S3Client(config=replace(config, transfer=CAP))
    sources = [tmp_path / f"{number}" for number in range(FILES)]
    for source in sources:
        source.write_bytes(content_of(FILE_BYTES, seed=int(source.name)))
    (tmp_path / "empty").touch()
    client.upload_file(tmp_path / "empty", "the bucket is there")
    back = tmp_path / "back"

    with ThreadPoolExecutor(FILES) as threads:
        began = time.monotonic()
        list(threads.map(client.upload_file, sources))
        up_seconds = time.monotonic() - began
        began = time.monotonic()
        list(threads.map(lambda source: client.download_file(source.name, f"{back}/"), sources))
        down_seconds = time.monotonic() - began

    assert up_seconds >= LEAST_SECONDS
    assert down_seconds >= LEAST_SECONDS
    assert "trying again" not in caplog.text
    assert [(back / it.name).read_bytes() for it in sources] == [it.read_bytes() for it in sources]


def test_parts_and_ranges_keep_to_the_cap_together(config: S3Config, tmp_path: Path) -> None:
    cap = replace(SMALL_PARTS, max_bytes_per_second=16 * MIB, parts_in_flight=4)
    client = S3Client(config=replace(config, transfer=cap))
    (tmp_path / "source").write_bytes(content_of(13 * MIB))
    client.bucket.ensure()

    began = time.monotonic()
    client.upload_file(tmp_path / "source", "k")
    up_seconds = time.monotonic() - began
    began = time.monotonic()
    client.download_file("k", tmp_path / "back")
    down_seconds = time.monotonic() - began

    assert (tmp_path / "back").read_bytes() == (tmp_path / "source").read_bytes()
    assert up_seconds >= 13 / 16 - 0.1
    assert down_seconds >= 13 / 16 - 0.1
