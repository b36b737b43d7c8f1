"""Killed at each of its requests and run again, a transfer does only what was missing."""

from __future__ import annotations

import datetime as dt
import io
import random
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import pytest

from s3_integration.client import S3Client
from s3_integration.config import S3Config, TransferConfig
from s3_integration.utils import MIB
from tests.fixtures.children import PACKAGE_PARENT
from tests.fixtures.kills import Moment, Runs, Scaffold, runs, scaffold
from tests.fixtures.servers import ServerUnderTest, unfinished_uploads

SIZE_BYTES: Final = 16 * MIB
PART_BYTES: Final = 5 * MIB
TRANSFER: Final = TransferConfig(
    part_size_bytes=PART_BYTES,
    multipart_threshold_bytes=PART_BYTES,
    resume_threshold_bytes=16 * MIB,
    parts_in_flight=2,
)
# Parts in flight, the first answer beside them, and the byte by which it is asked for again.
BOUND_BYTES: Final = (TRANSFER.parts_in_flight + 1) * PART_BYTES + 1
UPLOAD_REQUESTS: Final = 7  # ListMultipartUploads, CreateMultipartUpload, 4 parts, Complete


@pytest.fixture(autouse=True)
def _not_on_the_bucket_of_a_person(server: ServerUnderTest) -> None:
    if server.only_bucket_name:
        pytest.skip("kills what others may pay for")


@pytest.fixture(autouse=True)
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where records of uploads are, and those of no other test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PYTHONPATH", str(PACKAGE_PARENT))
    return tmp_path / "state" / "s3_integration" / "uploads"


@pytest.fixture
def placed(server: ServerUnderTest) -> Iterator[Scaffold]:
    assert server.endpoint_url
    with scaffold(server.endpoint_url) as found:
        yield found


@pytest.fixture
def started(placed: Scaffold, records: Path) -> Iterator[Runs]:
    with runs(placed) as found:
        yield found


@pytest.fixture
def through(config: S3Config, plain: Any, placed: Scaffold, engine: Any) -> S3Config:
    plain.create_bucket(Bucket=config.bucket_name)
    return replace(config, endpoint_url=placed.endpoint_url, engine=engine, transfer=TRANSFER)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(random.Random(1).randbytes(SIZE_BYTES))
    return path


def stored_in(plain: Any, config: S3Config) -> bytes:
    return bytes(plain.get_object(Bucket=config.bucket_name, Key="k")["Body"].read())


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.promise(9)
@pytest.mark.promise(10)
def test_an_upload_that_was_killed_at_any_request_sends_only_what_is_missing(
    through: S3Config, plain: Any, placed: Scaffold,
    started: Runs, records: Path, source: Path, moment: Moment,
) -> None:  # fmt: skip
    for number in range(1, UPLOAD_REQUESTS + 1):
        status = started.run(
            asdict(through), "upload_file", str(source), "k", kill_at=(number, moment)
        )
        assert (status, placed.has_killed) == (-9, True)
        taken_bytes = placed.taken_bytes["UploadPart"]
        placed.forget()

        S3Client(config=through, create_bucket=False).upload_file(source, "k")

        sent_bytes = placed.taken_bytes["UploadPart"]
        assert sent_bytes == SIZE_BYTES - taken_bytes
        assert stored_in(plain, through) == source.read_bytes()
        assert unfinished_uploads(plain, through.bucket_name) == []
        assert list(records.iterdir()) == []
        plain.delete_object(Bucket=through.bucket_name, Key="k")


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.promise(9)
def test_a_download_that_was_killed_at_any_request_fetches_only_what_is_missing(
    through: S3Config, plain: Any, placed: Scaffold, started: Runs, tmp_path: Path, moment: Moment
) -> None:  # fmt: skip
    content = random.Random(2).randbytes(21 * MIB)
    plain.upload_fileobj(io.BytesIO(content), through.bucket_name, "k")
    folder = tmp_path / "folder"
    folder.mkdir()
    destination = folder / "d"
    number = 0

    while True:
        number += 1
        destination.write_bytes(b"old")
        status = started.run(
            asdict(through), "download_file", "k", str(destination), kill_at=(number, moment)
        )
        if not placed.has_killed:
            break
        assert (status, destination.read_bytes()) == (-9, b"old")
        first_run_bytes = placed.given_bytes["GetObject"]
        placed.forget()

        S3Client(config=through, create_bucket=False).download_file("k", destination)

        assert destination.read_bytes() == content
        assert [path.name for path in folder.iterdir()] == ["d"]
        again_bytes = first_run_bytes + placed.given_bytes["GetObject"] - len(content)
        assert again_bytes <= BOUND_BYTES

    assert status == 0
    assert number > len(content) // PART_BYTES


@pytest.mark.promise(10)
def test_a_sweep_aborts_what_is_old_enough_and_nothing_else(
    config: S3Config, plain: Any, source: Path, records: Path
) -> None:
    plain.create_bucket(Bucket=config.bucket_name)
    forgotten = [
        plain.create_multipart_upload(Bucket=config.bucket_name, Key=key)["UploadId"]
        for key in ("a/1", "a/2", "b/1")
    ]
    bucket = S3Client(config=config).bucket
    known_ages = dt.timedelta(days=10_000)  # moto tells the same old date of every upload

    of_long_ago = bucket.abort_stale_uploads(known_ages)
    of_one_prefix = bucket.abort_stale_uploads(dt.timedelta(0), prefix="a/")
    left = unfinished_uploads(plain, config.bucket_name)
    all_others = bucket.abort_stale_uploads(dt.timedelta(0))

    assert of_long_ago.aborted == ()
    assert {each.key for each in of_one_prefix.aborted} == {"a/1", "a/2"}
    assert [each["UploadId"] for each in left] == forgotten[2:]
    assert [each.upload_id for each in all_others.aborted] == forgotten[2:]
    assert unfinished_uploads(plain, config.bucket_name) == []
