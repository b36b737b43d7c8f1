"""Whether a contender did what it was timed for: nothing counts that did not arrive."""

from __future__ import annotations

import hashlib
import time
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from benchmarks.requests_seen import stored_sizes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from benchmarks.task import Batch

_LOG_SECONDS = 3
_CHUNK_BYTES = 1024 * 1024


class WrongResultError(Exception):
    """The contender reported success, and this is not one."""


def check_uploads(access_log: Path, bucket: str, batch: Batch) -> None:
    """Every file of the batch has come to nginx, whole.

    Raises:
        WrongResultError: it has not.
    """
    expected = {f"/{bucket}/{key}": path.stat().st_size for path, key in batch.pairs}
    limit = time.monotonic() + _LOG_SECONDS
    while True:  # a line is written after its answer is sent
        whole_lines = access_log.read_text("utf-8").rpartition("\n")[0].splitlines()
        found = stored_sizes(whole_lines, f"/{bucket}/{batch.prefix}")
        if found == expected:
            return
        if time.monotonic() > limit:
            raise WrongResultError(difference(expected, found))
        time.sleep(0.02)  # nginx tells nobody that it has written a line


def check_deletions(deleted: Path, prefix: str, names: Iterable[str]) -> None:
    """The deletion of every name below the prefix was asked for, and of nothing else there.

    That of the folders is no mistake: s3fs asks for it, for there may be objects of their names.

    Raises:
        WrongResultError: it was not.
    """
    asked = deleted.read_text("utf-8").splitlines() if deleted.exists() else []
    expected = {prefix + name for name in names}
    folders = {str(parent) for key in expected for parent in PurePosixPath(key).parents}
    found = {key for key in asked if key.startswith(prefix) and key.rstrip("/") not in folders}
    if found != expected:
        count = len(found & expected)
        message = f"{count} of {len(expected)} deleted, and {len(found - expected)} others"
        raise WrongResultError(message)


def check_listed(told: int | None, expected: int) -> None:
    """So many files were found as there are.

    Raises:
        WrongResultError: more or fewer were.
    """
    if told != expected:
        raise WrongResultError(f"{told} of {expected} listed")


def check_nothing_sent(access_log: Path, pages: int) -> None:
    """All pages of a listing were asked for, and nothing was stored.

    Raises:
        WrongResultError: something was stored, or compared with nothing.
    """
    limit = time.monotonic() + _LOG_SECONDS
    while True:  # as above
        lines = [line.split(" ", 6) for line in access_log.read_text("utf-8").splitlines()]
        stored = sum(line[1] == "PUT" for line in lines)
        listed = sum(line[1] == "GET" and "list-type=2" in line[-1] for line in lines)
        if not stored and listed >= pages:
            return
        if stored or time.monotonic() > limit:
            message = f"{stored} files were stored, and {listed} of {pages} pages were listed"
            raise WrongResultError(message)
        time.sleep(0.02)  # as above


def difference(expected: Mapping[str, object], found: Mapping[str, object]) -> str:
    """In words, what differs first."""
    wrong = [name for name in expected if found.get(name) != expected[name]]
    example = wrong[0] if wrong else next(iter(found.keys() - expected.keys()), "")
    return (
        f"{len(wrong) or len(found) - len(expected)} of {len(expected)} are wrong: "
        f"{example} is {found.get(example)} instead of {expected.get(example)}"
    )


def check_files(batch: Batch, sha256: Mapping[str, str]) -> None:
    """Every file of the batch is there, with the right bytes, and nothing beside them.

    Raises:
        WrongResultError: one is not.
    """
    found = {str(path.relative_to(batch.folder)): path for path in _files_in(batch.folder)}
    sums = {name: sha256_of(path) for name, path in found.items()}
    expected = {name: sha256[name] for name in batch.names}
    if sums != expected:
        raise WrongResultError(difference(expected, sums))


def sha256_of(path: Path) -> str:
    """The checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_zeros(path: Path, size_bytes: int) -> None:
    """The file is so long, and all zeros.

    Raises:
        WrongResultError: it is not.
    """
    zeros = bytes(_CHUNK_BYTES)
    if path.stat().st_size != size_bytes:
        raise WrongResultError(f"{path.name} has {path.stat().st_size} bytes, not {size_bytes}")
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            if chunk != zeros[: len(chunk)]:
                raise WrongResultError(f"{path.name} has other bytes than the object")


def _files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
