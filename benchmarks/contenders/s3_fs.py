"""s3fs, as its documentation has it: `put`, `get`, `rm`, `find`, and `rsync` of fsspec."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.contenders import Contender

if TYPE_CHECKING:
    from benchmarks.task import Batch, Site


class S3fs(Contender):
    """One file system with its defaults; no listing is remembered from one call to the next."""

    def __init__(self, site: Site) -> None:
        import s3fs

        self._site = site
        self._options = {
            "key": site.access_key_id,
            "secret": site.secret_access_key,
            "endpoint_url": site.endpoint_url,
            "client_kwargs": {"region_name": site.region},
        }
        self._files = s3fs.S3FileSystem(**self._options)

    def upload(self, batch: Batch) -> None:
        """Takes no part in this."""
        raise NotImplementedError

    def download(self, batch: Batch) -> None:
        """Takes no part in this."""
        raise NotImplementedError

    def upload_folder(self, batch: Batch) -> None:
        """Store the folder's content."""
        self._files.put(f"{batch.folder}/", self._path(batch), recursive=True)

    def download_folder(self, batch: Batch) -> None:
        """Fetch the folder's content."""
        self._files.get(self._path(batch), f"{batch.folder}/", recursive=True)

    def delete_folder(self, batch: Batch) -> None:
        """A thousand objects by one request."""
        self._files.rm(self._path(batch), recursive=True)

    def list_folder(self, batch: Batch) -> int:
        """With sizes and times."""
        return len(self._files.find(self._path(batch), detail=True))

    def sync_folder(self, batch: Batch) -> None:
        """Store files of another size."""
        from fsspec.generic import rsync

        rsync(
            f"file://{batch.folder}",
            f"s3://{self._path(batch)}",
            update_cond="different",
            update_field="size",
            inst_kwargs={"default_method": "options", "storage_options": {"s3": self._options}},
        )

    def _path(self, batch: Batch) -> str:
        return f"{self._site.bucket}/{batch.prefix}"


def make(_: str, site: Site) -> Contender:
    """The only one of this module."""
    return S3fs(site)
