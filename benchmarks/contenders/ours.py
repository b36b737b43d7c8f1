"""This package: its public client, one call per file, and the engine's entry for many files."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from benchmarks.contenders import Contender, Program, in_threads
from benchmarks.task import NotThereError
from s3_integration import S3Client, S3Config
from s3_integration.config import EngineName
from s3_integration.transfer import engine
from s3_integration.transfer.engine import ObjectId, UploadOptions

if TYPE_CHECKING:
    from benchmarks.task import Batch, Site

Engine = Literal["auto", "crt", "boto3"]


class OneCallPerFile(Contender):
    """`S3Client.upload_file` and `download_file`, from threads where there are many files."""

    def __init__(self, site: Site, chosen: Engine) -> None:
        self._client = S3Client(config=_config(site, chosen))

    def upload(self, batch: Batch) -> None:
        """Store every file, each by a call of its own."""
        in_threads(self._client.upload_file, batch)

    def download(self, batch: Batch) -> None:
        """Fetch every object, each by a call of its own."""
        in_threads(lambda path, key: self._client.download_file(key, path), batch)


class Bulk(Contender):
    """`upload_many` and `download_many` of the engine."""

    def __init__(self, site: Site, chosen: Engine) -> None:
        from s3_integration.config import resolve_settings
        from s3_integration.service import S3Service

        service = S3Service(settings=resolve_settings(site.bucket, _config(site, chosen)))
        self._bucket = site.bucket
        self._engine: Any = service._engine  # noqa: SLF001 - its bulk entry is not public yet
        if not hasattr(self._engine, "upload_many"):
            raise NotThereError("the engine has no entry for many files yet")

    def upload(self, batch: Batch) -> None:
        """Store every file."""
        options = UploadOptions("binary/octet-stream", {}, {})
        job: Any = engine.UploadJob  # type: ignore[attr-defined]
        jobs = (job(path, ObjectId(self._bucket, key), options) for path, key in batch.pairs)
        _raise_errors(self._engine.upload_many(jobs))

    def download(self, batch: Batch) -> None:
        """Fetch every object."""
        job: Any = engine.DownloadJob  # type: ignore[attr-defined]
        jobs = (job(ObjectId(self._bucket, key), path) for path, key in batch.pairs)
        _raise_errors(self._engine.download_many(jobs))


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
        script = Path(sysconfig.get_path("scripts"), "s3i")
        command = (script,) if script.exists() else (sys.executable, "-m", "s3_integration")
        for _, key in batch.pairs:
            self.run(*command, "exists", key)


def _raise_errors(outcomes: Any) -> None:
    for outcome in outcomes:
        if outcome.error:
            raise outcome.error


def _config(site: Site, chosen: Engine) -> S3Config:
    if chosen not in get_args(EngineName):
        message = f"there is no {chosen} engine yet"
        raise NotThereError(message)
    return S3Config(
        site.bucket,
        site.region,
        site.access_key_id,
        site.secret_access_key,
        endpoint_url=site.endpoint_url,
        engine=cast("EngineName", chosen),
    )


def make(name: str, site: Site) -> Contender:
    """The client or the bulk entry, on one of the engines, or the command line."""
    if name == "s3i":
        return CommandLine(site)
    words = name.removesuffix(", bulk").split()
    chosen = cast("Engine", words[1] if len(words) > 1 else "auto")
    return Bulk(site, chosen) if name.endswith("bulk") else OneCallPerFile(site, chosen)
