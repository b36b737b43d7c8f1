"""What the local server holds: a large object, a huge one, and many small ones."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MIB = 1024 * 1024
GIB = 1024 * MIB

LARGE_BYTES = 512 * MIB
SMALL_BYTES = 16 * 1024
SMALL_FILES = 2000

LARGE_KEY = "large.bin"
SMALL_PREFIX = "small/"

_KEYS_PER_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Served:
    """Files that a server offers for download, and that clients upload too."""

    folder: Path
    """Holds `large.bin` and `small/`; a bucket's folder of the local server."""
    large_sha256: str
    small_sha256: dict[str, str]
    """By key."""

    @property
    def large(self) -> Path:
        """The large file."""
        return self.folder / LARGE_KEY

    @property
    def small_keys(self) -> list[str]:
        """The keys of the small files, in order."""
        return list(self.small_sha256)


def huge_key(size_bytes: int) -> str:
    """The key of a sparse object of that size."""
    return f"huge-{size_bytes // GIB}-gib.bin"


def make_served(folder: Path, large_bytes: int, small_files: int) -> Served:
    """Fill `folder` with bytes that are the same every time, and no run of which repeats."""
    chance = random.Random(large_bytes)  # noqa: S311 - chance that can be repeated
    (folder / SMALL_PREFIX).mkdir(parents=True)
    large = hashlib.sha256()
    with (folder / LARGE_KEY).open("wb") as file:
        for start in range(0, large_bytes, MIB):
            block = chance.randbytes(min(MIB, large_bytes - start))
            file.write(block)
            large.update(block)
    small = {}
    for number in range(small_files):
        content = chance.randbytes(SMALL_BYTES)
        key = f"{SMALL_PREFIX}{number:04}.bin"
        (folder / key).write_bytes(content)
        small[key] = hashlib.sha256(content).hexdigest()
    return Served(folder, large.hexdigest(), small)


def make_huge(folder: Path, size_bytes: int) -> Path:
    """A sparse file of that size: it takes no memory, and reads as zeros."""
    path = folder / huge_key(size_bytes)
    with path.open("wb") as file:
        file.truncate(size_bytes)
    return path


def write_listings(bucket: str, served: Served, folder: Path) -> None:
    """Write the answers to ListObjectsV2 that answers.pm gives: by prefix and page."""
    folder.mkdir()
    for prefix in (SMALL_PREFIX, SMALL_PREFIX.rstrip("/")):
        pages = list(_pages(bucket, prefix, served))
        for number, page in enumerate(pages):
            (folder / f"{prefix.replace('/', ',')}.{number}.xml").write_text(page, "utf-8")


def _pages(bucket: str, prefix: str, served: Served) -> Iterator[str]:
    keys = served.small_keys
    starts = range(0, len(keys), _KEYS_PER_PAGE)
    for number, start in enumerate(starts):
        last = number == len(starts) - 1
        following = "" if last else f"<NextContinuationToken>{number + 1}</NextContinuationToken>"
        yield _page(bucket, prefix, keys[start : start + _KEYS_PER_PAGE], following)


def _page(bucket: str, prefix: str, keys: Sequence[str], following: str) -> str:
    contents = "".join(
        f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        f'<ETag>"bench-object"</ETag><Size>{SMALL_BYTES}</Size>'
        "<StorageClass>STANDARD</StorageClass></Contents>"
        for key in keys
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(keys)}</KeyCount>"
        f"<MaxKeys>{_KEYS_PER_PAGE}</MaxKeys><IsTruncated>{str(bool(following)).lower()}"
        f"</IsTruncated>{contents}{following}</ListBucketResult>"
    )
