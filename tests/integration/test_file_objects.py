"""Programs that want files get stored ones: csv, json, zip, gzip, tar, pandas, Parquet."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import tarfile
import zipfile
from collections.abc import Iterator
from typing import Any, Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from s3_integration import S3Client, S3Config
from s3_integration.utils import MIB
from tests.fixtures.memory_server import MemoryServer, memory_server

ROWS = [["name", "n"], ["é, with a comma", "1"], ['a "quote"\nand a line', "2"]]


@pytest.fixture
def memory() -> Iterator[MemoryServer]:
    """A server that counts: the others prove elsewhere what they do."""
    with memory_server() as server:
        yield server


@pytest.fixture
def s3(memory: MemoryServer) -> S3Client:
    config = S3Config("bucket", "us-east-1", "key-id", "secret", endpoint_url=memory.url)
    return S3Client(config=config, create_bucket=False)


class Counting:
    """Counts the requests of a block."""

    def __init__(self, server: MemoryServer) -> None:
        self._server = server

    def __enter__(self) -> Self:
        self._before = len(self._server.agents)
        return self

    def __exit__(self, *_: object) -> None:
        self.requests = len(self._server.agents) - self._before


def test_csv(s3: S3Client) -> None:
    with s3.open("rows.csv", "w", newline="") as file:
        csv.writer(file).writerows(ROWS)
    with s3.open("rows.csv", newline="") as file:
        assert list(csv.reader(file)) == ROWS


def test_json(s3: S3Client) -> None:
    facts = {"a": [1, None, "é"]}
    with s3.open("facts.json", "w") as file:
        json.dump(facts, file, ensure_ascii=False)
    with s3.open("facts.json") as file:
        assert json.load(file) == facts


def test_gzip(s3: S3Client) -> None:
    content = random.Random(1).randbytes(MIB)
    with s3.open("a.gz", "wb") as file, gzip.open(file, "wb") as packed:
        packed.write(content)
    with s3.open("a.gz", "rb") as stored, gzip.open(stored) as unpacked:
        assert unpacked.read() == content


@pytest.mark.parametrize("kind", ["", "gz"])
def test_tar(s3: S3Client, kind: str) -> None:
    with (
        s3.open("a.tar", "wb") as file,
        tarfile.open(fileobj=file, mode=f"w:{kind}") as archive,  # type: ignore[call-overload]  # of a mode that is put together
    ):
        for number in range(5):
            member = tarfile.TarInfo(f"f{number}")
            member.size = 300_000
            archive.addfile(member, io.BytesIO(bytes([number]) * member.size))
    with s3.open("a.tar", "rb") as stored, tarfile.open(fileobj=stored) as archive:
        assert archive.getnames() == [f"f{number}" for number in range(5)]
        last = archive.extractfile("f4")
        assert last
        assert last.read() == b"\4" * 300_000


@pytest.fixture
def large_zip(s3: S3Client) -> dict[str, bytes]:
    """4,000 members, 20 MB; their directory alone is longer than what a jump fetches."""
    chance = random.Random(1)
    members = {f"folder/{number:04}-{'x' * 60}": chance.randbytes(5000) for number in range(4000)}
    with s3.open("large.zip", "wb") as file, zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return members


def test_the_directory_of_a_large_zip_takes_few_requests(
    s3: S3Client, memory: MemoryServer, large_zip: dict[str, bytes]
) -> None:
    with s3.open("large.zip", "rb") as file:
        with Counting(memory) as opening, zipfile.ZipFile(file) as archive:
            names = archive.namelist()
        with Counting(memory) as reading, zipfile.ZipFile(file) as archive:
            one = archive.read(names[2000])

    assert names == list(large_zip)
    assert one == large_zip[names[2000]]
    assert opening.requests <= 2
    assert reading.requests <= 4


def test_pandas_reads_and_writes_csv(s3: S3Client) -> None:
    frame = pd.DataFrame({"n": range(50_000), "name": [f"é{n}" for n in range(50_000)]})
    with s3.open("frame.csv", "w", newline="") as file:
        frame.to_csv(file, index=False)
    with s3.open("frame.csv") as text:
        pd.testing.assert_frame_equal(pd.read_csv(text), frame)
    with s3.open("frame.csv", "rb") as binary:
        pd.testing.assert_frame_equal(pd.read_csv(binary), frame)


def test_parquet_reads_a_column_without_the_others(s3: S3Client, memory: MemoryServer) -> None:
    chance = random.Random(1)
    columns: dict[str, Any] = {
        name: [chance.random() for _ in range(200_000)] for name in ("a", "b", "c", "d")
    }
    table = pa.table(columns)
    with s3.open("table.parquet", "wb") as file:
        pq.write_table(table, file)

    with s3.open("table.parquet", "rb") as stored, Counting(memory) as counting:
        one = pq.read_table(stored, columns=["c"], pre_buffer=False)
    with s3.open("table.parquet", "rb") as stored:
        whole = pq.read_table(stored)

    assert one.column("c").to_pylist() == columns["c"]
    assert whole.equals(table)
    assert counting.requests < 20
