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

KEYS_PER_PAGE = 1000


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
    """Write the answers to ListObjectsV2 about the small files; see `write_listing`."""
    folder.mkdir()
    write_listing(bucket, SMALL_PREFIX, served.small_keys, SMALL_BYTES, folder)


def write_listing(
    bucket: str, prefix: str, keys: Sequence[str], size_bytes: int, folder: Path
) -> None:
    """Write the answers to ListObjectsV2 that answers.pm gives: by prefix and page.

    Args:
        bucket: whose.
        prefix: what all keys begin with, a slash at its end; it may be asked for without.
        keys: in order.
        size_bytes: of each object.
        folder: where to.
    """
    for asked in (prefix, prefix.rstrip("/")):
        name = asked.replace("/", ",")
        for number, page in enumerate(_pages(bucket, asked, keys, size_bytes)):
            (folder / f"{name}.{number}.xml").write_text(page, "utf-8")


def _pages(bucket: str, prefix: str, keys: Sequence[str], size_bytes: int) -> Iterator[str]:
    starts = range(0, len(keys), KEYS_PER_PAGE)
    for number, start in enumerate(starts):
        last = number == len(starts) - 1
        following = "" if last else f"<NextContinuationToken>{number + 1}</NextContinuationToken>"
        on_page = keys[start : start + KEYS_PER_PAGE]
        contents = "".join(_entry(key, size_bytes) for key in on_page)
        yield (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix>"
            f"<KeyCount>{len(on_page)}</KeyCount><MaxKeys>{KEYS_PER_PAGE}</MaxKeys>"
            f"<IsTruncated>{str(not last).lower()}</IsTruncated>{contents}{following}"
            "</ListBucketResult>"
        )


def _entry(key: str, size_bytes: int) -> str:
    return (
        f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        f'<ETag>"bench-object"</ETag><Size>{size_bytes}</Size>'
        "<StorageClass>STANDARD</StorageClass></Contents>"
    )
