"""20,000 small files stored by a Dask cluster, one of whose workers is killed half way.

    python -m benchmarks.cluster [FILES]

It starts a Ceph of its own and a cluster of two worker processes, looks whether everything is
there and was told of once, and prints the figures of docs/scaling.md.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.machine import surroundings
from s3_integration import S3Client, S3Config
from tests.fixtures.ceph import ceph
from tests.fixtures.cluster import WORKERS, Killer, cluster

if TYPE_CHECKING:
    from distributed import Client

FILES = 20_000
FILE_BYTES = 4096


def write_files(folder: Path, number: int) -> list[str]:
    """Files in a hundred folders, each with other bytes."""
    names = [f"{n % 100:02}/{n:06}" for n in range(number)]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode() * (FILE_BYTES // len(name)))
    return names


def run(client: S3Client, dask: Client, number: int, folder: Path) -> dict[str, object]:
    """Store the files, and look at what became of them."""
    names = write_files(folder / "up", number)
    killer = Killer(dask, number // 2)
    began = time.perf_counter()
    report = client.upload_directory(
        folder / "up", "files", executor=dask.get_executor(), progress=killer
    )
    seconds = time.perf_counter() - began
    told = Counter(result.key for result in (*report.done, *report.skipped, *report.failed))
    fetched = client.download_directory("files", folder / "down")
    keys = {f"files/{name}" for name in names}
    stored = client.list_versions(prefix="files/")
    return {
        "files": number,
        "seconds": round(seconds, 1),
        "workers": WORKERS,
        "worker killed": bool(killer.killed),
        "shards that it had": killer.shards_lost,
        "done": len(report.done),
        "failed": len(report.failed),
        "told twice": sum(count > 1 for count in told.values()),
        "not told": len(keys - told.keys()),
        "missing": len(keys - {result.key for result in fetched.done}),
        "other bytes": sum(
            (folder / "up" / name).read_bytes() != (folder / "down" / name).read_bytes()
            for name in names
        ),
        "stored twice": len(stored) - number,
    }


def main() -> None:
    """Run it and print what was found."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else FILES
    with ceph() as server, tempfile.TemporaryDirectory() as folder, cluster() as dask:
        config = S3Config(
            "cluster-bench",
            endpoint_url=server.endpoint_url,
            access_key_id=server.access_key_id,
            secret_access_key=server.secret_access_key,
        )
        found = run(S3Client(config=config), dask, number, Path(folder))
    here = surroundings()
    made_with = {name: here.versions[name] for name in ("Python", "boto3", "Ceph")}
    made_with["distributed"] = version("distributed")
    print(json.dumps({**found, "machine": here.shape, **made_with}, indent=2))


if __name__ == "__main__":
    main()
