"""Killed at any moment: nothing stored is lost, and the next run finishes the work."""

from __future__ import annotations

import random
import signal
from pathlib import Path
from typing import Any, Final

import pytest

from s3_integration.client import S3Client
from s3_integration.config import S3Config
from s3_integration.transfer.partial import PARTIAL_SUFFIX
from s3_integration.utils import MIB
from tests.fixtures.children import environment_of, started_child
from tests.fixtures.servers import ServerUnderTest, unfinished_uploads

SEED: Final = 7
SIZE_BYTES: Final = 20 * MIB + 1

# Once so many bytes have been moved, it says so, and goes on only if it is to.
_STEPS: Final = """
import sys, time
from s3_integration import S3Client
client = S3Client()
client.file_exists("k")
print("begins", flush=True)
chosen, then = [int(sys.argv[2])], sys.argv[3]
def step(done_bytes, total_bytes):
    if chosen and done_bytes >= chosen[0]:
        chosen.clear()
        print("there", flush=True)
        if then == "waits":
            time.sleep(60)
    if then == "goes on slowly":
        time.sleep(0.1)
"""
_DOWNLOAD: Final = f"""{_STEPS}
client.download_file("k", sys.argv[1], progress=step)
print("done", flush=True)
"""
_UPLOAD: Final = f"""{_STEPS}
client.upload_file(sys.argv[1], "k", progress=step)
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


@pytest.fixture
def destination(config: S3Config, tmp_path: Path, new: bytes) -> Path:
    """Where an object is to be downloaded to, in a folder of its own."""
    (tmp_path / "source").write_bytes(new)
    S3Client(config=config).upload_file(tmp_path / "source", "k")
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "d"


@pytest.fixture
def source(config: S3Config, tmp_path: Path, new: bytes) -> Path:
    """What is to be uploaded where something else is stored, in a folder of its own."""
    (tmp_path / "old").write_bytes(b"old")
    S3Client(config=config).upload_file(tmp_path / "old", "k")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "new").write_bytes(new)
    return folder / "new"


@pytest.mark.promise(2)
def test_a_download_that_is_killed_leaves_the_old_file_or_the_whole_new_one(
    config: S3Config, destination: Path, new: bytes
) -> None:
    chance = random.Random(SEED)
    client = S3Client(config=config)

    for moved_bytes in (1, SIZE_BYTES, *chance.sample(range(2, SIZE_BYTES), 4)):
        destination.write_bytes(b"old")
        with started_child(
            _DOWNLOAD, destination, moved_bytes, "waits", environment=environment_of(config)
        ) as child:
            assert [child.read_line(), child.read_line()] == ["begins", "there"]
            child.kill_after(0, signal.SIGKILL)
        left = [name for name in names_in(destination.parent) if name != "d"]
        assert destination.read_bytes() == b"old"
        assert [name.endswith(PARTIAL_SUFFIX) for name in left] == [True]

        client.download_file("k", destination)

        assert destination.read_bytes() == new
        assert names_in(destination.parent) == ["d"]


@pytest.mark.promise(2)
def test_a_download_that_is_killed_as_it_ends_leaves_the_old_file_or_the_whole_new_one(
    config: S3Config, destination: Path, new: bytes
) -> None:
    chance = random.Random(SEED)
    client = S3Client(config=config)

    for _ in range(4):
        destination.write_bytes(b"old")
        moment = chance.uniform(0, 0.01)
        with started_child(
            _DOWNLOAD, destination, SIZE_BYTES, "goes on", environment=environment_of(config)
        ) as child:
            assert [child.read_line(), child.read_line()] == ["begins", "there"]
            child.kill_after(moment, signal.SIGKILL)
        print(f"seed {SEED}, killed after {moment:.4f} s")  # noqa: T201 - to repeat it
        assert destination.read_bytes() in (b"old", new)

        client.download_file("k", destination)

        assert destination.read_bytes() == new
        assert names_in(destination.parent) == ["d"]


@pytest.mark.parametrize("moved_bytes", [1, 10 * MIB, SIZE_BYTES])
@pytest.mark.promise(9)
def test_an_upload_that_is_killed_leaves_what_was_stored(
    config: S3Config, plain: Any, source: Path, new: bytes, moved_bytes: int
) -> None:
    with started_child(
        _UPLOAD, source, moved_bytes, "waits", environment=environment_of(config)
    ) as child:
        assert [child.read_line(), child.read_line()] == ["begins", "there"]
        child.kill_after(0, signal.SIGKILL)
    stored = plain.get_object(Bucket=config.bucket_name, Key="k")["Body"].read()
    unfinished = unfinished_uploads(plain, config.bucket_name)

    S3Client(config=config).upload_file(source, "k")

    assert stored == b"old"
    assert len(unfinished) == 1  # it was hit in the middle; the bucket's rule aborts it
    assert plain.get_object(Bucket=config.bucket_name, Key="k")["Body"].read() == new


@pytest.mark.promise(10)
def test_an_upload_that_is_interrupted_leaves_no_unfinished_upload(
    config: S3Config, plain: Any, source: Path
) -> None:
    with started_child(
        _UPLOAD, source, 1, "goes on slowly", environment=environment_of(config)
    ) as child:
        assert [child.read_line(), child.read_line()] == ["begins", "there"]
        under_way = unfinished_uploads(plain, config.bucket_name)
        status = child.kill_after(0, signal.SIGINT)

    assert len(under_way) == 1
    assert status == -signal.SIGINT  # Python's own end after a KeyboardInterrupt
    assert unfinished_uploads(plain, config.bucket_name) == []
    assert plain.get_object(Bucket=config.bucket_name, Key="k")["Body"].read() == b"old"
    assert names_in(source.parent) == ["new"]


def test_a_download_that_is_interrupted_leaves_no_temporary_file(
    config: S3Config, destination: Path
) -> None:
    destination.write_bytes(b"old")

    with started_child(
        _DOWNLOAD, destination, 1, "goes on slowly", environment=environment_of(config)
    ) as child:
        assert [child.read_line(), child.read_line()] == ["begins", "there"]
        under_way = names_in(destination.parent)
        status = child.kill_after(0, signal.SIGINT)

    assert len(under_way) == 2
    assert status == -signal.SIGINT
    assert names_in(destination.parent) == ["d"]
    assert destination.read_bytes() == b"old"
