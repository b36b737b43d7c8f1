"""Who takes part. Each module makes its contenders, and imports what they need only then."""

from __future__ import annotations

import importlib
import os
import subprocess
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from benchmarks.task import NotThereError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.task import Batch, Site

THREADS = 16
"""For one call per file."""

IN_FLIGHT = 64
"""For contenders that are given many files without threads."""

_PROGRAM_SECONDS = 3600

_MODULES = {
    "s3_integration": "ours",
    "s3_integration, bulk": "ours",
    "s3_integration, unverified": "ours",
    "s3_integration crt": "ours",
    "s3_integration crt, bulk": "ours",
    "s3_integration boto3": "ours",
    "s3_integration boto3, bulk": "ours",
    "s3i": "ours",
    "boto3": "boto",
    "boto3, 16 threads": "boto",
    "awscrt": "crt",
    "awscrt, 16 threads": "crt",
    "awscrt, no checksums": "crt",
    "obstore": "rust",
    "minio": "minios",
    "s3fs": "s3_fs",
    "s5cmd": "programs",
    "rclone": "programs",
}
NAMES = frozenset(_MODULES)


class Contender(ABC):
    """Moves batches of files, each in its own way."""

    @abstractmethod
    def upload(self, batch: Batch) -> None:
        """Store every file."""

    @abstractmethod
    def download(self, batch: Batch) -> None:
        """Fetch every object into the folder, which is there."""

    def exists(self, batch: Batch) -> None:
        """Ask for every object, in a process of its own each."""
        raise NotThereError(f"takes no part in asking for {batch.names}")

    def upload_folder(self, batch: Batch) -> None:
        """Store the folder below the prefix."""
        raise NotThereError(f"takes no part in storing {batch.prefix}")

    def download_folder(self, batch: Batch) -> None:
        """List what is below the prefix, and fetch it into the folder, which is there."""
        raise NotThereError(f"takes no part in fetching {batch.prefix}")

    def delete_folder(self, batch: Batch) -> None:
        """List what is below the prefix, and delete it."""
        raise NotThereError(f"takes no part in deleting {batch.prefix}")

    def list_folder(self, batch: Batch) -> int:
        """List what is below the prefix with sizes and times, and tell how much there is."""
        raise NotThereError(f"takes no part in listing {batch.prefix}")

    def sync_folder(self, batch: Batch) -> None:
        """Store what is in the folder and not, by size and time, below the prefix."""
        raise NotThereError(f"takes no part in comparing {batch.prefix}")


class Program(Contender):
    """A contender that is another process."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def run(self, *words: str | Path) -> bytes:
        """Run a command, and raise what it says if it fails."""
        return run(self._site, *words)


def make(name: str, site: Site) -> Contender:
    """The contender of that name.

    Raises:
        NotThereError: what it needs is not here.
    """
    module = importlib.import_module(f"benchmarks.contenders.{_MODULES[name]}")
    try:
        contender: Contender = module.make(name, site)
    except ImportError as error:
        raise NotThereError(f"not installed: {error}") from error
    return contender


def in_threads(call: Callable[[Path, str], object], batch: Batch) -> None:
    """One call per file, from so many threads."""
    pairs = batch.pairs
    if len(pairs) == 1:
        call(*pairs[0])
        return
    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(call, path, key) for path, key in pairs]:
            done.result()


def run(site: Site, *words: str | Path) -> bytes:
    """What a command printed, run with the site in its environment.

    Raises:
        RuntimeError: what it said, where it failed.
    """
    done = subprocess.run(
        [str(word) for word in words],
        env={**os.environ, **site.environment()},
        capture_output=True,
        check=False,
        timeout=_PROGRAM_SECONDS,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise RuntimeError(f"{_name_of(words)} ended with {done.returncode}: {said[-300:]}")
    return done.stdout


def _name_of(words: Sequence[str | Path]) -> str:
    return str(words[0]).rpartition("/")[2]
