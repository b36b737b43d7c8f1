"""The checksum that S3 keeps of a whole object, CRC64NVME.

It can be computed piece by piece, in any order, and joined, so it covers downloads by ranges
and objects that were stored in parts, whose ETag is no MD5 of their bytes. awscrt computes
it. Source: S3 User Guide, "Checking object integrity".
"""

from __future__ import annotations

import base64
import functools
import importlib
import threading
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from typing_extensions import Buffer

    from s3_integration.utils import ByteRange

ALGORITHM: Final = "CRC64NVME"
FIELD = "ChecksumCRC64NVME"
"""As boto3 names it, in requests and answers."""


@functools.cache
def _awscrt() -> Any:
    try:
        return importlib.import_module("awscrt.checksums")
    except ImportError:
        return None


def is_available() -> bool:
    """Whether checksums can be computed here."""
    return _awscrt() is not None


def crc64nvme(content: Buffer, previous: int = 0) -> int:
    """The checksum of `content`, which follows what has the checksum `previous`."""
    checksum: int = _awscrt().crc64nvme(content, previous)
    return checksum


def crc_named(
    algorithm: Literal["CRC32C", "CRC64NVME"],
) -> tuple[Callable[[Buffer, int], int], int]:
    """What computes a checksum of that kind, and how many bytes it has."""
    compute = getattr(_awscrt(), algorithm.lower())
    return compute, 4 if algorithm == "CRC32C" else 8


def as_text(checksum: int) -> str:
    """The checksum as S3 writes it."""
    return base64.b64encode(checksum.to_bytes(8, "big")).decode("ascii")


def joined(pieces: Iterable[tuple[int, int]]) -> int:
    """The checksum of a whole, from checksum and size of each piece in their order."""
    whole = 0
    for checksum, size_bytes in pieces:
        whole = _awscrt().combine_crc64nvme(whole, checksum, size_bytes)
    return whole


def stored_checksum(answer: Mapping[str, object]) -> str:
    """The checksum of the whole object that `answer` tells; "" where it tells none."""
    if answer.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
        return ""
    return str(answer.get(FIELD) or "")


class Pieces:
    """The checksum of what arrives in pieces, from many threads, in any order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_start: dict[int, tuple[int, int]] = {}

    def add(self, where: ByteRange, checksum: int) -> None:
        """Note the checksum of a piece."""
        with self._lock:
            self._by_start[where.start] = (checksum, where.size)

    def whole(self) -> str:
        """The checksum of all pieces, as S3 writes it."""
        return as_text(joined(piece for _, piece in sorted(self._by_start.items())))
