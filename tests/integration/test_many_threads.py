"""One client in many threads, and in forked children."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from s3_integration.client import S3Client
from s3_integration.config import S3Config
from s3_integration.exceptions import S3FileNotFoundError
from tests.fixtures.children import environment_of, run_child
from tests.fixtures.servers import ServerUnderTest

THREADS: Final = 200
OPERATIONS_OF_A_THREAD: Final = 10
LIMIT_SECONDS: Final = 90
SEED: Final = 20240131


@pytest.fixture(autouse=True)
def _not_on_the_bucket_of_a_person(server: ServerUnderTest) -> None:
    if server.only_bucket_name:
        pytest.skip("a load that a person would have to pay for")


@dataclass
class Worker:
    """One thread's work: operations on keys of its own, and what should be stored then."""

    number: int
    client: S3Client
    folder: Path
    model: dict[str, bytes] = field(default_factory=dict)
    operations: int = 0

    def run(self, start: threading.Barrier) -> None:
        chance = random.Random(SEED + self.number)
        source, destination = self.folder / f"{self.number}-up", self.folder / f"{self.number}-down"
        keys = [f"thread-{self.number:03}/{name}" for name in "abc"]
        start.wait(60)
        for _ in range(OPERATIONS_OF_A_THREAD):
            key = chance.choice(keys)
            match chance.choice(
                ("upload", "upload", "upload", "download", "exists", "delete", "list")
            ):
                case "upload":
                    source.write_bytes(chance.randbytes(chance.choice((0, 1, 1000, 60_000))))
                    self.client.upload_file(source, key)
                    self.model[key] = source.read_bytes()
                case "download":
                    self.check_content(key, destination)
                case "exists":
                    assert self.client.file_exists(key) == (key in self.model)
                case "delete":
                    assert self.client.delete_file(key) == (self.model.pop(key, None) is not None)
                case "list":
                    listed = self.client.list_files(f"thread-{self.number:03}/")
                    sizes = {file["key"]: file["size"] for file in listed}
                    assert sizes == {name: len(content) for name, content in self.model.items()}
            self.operations += 1

    def check_content(self, key: str, destination: Path) -> None:
        if key in self.model:
            self.client.download_file(key, destination)
            assert destination.read_bytes() == self.model[key]
        else:
            with pytest.raises(S3FileNotFoundError):
                self.client.download_file(key, destination)


@pytest.mark.promise(8)
def test_two_hundred_threads_on_one_client_lose_nothing(
    server: ServerUnderTest, config: S3Config, tmp_path: Path
) -> None:
    client = S3Client(config=config)
    (tmp_path / "source").write_bytes(b"")
    client.upload_file(tmp_path / "source", "the bucket is there")
    client.delete_file("the bucket is there")
    workers = [Worker(number, client, tmp_path) for number in range(THREADS)]
    start = threading.Barrier(THREADS)
    began = time.monotonic()

    with ThreadPoolExecutor(THREADS) as threads:
        for job in [threads.submit(worker.run, start) for worker in workers]:
            job.result(LIMIT_SECONDS)

    assert time.monotonic() - began < LIMIT_SECONDS
    assert sum(worker.operations for worker in workers) == THREADS * OPERATIONS_OF_A_THREAD
    model = {key: content for worker in workers for key, content in worker.model.items()}
    assert len(model) > THREADS  # the threads did store something
    assert {file["key"]: file["size"] for file in client.list_files()} == {
        key: len(content) for key, content in model.items()
    }
    with ThreadPoolExecutor(8) as threads:
        fetched = threads.map(lambda key: _content(client, key, tmp_path), model)
        assert dict(zip(model, fetched, strict=True)) == model
    assert not list(tmp_path.glob(".*"))  # no temporary file is left


def _content(client: S3Client, key: str, folder: Path) -> bytes:
    destination = folder / key.replace("/", "-")
    return Path(client.download_file(key, destination)).read_bytes()


# Its pool of threads and its connections are in use when it forks; each child and the parent
# then go on with the very same client.
_FORK: Final = """
import os, sys, threading
from pathlib import Path
from s3_integration import S3Client

folder = Path(sys.argv[1])
big = folder / "big"
big.write_bytes(os.urandom(17 * 2**20))
client = S3Client()
client.upload_file(big, "parent")

def work(name):
    destination = folder / f"fetched-{name}"
    client.download_file("parent", destination)
    assert destination.read_bytes() == big.read_bytes()
    client.upload_file(big, f"child-{name}")
    assert client.file_exists(f"child-{name}")

threads = [threading.Thread(target=work, args=(f"thread-{n}",)) for n in range(2)]
for thread in threads:
    thread.start()
children = []
for number in range(3):
    child = os.fork()
    if not child:
        status = 1
        try:
            work(number)
            status = 0
        finally:
            os._exit(status)
    children.append(child)
work("parent")
for thread in threads:
    thread.join(60)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
print(len(client.list_files("child-")))
"""

_FORKED_POOL: Final = """
import multiprocessing, os, sys
from pathlib import Path
from s3_integration import S3Client

folder = Path(sys.argv[1])
client = S3Client()
(folder / "source").write_bytes(b"first")
client.upload_file(folder / "source", "from the parent")

def store(number):
    source = folder / f"source-{number}"
    source.write_bytes(str(number).encode())
    client.upload_file(source, f"number/{number}")
    client.download_file(f"number/{number}", folder / f"fetched-{number}")
    return (folder / f"fetched-{number}").read_bytes() == source.read_bytes(), os.getpid()

with multiprocessing.get_context("fork").Pool(3) as pool:
    outcomes = pool.map_async(store, range(30), chunksize=1).get(60)
print(all(equal for equal, _ in outcomes), os.getpid() not in {child for _, child in outcomes})
print(len(client.list_files("number/")))
"""


@pytest.mark.parametrize("chosen", ["auto", "crt", "boto3"])
@pytest.mark.parametrize(
    ("script", "expected"),
    [(_FORK, "[0, 0, 0]\n6\n"), (_FORKED_POOL, "True True\n30\n")],
    ids=["os.fork", "multiprocessing"],
)
@pytest.mark.promise(8)
def test_forked_children_go_on_with_their_parents_client(
    config: S3Config, tmp_path: Path, script: str, expected: str, chosen: str
) -> None:
    environment = environment_of(config, S3_INTEGRATION_ENGINE=chosen)

    child = run_child(script, tmp_path, environment=environment, timeout_seconds=100)

    assert (child.stdout, child.stderr, child.returncode) == (expected, "", 0)
