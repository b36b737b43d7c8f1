"""minio-py: `fput_object` and `fget_object` as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.contenders import Contender, in_threads

if TYPE_CHECKING:
    from benchmarks.task import Batch, Site


class MinioPy(Contender):
    """One client with its defaults, shared by the threads."""

    def __init__(self, site: Site) -> None:
        from minio import Minio

        self._bucket = site.bucket
        # Told the region, it does not ask the bucket for it first.
        self._client: Any = Minio(
            site.host,
            access_key=site.access_key_id,
            secret_key=site.secret_access_key,
            region=site.region,
            secure=False,
        )

    def upload(self, batch: Batch) -> None:
        """Store every file, each by a call of its own."""
        in_threads(lambda path, key: self._client.fput_object(self._bucket, key, str(path)), batch)

    def download(self, batch: Batch) -> None:
        """Fetch every object, each by a call of its own."""
        in_threads(lambda path, key: self._client.fget_object(self._bucket, key, str(path)), batch)


def make(_: str, site: Site) -> Contender:
    """The only one of this module."""
    return MinioPy(site)
