"""A cluster of separate processes, one of which is killed in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from distributed import Client

from s3_integration.client import S3Client
from tests.fixtures.ceph import ceph_is_installed
from tests.fixtures.cluster import Killer, cluster
from tests.fixtures.servers import ServerUnderTest

FILES: Final = 400


@pytest.fixture
def dask(server: ServerUnderTest) -> Iterator[Client]:
    if server.name != ("ceph" if ceph_is_installed() else "moto"):
        pytest.skip("clusters are tried on one server")
    with cluster() as client:
        yield client


@pytest.mark.promise(9)
def test_everything_is_there_and_told_of_once_although_a_worker_was_killed(
    dask: Client, client: S3Client, tmp_path: Path
) -> None:
    names = {f"{n % 10}/{n}" for n in range(FILES)}
    for name in sorted(names):
        (tmp_path / "up" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "up" / name).write_text(f"content of {name}")
    killer = Killer(dask, 1)

    report = client.upload_directory(
        tmp_path / "up", "p", executor=dask.get_executor(), progress=killer
    )

    assert killer.killed
    assert killer.shards_lost
    assert not report.failed
    assert sorted(result.key for result in report.done) == sorted(f"p/{name}" for name in names)
    stored = client.list_files()
    assert {file["key"] for file in stored} == {f"p/{name}" for name in names}
    assert sum(file["size"] for file in stored) == report.size_bytes

    back = client.download_directory("p", tmp_path / "down", executor=dask.get_executor())

    assert len(back.done) == FILES
    for name in names:
        assert (tmp_path / "down" / name).read_text() == f"content of {name}"
