"""This package: its public client, one call per file, and the engine's entry for many files."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, cast
from unittest.mock import patch

from benchmarks.contenders import Contender, Program, in_threads
from s3_integration import S3Client, S3Config
from s3_integration.config import resolve_settings
from s3_integration.service import S3Service
from s3_integration.transfer import checksums
from s3_integration.transfer.download import Download
from s3_integration.transfer.engine import UploadOptions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.task import Batch, Site
    from s3_integration.config import EngineName
    from s3_integration.transfer.engine import DownloadJob, Outcome, UploadJob


class OneCallPerFile(Contender):
    """`S3Client.upload_file` and `download_file`, from threads where there are many files."""

    def __init__(self, site: Site, chosen: EngineName) -> None:
        self._client = S3Client(config=_config(site, chosen))

    def upload(self, batch: Batch) -> None:
        """Store every file, each by a call of its own."""
        in_threads(self._client.upload_file, batch)

    def download(self, batch: Batch) -> None:
        """Fetch every object, each by a call of its own."""
        in_threads(lambda path, key: self._client.download_file(key, path), batch)

    def upload_folder(self, batch: Batch) -> None:
        """`upload_directory`."""
        self._client.upload_directory(batch.folder, batch.prefix).raise_if_failed()

    def download_folder(self, batch: Batch) -> None:
        """`download_directory`."""
        self._client.download_directory(batch.prefix, batch.folder).raise_if_failed()

    def delete_folder(self, batch: Batch) -> None:
        """`delete_directory`."""
        self._client.delete_directory(batch.prefix).raise_if_failed()

    def list_folder(self, batch: Batch) -> int:
        """`iter_files`."""
        return sum(1 for _ in self._client.iter_files(batch.prefix))

    def sync_folder(self, batch: Batch) -> None:
        """`upload_directory` of what has changed."""
        report = self._client.upload_directory(batch.folder, batch.prefix, only_changed=True)
        report.raise_if_failed()
        if len(report.skipped) != len(batch.names):
            raise RuntimeError(f"{len(report.skipped)} of {len(batch.names)} files were skipped")


class Unverified(OneCallPerFile):
    """The same without looking at the bytes, which no setting allows: to see what that costs."""

    def __init__(self, site: Site, chosen: EngineName) -> None:
        super().__init__(site, chosen)
        # For good: this process serves no other contender. All content has the checksum 0 then,
        # which the server repeats.
        patch.multiple(checksums, crc64nvme=lambda _, __=0: 0, joined=lambda _: 0).start()
        patch.multiple(
            Download, _wants_checksum=lambda *_: False, _check_content=lambda *_: None
        ).start()


class Bulk(Contender):
    """Many files by one call of the service."""

    def __init__(self, site: Site, chosen: EngineName) -> None:
        self._service = S3Service(settings=resolve_settings(site.bucket, _config(site, chosen)))

    def upload(self, batch: Batch) -> None:
        """Store every file."""
        options = UploadOptions("binary/octet-stream", {}, {})
        files = ((path, key, options) for path, key in batch.pairs)
        _raise_errors(self._service.upload_files(files))

    def download(self, batch: Batch) -> None:
        """Fetch every object."""
        _raise_errors(self._service.download_files((key, path) for path, key in batch.pairs))

    def upload_folder(self, batch: Batch) -> None:
        """The same, of files that need not be looked for: what a folder costs beside them."""
        self.upload(batch)

    def download_folder(self, batch: Batch) -> None:
        """The same, of keys that need not be listed."""
        self.download(batch)


class CommandLine(Program):
    """`s3i`; the client is measured by the others."""

    def upload(self, batch: Batch) -> None:
        """Takes no part in this."""
        raise NotImplementedError

    def download(self, batch: Batch) -> None:
        """Takes no part in this."""
        raise NotImplementedError

    def exists(self, batch: Batch) -> None:
        """`s3i exists`."""
        for _, key in batch.pairs:
            self.run(*_our_command(), "exists", key)

    def list_folder(self, batch: Batch) -> int:
        """`s3i ls`."""
        return len(self.run(*_our_command(), "ls", batch.prefix).splitlines())


def _our_command() -> tuple[str | Path, ...]:
    script = Path(sysconfig.get_path("scripts"), "s3i")
    return (script,) if script.exists() else (sys.executable, "-m", "s3_integration")


def _raise_errors(outcomes: Iterable[Outcome[UploadJob] | Outcome[DownloadJob]]) -> None:
    for outcome in outcomes:
        if outcome.error:
            raise outcome.error


def _config(site: Site, chosen: EngineName) -> S3Config:
    if chosen == "crt":
        import awscrt  # noqa: F401 - where it is missing, there is no such contender
    return S3Config(
        site.bucket,
        site.region,
        site.access_key_id,
        site.secret_access_key,
        endpoint_url=site.endpoint_url,
        engine=chosen,
    )


def make(name: str, site: Site) -> Contender:
    """The client or the bulk entry, on one of the engines, or the command line."""
    if name == "s3i":
        return CommandLine(site)
    words, _, way = name.partition(", ")
    chosen = cast("EngineName", words.partition(" ")[2] or "auto")
    if way == "bulk":
        return Bulk(site, chosen)
    return Unverified(site, chosen) if way else OneCallPerFile(site, chosen)
