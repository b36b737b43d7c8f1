"""The checksum that S3 keeps of an object, by whichever algorithm: as it is told, and computed.

What this package stores has a CRC64NVME (`checksums.py`), which is computed as the bytes arrive.
Other programs let S3 keep other ones.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import TYPE_CHECKING, Any, Protocol, get_args

from s3_integration.models import ChecksumAlgorithm, ChecksumType, S3Checksum
from s3_integration.transfer import checksums
from s3_integration.transfer.integrity import unquoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from typing_extensions import Buffer

_ALGORITHMS: tuple[ChecksumAlgorithm, ...] = get_args(ChecksumAlgorithm)
_TYPES: tuple[ChecksumType, ...] = get_args(ChecksumType)


def kept_checksum(answer: Mapping[str, Any]) -> S3Checksum | None:
    """The checksum that S3 keeps; of several the first of the documented."""
    for algorithm in _ALGORITHMS:
        if value := answer.get(f"Checksum{algorithm}"):
            return S3Checksum(algorithm, value, _type_of(algorithm, value, answer))
    return None


def _type_of(algorithm: ChecksumAlgorithm, value: str, answer: Mapping[str, Any]) -> ChecksumType:
    """What a checksum covers; in doubt not the whole content, which would be compared with it."""
    told: ChecksumType | None = answer.get("ChecksumType")
    if told in _TYPES:
        return told
    # Servers that do not tell (moto, rclone's): composite ones may end in `-` and a number,
    # and only objects in parts have them. CRC64NVME is never composite (User Guide,
    # "Checking object integrity").
    etag = unquoted(answer.get("ETag"))
    was_in_parts = "-" in value or "-" in etag or not etag
    return "COMPOSITE" if was_in_parts and algorithm != "CRC64NVME" else "FULL_OBJECT"


class Running(Protocol):
    """A checksum on its way through some content."""

    def update(self, piece: Buffer, /) -> None:
        """Take in what follows."""

    def digest(self) -> bytes:
        """That of what was taken in."""


def running(algorithm: ChecksumAlgorithm) -> Running | None:
    """One that has taken in nothing yet; None where it cannot be computed here."""
    match algorithm:
        case "CRC32":
            return _Crc(zlib.crc32, 4)
        case "CRC32C" | "CRC64NVME" if checksums.is_available():
            return _Crc(*checksums.crc_named(algorithm))
        case "SHA1" | "SHA256" | "SHA512" | "MD5":
            return hashlib.new(algorithm.lower(), usedforsecurity=False)
    return None


class _Crc:
    """Cyclic redundancy checks, as `hashlib` has its digests."""

    def __init__(self, compute: Callable[[Buffer, int], int], size_bytes: int) -> None:
        self._compute = compute
        self._size_bytes = size_bytes
        self._found = 0

    def update(self, piece: Buffer, /) -> None:
        """See `Running`."""
        self._found = self._compute(piece, self._found)

    def digest(self) -> bytes:
        """See `Running`."""
        return self._found.to_bytes(self._size_bytes, "big")


def as_told(found: Running) -> str:
    """A checksum as S3 writes it."""
    return base64.b64encode(found.digest()).decode("ascii")


def computed(algorithm: ChecksumAlgorithm, content: Iterable[Buffer]) -> str:
    """The checksum of `content` as S3 writes it; "" where it cannot be computed here."""
    found = running(algorithm)
    if found is None:
        return ""
    for piece in content:
        found.update(piece)
    return as_told(found)
