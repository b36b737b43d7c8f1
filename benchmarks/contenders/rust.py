"""obstore, which is Rust's object_store: many files by asyncio, large ones by `put` and `get`."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import IN_FLIGHT, Contender, run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from benchmarks.task import Batch, Site

_LIMIT = "300 s"  # of a whole request; its default of 30 s is less than a large file may take

_HEAD = """
import os, sys, obstore
from obstore.store import S3Store
store = S3Store(
    sys.argv[1], endpoint=os.environ["AWS_ENDPOINT_URL_S3"], region=os.environ["AWS_REGION"],
    client_options={"allow_http": True},
)
obstore.head(store, sys.argv[2])
"""


class Obstore(Contender):
    """One store with its defaults."""

    def __init__(self, site: Site) -> None:
        from obstore.store import S3Store

        self._site = site
        self._store: Any = S3Store(
            site.bucket,
            endpoint=site.endpoint_url,
            access_key_id=site.access_key_id,
            secret_access_key=site.secret_access_key,
            region=site.region,
            virtual_hosted_style_request=False,
            client_options={"allow_http": True, "timeout": _LIMIT},
        )

    def upload(self, batch: Batch) -> None:
        """Store every file."""
        import obstore

        if len(batch.names) > 1:
            asyncio.run(_all_of(self._put, batch))
        for path, key in batch.pairs if len(batch.names) == 1 else ():
            obstore.put(self._store, key, path)

    def download(self, batch: Batch) -> None:
        """Fetch every object."""
        import obstore

        if len(batch.names) > 1:
            asyncio.run(_all_of(self._get, batch))
        for path, key in batch.pairs if len(batch.names) == 1 else ():
            with path.open("wb") as file:
                for chunk in obstore.get(self._store, key).stream():
                    file.write(chunk)

    def exists(self, batch: Batch) -> None:
        """Import, store and one HEAD."""
        for _, key in batch.pairs:
            run(self._site, sys.executable, "-c", _HEAD, self._site.bucket, key)

    async def _put(self, path: Path, key: str) -> None:
        import obstore

        await obstore.put_async(self._store, key, path)

    async def _get(self, path: Path, key: str) -> None:
        import obstore

        answer = await obstore.get_async(self._store, key)
        path.write_bytes(await answer.bytes_async())  # noqa: ASYNC240 - 16 KiB into memory


async def _all_of(call: Callable[[Path, str], Awaitable[None]], batch: Batch) -> None:
    free = asyncio.Semaphore(IN_FLIGHT)

    async def one(path: Path, key: str) -> None:
        async with free:
            await call(path, key)

    await asyncio.gather(*(one(path, key) for path, key in batch.pairs))


def make(_: str, site: Site) -> Contender:
    """The only one of this module."""
    return Obstore(site)
