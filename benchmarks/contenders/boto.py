"""Stock boto3: `upload_file` and `download_file` as they are."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import THREADS, Contender, in_threads, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from benchmarks.task import Batch, Site

_HEAD = "import boto3, sys; boto3.client('s3').head_object(Bucket=sys.argv[1], Key=sys.argv[2])"


class Boto3(Contender):
    """One client with its defaults, shared by the threads."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._client = boto3_client(site)

    def upload(self, batch: Batch) -> None:
        """Store every file, each by a call of its own."""
        in_threads(
            lambda path, key: self._client.upload_file(str(path), self._site.bucket, key), batch
        )

    def download(self, batch: Batch) -> None:
        """Fetch every object, each by a call of its own."""
        in_threads(
            lambda path, key: self._client.download_file(self._site.bucket, key, str(path)), batch
        )

    def exists(self, batch: Batch) -> None:
        """Import, client and one HEAD."""
        for _, key in batch.pairs:
            run(self._site, sys.executable, "-c", _HEAD, self._site.bucket, key)


class Boto3Threads(Boto3):
    """Folders as programs do it that people write: the listing, and 16 threads."""

    def upload_folder(self, batch: Batch) -> None:
        """Store every file of the folder."""
        paths = [path for path in batch.folder.rglob("*") if path.is_file()]
        self._store(paths, batch)

    def download_folder(self, batch: Batch) -> None:
        """Fetch every object that is listed."""

        def fetch(key: str) -> None:
            path = batch.folder / key.removeprefix(batch.prefix)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._client.download_file(self._site.bucket, key, str(path))

        _in_pool(fetch, [listed["Key"] for listed in self._listed(batch)])

    def delete_folder(self, batch: Batch) -> None:
        """A thousand objects by one request."""

        def delete(page: Any) -> None:
            objects = [{"Key": listed["Key"]} for listed in page.get("Contents", [])]
            answer = self._client.delete_objects(
                Bucket=self._site.bucket, Delete={"Objects": objects, "Quiet": True}
            )
            if answer.get("Errors"):
                raise RuntimeError(answer["Errors"])

        _in_pool(delete, self._pages(batch))

    def list_folder(self, batch: Batch) -> int:
        """By the paginator."""
        return sum(1 for _ in self._listed(batch))

    def sync_folder(self, batch: Batch) -> None:
        """Store files of another size, or changed later, than what is listed."""
        stored = {
            listed["Key"]: (listed["Size"], listed["LastModified"].timestamp())
            for listed in self._listed(batch)
        }
        changed = []
        for path in batch.folder.rglob("*"):
            if path.is_file():
                found = path.stat()
                key = f"{batch.prefix}{path.relative_to(batch.folder).as_posix()}"
                size_bytes, moment = stored.get(key, (-1, 0.0))
                if found.st_size != size_bytes or found.st_mtime > moment:
                    changed.append(path)
        self._store(changed, batch)

    def _store(self, paths: Sequence[Path], batch: Batch) -> None:
        def store(path: Path) -> None:
            key = f"{batch.prefix}{path.relative_to(batch.folder).as_posix()}"
            self._client.upload_file(str(path), self._site.bucket, key)

        _in_pool(store, paths)

    def _listed(self, batch: Batch) -> Iterator[Any]:
        for page in self._pages(batch):
            yield from page.get("Contents", [])

    def _pages(self, batch: Batch) -> Iterable[Any]:
        paginator = self._client.get_paginator("list_objects_v2")
        pages: Iterable[Any] = paginator.paginate(Bucket=self._site.bucket, Prefix=batch.prefix)
        return pages


def _in_pool(call: Callable[[Any], object], each: Iterable[Any]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(call, one) for one in each]:
            done.result()


def boto3_client(site: Site) -> Any:
    """A client of boto3 for that site."""
    import boto3
    from botocore.config import Config

    config = Config()
    if site.checksums == "when required":
        config = Config(request_checksum_calculation="when_required")
    return boto3.client(
        "s3",
        endpoint_url=site.endpoint_url,
        aws_access_key_id=site.access_key_id,
        aws_secret_access_key=site.secret_access_key,
        region_name=site.region,
        config=config,
    )


def make(name: str, site: Site) -> Contender:
    """One call per file, or a program for folders."""
    return Boto3Threads(site) if "threads" in name else Boto3(site)
