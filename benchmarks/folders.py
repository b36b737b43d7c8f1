"""What whole folders are measured with: files on this machine, and keys that the server lists."""

from __future__ import annotations

import hashlib
import os
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from benchmarks.served import MIB, SMALL_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FolderName = Literal["first", "medium", "doomed", "listed", "synced"]
"""Folders that the local server holds beside the small files.

`first` is what everybody gets warm with. `doomed` and `listed` are only keys. `synced` is on
this machine, a little older than what the server says to have.
"""

FIRST_FILES = 500
MEDIUM_BYTES = MIB
SYNCED_BYTES = 1024

_ONE_FOLDER = 1000
"""Files in each folder of those that hold many."""

_OLDER = 1_750_000_000
"""In June 2025: before the time that all listings tell."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One folder of the server."""

    prefix: str
    names: tuple[str, ...]
    size_bytes: int
    sha256: Mapping[str, str] = field(default_factory=dict)
    """By name, where there are files to download."""


def make_folders(folder: Path, numbers: Mapping[FolderName, int]) -> dict[str, Kept]:
    """Fill `folder`, which is a bucket's, with so many files of each kind."""
    kept: dict[str, Kept] = {
        "doomed": Kept("doomed/", _nested(numbers.get("doomed", 0)), SMALL_BYTES),
        "listed": Kept("listed/", _nested(numbers.get("listed", 0)), SMALL_BYTES),
        "synced": Kept("synced/", _nested(numbers.get("synced", 0)), SYNCED_BYTES),
    }
    _write_same(folder / "synced", kept["synced"])
    kept["first"] = _random_files(folder, "first", numbers.get("first", 0), SMALL_BYTES)
    kept["medium"] = _random_files(folder, "medium", numbers.get("medium", 0), MEDIUM_BYTES)
    return {name: kept[name] for name in get_args(FolderName)}


def _nested(number: int) -> tuple[str, ...]:
    return tuple(f"{n // _ONE_FOLDER:03}/{n % _ONE_FOLDER:03}.bin" for n in range(number))


def _write_same(folder: Path, kept: Kept) -> None:
    for name in kept.names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(kept.size_bytes))
        os.utime(path, (_OLDER, _OLDER))


def _random_files(folder: Path, name: FolderName, number: int, size_bytes: int) -> Kept:
    chance = random.Random(name)  # noqa: S311 - chance that can be repeated
    (folder / name).mkdir(parents=True)
    sums = {}
    for n in range(number):
        content = chance.randbytes(size_bytes)
        path = folder / name / f"{n:04}.bin"
        path.write_bytes(content)
        os.utime(path, (_OLDER, _OLDER))
        sums[path.name] = hashlib.sha256(content).hexdigest()
    return Kept(f"{name}/", tuple(sums), size_bytes, sums)
