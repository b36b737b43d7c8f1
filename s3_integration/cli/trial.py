"""What the demo does: every operation once on real files, each byte compared."""

from __future__ import annotations

import filecmp
import os
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from s3_integration.sandbox import files_under
from s3_integration.utils import MIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from s3_integration.client import S3Client
    from s3_integration.models import ProgressCallback

LARGE_FILE_SIZE_BYTES = 64 * MIB


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of the trial did, and how long it took."""

    step: str
    files: int
    bytes: int
    seconds: float
    moves_bytes: bool
    """Whether the bytes really moved; listing and deleting only name them."""

    @property
    def megabytes_per_second(self) -> float | None:
        """Millions of bytes per second; None where none moved."""
        return self.bytes / self.seconds / 1e6 if self.moves_bytes and self.seconds else None

    def to_dict(self) -> dict[str, Any]:
        """The step as plain values, rounded for reading."""
        speed = self.megabytes_per_second
        facts = asdict(self)
        del facts["moves_bytes"]
        facts["seconds"] = round(self.seconds, 3)
        return facts | {"megabytes_per_second": None if speed is None else round(speed, 1)}


class Watch(Protocol):
    """Gives what follows one step, such as a progress bar."""

    def __call__(self, step: str) -> AbstractContextManager[ProgressCallback]:
        """Begin to follow `step`."""
        ...


class Trial:
    """One run over some files: upload, list, download, compare, delete."""

    def __init__(self, client: S3Client, sources: Mapping[str, Path], copies: Path) -> None:
        self.problems: list[str] = []
        self._client = client
        self._sources = sources
        self._copies = copies
        self._sizes = {key: path.stat().st_size for key, path in sources.items()}

    @property
    def size_bytes(self) -> int:
        """Bytes of all files together."""
        return sum(self._sizes.values())

    def steps(self, watch: Watch) -> Iterator[Step]:
        """Do everything, and yield each step when it is done; see `problems` afterwards."""
        actions: dict[str, Callable[[ProgressCallback], None]] = {
            "upload": self._upload,
            "list": self._list,
            "download": self._download,
            "compare": self._compare,
            "delete": self._delete,
        }
        for name, action in actions.items():
            started = time.perf_counter()
            with watch(name) as progress:
                action(progress)
            seconds = time.perf_counter() - started
            moves_bytes = name not in {"list", "delete"}
            yield Step(name, len(self._sources), self.size_bytes, seconds, moves_bytes)

    def _upload(self, progress: ProgressCallback) -> None:
        for key, offset in self._keys_with_offsets():
            self._client.upload_file(
                self._sources[key], key, progress=self._shifted(progress, offset)
            )

    def _list(self, _progress: ProgressCallback) -> None:
        listed = {file["key"]: file["size"] for file in self._client.list_files()}
        for key in sorted(listed.keys() | self._sizes.keys()):
            if listed.get(key) != self._sizes.get(key):
                wanted, found = self._sizes.get(key), listed.get(key)
                self.problems.append(f"{key!r} is listed with {found} bytes, it has {wanted}")

    def _download(self, progress: ProgressCallback) -> None:
        for key, offset in self._keys_with_offsets():
            self._client.download_file(
                key, self._copies / key, progress=self._shifted(progress, offset)
            )

    def _compare(self, progress: ProgressCallback) -> None:
        for key, offset in self._keys_with_offsets():
            if not filecmp.cmp(self._sources[key], self._copies / key, shallow=False):
                self.problems.append(f"{key!r} came back with other bytes")
            progress(offset + self._sizes[key], self.size_bytes)

    def _delete(self, _progress: ProgressCallback) -> None:
        for key in self._sources:
            if not self._client.delete_file(key):
                self.problems.append(f"{key!r} was gone before it was deleted")
        for file in self._client.list_files():
            self.problems.append(f"{file['key']!r} is still there after everything was deleted")

    def _keys_with_offsets(self) -> Iterator[tuple[str, int]]:
        """Each key, and how many bytes come before it."""
        offset = 0
        for key, size_bytes in self._sizes.items():
            yield key, offset
            offset += size_bytes

    def _shifted(self, progress: ProgressCallback, offset: int) -> ProgressCallback:
        """Progress of one file, told as progress of all."""
        return lambda done_bytes, _file_bytes: progress(offset + done_bytes, self.size_bytes)


def default_folder(package_folder: Path) -> Path:
    """The project's documents where the package lies in a checkout, else the package itself."""
    project = package_folder.parent
    is_checkout = (project / "pyproject.toml").is_file() and (project / "docs").is_dir()
    return project / "docs" if is_checkout else package_folder


def collect(folder: Path) -> tuple[dict[str, Path], int]:
    """The files under `folder` by their key in the trial, and how many entries are left out."""
    found = files_under(folder)
    # Python may rewrite its caches while the trial runs.
    sources = {
        f"demo/files/{name}": path
        for name, path in found.files.items()
        if path.parent.name != "__pycache__"
    }
    return sources, found.skipped


def write_large_file(path: Path) -> None:
    """Fill a file with random bytes, which nothing on the way can compress."""
    with path.open("wb") as target:
        for _ in range(LARGE_FILE_SIZE_BYTES // MIB):
            target.write(os.urandom(MIB))
