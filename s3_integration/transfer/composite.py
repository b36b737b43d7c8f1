"""Checksums of objects in parts: S3 may keep that of their parts' checksums, a composite one.

To compare it, one has to know where each part ends. HeadObject tells the size of one part, and how
many there are (API Reference, "HeadObject", partNumber). Clients give all parts but the last one
size, so that most often the first tells of all; where it does not, each is asked about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from s3_integration.transfer import kept
from s3_integration.transfer.integrity import etag_verdict, multipart_etag
from s3_integration.utils import MAX_PARTS, MIB, ByteRange, split_into_ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from typing_extensions import Buffer

    from s3_integration.aws.endpoints import EndpointProfile
    from s3_integration.models import ChecksumAlgorithm, S3Checksum

Verdict = Literal["same", "different", "untold"]

AskPart: TypeAlias = "Callable[[int], PartTold | None]"


class PartTold(NamedTuple):
    """What S3 tells of one part."""

    size_bytes: int
    parts: int
    """How many the object has."""


class Composite:
    """One object's content, to be compared with the checksum of its parts' checksums.

    Args:
        size_bytes: of the whole.
        read: returns so many bytes from a position of the content on.
        ask_part: asks S3 for one part; the first is 1. None where it does not tell.
    """

    def __init__(
        self, size_bytes: int, read: Callable[[int, int], Buffer], ask_part: AskPart
    ) -> None:
        self._size_bytes = size_bytes
        self._read = read
        self._ask_part = ask_part

    def verdict(
        self, told: S3Checksum, answer: Mapping[str, object], endpoint: EndpointProfile
    ) -> Verdict:
        """What the checksum says of the content.

        Args:
            told: the checksum, of type COMPOSITE.
            answer: one that tells the object's ETag, which may be the MD5 of its parts' MD5s:
                where that is right, the checksum is none (moto takes CRC32 for CRC32C).
            endpoint: whose ETags and checksums they are.
        """
        first = self._ask_part(1) if kept.running(told.algorithm) else None
        if first is None or not 1 <= first.parts <= MAX_PARTS:
            return "untold"
        expected = told.value.partition("-")[0]  # the number of parts follows, or does not
        alike = parts_alike(self._size_bytes, first)
        if alike is not None and self._checksum(told.algorithm, alike) == expected:
            return "same"
        parts = self._all_parts(first)
        if parts is None:
            return "untold"
        if parts != alike and self._checksum(told.algorithm, parts) == expected:
            return "same"
        etag = multipart_etag(self._digests("MD5", parts))
        return "same" if etag_verdict(etag, answer, endpoint) == "same" else "different"

    def _all_parts(self, first: PartTold) -> list[ByteRange] | None:
        """Where each part is, as S3 tells of each."""
        told = [first, *map(self._ask_part, range(2, first.parts + 1))]
        parts, start = list[ByteRange](), 0
        for part in told:
            if part is None:
                return None
            parts.append(ByteRange(start, start + part.size_bytes))
            start += part.size_bytes
        return parts if start == self._size_bytes else None

    def _checksum(self, algorithm: ChecksumAlgorithm, parts: Iterable[ByteRange]) -> str:
        return kept.computed(algorithm, self._digests(algorithm, parts))

    def _digests(self, algorithm: ChecksumAlgorithm, parts: Iterable[ByteRange]) -> Iterator[bytes]:
        for part in parts:
            found = kept.running(algorithm)
            if found is not None:
                for chunk in split_into_ranges(part.start, part.stop, MIB):
                    found.update(self._read(chunk.size, chunk.start))
                yield found.digest()


def parts_alike(size_bytes: int, first: PartTold) -> list[ByteRange] | None:
    """Where the parts are if all but the last are like the first; None where that cannot be."""
    if first.size_bytes < 1:
        return None
    parts = list(split_into_ranges(0, size_bytes, first.size_bytes))
    return parts if len(parts) == first.parts else None
