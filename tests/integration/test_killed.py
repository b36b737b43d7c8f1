"""Killed at any moment: nothing stored is lost, and the next run finishes the work."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path
from typing import Any, Final

import pytest

from s3_integration.client import S3Client
from s3_integration.config import S3Config
from s3_integration.transfer.partial import PARTIAL_SUFFIX
from tests.fixtures.children import environment_of, started_child
from tests.fixtures.servers import ServerUnderTest, unfinished_uploads

SEED: Final = 7
KILLS: Final = 10
SIZE_BYTES: Final = 20 * 2**20 + 1

# Progress is told chunk by chunk, so sleeping there makes the transfer slow enough to be hit.
_DOWNLOAD: Final = """
import sys, time
from s3_integration import S3Client
client = S3Client()
client.file_exists("k")
print("begins", flush=True)
client.download_file("k", sys.argv[1], progress=lambda *_: time.sleep(0.005))
print("done", flush=True)
"""
_UPLOAD: Final = """
import sys, time
from s3_integration import S3Client
client = S3Client()
client.file_exists("k")
print("begins", flush=True)
told = []
def slowly(done, total):
    told.append(done)
    if len(told) == 1:
        print("a part is there", flush=True)
    time.sleep(0.15)
client.upload_file(sys.argv[1], "k", progress=slowly)
print("done", flush=True)
"""


@pytest.fixture(autouse=True)
def _not_on_the_bucket_of_a_person(server: ServerUnderTest) -> None:
    if server.only_bucket_name:
        pytest.skip("leaves unfinished uploads behind")


@pytest.fixture
def new() -> bytes:
    return random.Random(1).randbytes(SIZE_BYTES)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.promise(2)
def test_a_download_that_is_killed_leaves_the_old_file_or_the_whole_new_one(
    config: S3Config, tmp_path: Path, new: bytes
) -> None:
    chance = random.Random(SEED)
    client = S3Client(config=config)
    (tmp_path / "source").write_bytes(new)
    client.upload_file(tmp_path / "source", "k")
    folder = tmp_path / "folder"
    folder.mkdir()
    destination = folder / "d"
    took_seconds = _seconds_of_a_whole_download(config, destination)
    leftovers, outcomes = 0, []

    for _ in range(KILLS):
        destination.write_bytes(b"old")
        moment = chance.uniform(0, 1.4 * took_seconds)
        with started_child(_DOWNLOAD, destination, environment=environment_of(config)) as child:
            assert child.read_line() == "begins"
            status = child.kill_after(moment, signal.SIGKILL)
        content = destination.read_bytes()
        left = [name for name in names_in(folder) if name.endswith(PARTIAL_SUFFIX)]
        leftovers += bool(left)
        outcomes.append(f"{moment:.3f} s: {status}, {'new' if content == new else 'old'}, {left}")
        print(f"seed {SEED}, killed after", outcomes[-1])  # noqa: T201 - to repeat it
        assert content in (b"old", new)

        client.download_file("k", destination)

        assert destination.read_bytes() == new
        assert names_in(folder) == ["d"]

    assert leftovers >= 3, outcomes  # some were hit in the middle of their work


def _seconds_of_a_whole_download(config: S3Config, destination: Path) -> float:
    with started_child(_DOWNLOAD, destination, environment=environment_of(config)) as child:
        assert child.read_line() == "begins"
        began = time.monotonic()
        assert child.read_line() == "done"
        return time.monotonic() - began


@pytest.mark.promise(9)
def test_an_upload_that_is_killed_leaves_what_was_stored(
    config: S3Config, plain: Any, tmp_path: Path, new: bytes
) -> None:
    chance = random.Random(SEED)
    client = S3Client(config=config)
    (tmp_path / "old").write_bytes(b"old")
    source = tmp_path / "new"
    source.write_bytes(new)
    unfinished, outcomes = 0, []

    for _ in range(4):
        client.upload_file(tmp_path / "old", "k")
        moment = chance.uniform(0, 0.6)
        with started_child(_UPLOAD, source, environment=environment_of(config)) as child:
            assert child.read_line() == "begins"
            child.kill_after(moment, signal.SIGKILL)
        stored = plain.get_object(Bucket=config.bucket_name, Key="k")["Body"].read()
        outcomes.append(f"{moment:.3f} s: {'new' if stored == new else 'old'}")
        print(f"seed {SEED}, killed after", outcomes[-1])  # noqa: T201 - to repeat it
        assert stored in (b"old", new)
        unfinished = len(unfinished_uploads(plain, config.bucket_name))

        client.upload_file(source, "k")

        assert plain.get_object(Bucket=config.bucket_name, Key="k")["Body"].read() == new

    assert unfinished, outcomes  # some were hit in the middle; the bucket's rule aborts those


@pytest.mark.promise(10)
def test_an_upload_that_is_interrupted_leaves_no_unfinished_upload(
    config: S3Config, plain: Any, tmp_path: Path, new: bytes
) -> None:
    client = S3Client(config=config)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old").write_bytes(b"old")
    client.upload_file(folder / "old", "k")
    (folder / "new").write_bytes(new)

    with started_child(_UPLOAD, folder / "new", environment=environment_of(config)) as child:
        assert [child.read_line(), child.read_line()] == ["begins", "a part is there"]
        under_way = unfinished_uploads(plain, config.bucket_name)
        status = child.kill_after(0, signal.SIGINT)

    assert len(under_way) == 1
    assert status == -signal.SIGINT  # Python's own end after a KeyboardInterrupt
    assert unfinished_uploads(plain, config.bucket_name) == []
    assert plain.get_object(Bucket=config.bucket_name, Key="k")["Body"].read() == b"old"
    assert names_in(folder) == ["new", "old"]


def test_a_download_that_is_interrupted_leaves_no_temporary_file(
    config: S3Config, tmp_path: Path, new: bytes
) -> None:
    (tmp_path / "source").write_bytes(new)
    S3Client(config=config).upload_file(tmp_path / "source", "k")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "d").write_bytes(b"old")

    with started_child(_DOWNLOAD, folder / "d", environment=environment_of(config)) as child:
        assert child.read_line() == "begins"
        limit = time.monotonic() + 20
        while len(names_in(folder)) == 1 and time.monotonic() < limit:
            time.sleep(0.002)
        under_way = names_in(folder)
        status = child.kill_after(0.02, signal.SIGINT)

    assert len(under_way) == 2
    assert status == -signal.SIGINT
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"d": b"old"}
