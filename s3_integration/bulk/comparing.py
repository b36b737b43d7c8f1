"""Whether two files have the same content, where sizes and times do not tell."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Literal

from s3_integration.transfer import kept
from s3_integration.transfer.found import opened_descriptor
from s3_integration.transfer.integrity import multipart_etag
from s3_integration.utils import MIB, part_size_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from s3_integration.models import S3FileInfo
    from s3_integration.transfer.found import SourcePath

Verdict = Literal["same", "different", "untold"]

_CHUNK_BYTES = MIB
_MD5 = re.compile(r"[0-9a-f]{32}", re.ASCII)
_MULTIPART = re.compile(r"[0-9a-f]{32}-[1-9][0-9]{0,4}", re.ASCII)

_USUAL_PART_SIZES = tuple(size * MIB for size in (5, 8, 16, 32, 64))
"""Of this package, of boto3 and the AWS CLI (8 MiB), and of others."""


def file_and_object(
    path: SourcePath,
    size_bytes: int,
    etag: str,
    part_size_bytes: int,
    look: Callable[[], S3FileInfo],
) -> Verdict:
    """Compare a local file with an object of the same size.

    An ETag that looks like an MD5 need not be one (API Reference, "Object"): that it is another
    says nothing, and the checksum is asked for.

    Args:
        path: the file.
        size_bytes: of both.
        etag: as the listing tells it.
        part_size_bytes: of this client's own uploads.
        look: asks S3 for the object with its checksum.

    Raises:
        OSError: the file cannot be read.
        S3IntegrationError: S3 could not be asked.
    """
    if _MD5.fullmatch(etag) and _hex(path, "md5") == etag:
        return "same"
    if _MULTIPART.fullmatch(etag) and _is_in_parts(path, size_bytes, etag, part_size_bytes):
        return "same"
    checksum = look().checksum
    if checksum is None or checksum.checksum_type != "FULL_OBJECT":
        return "untold"
    found = kept.computed(checksum.algorithm, _chunks(path))
    return "untold" if not found else "same" if found == checksum.value else "different"


def objects(mine: S3FileInfo, theirs: S3FileInfo) -> Verdict:
    """Compare two objects of the same size."""
    if mine.etag and mine.etag == theirs.etag:
        return "same"
    both = mine.checksum, theirs.checksum
    if both[0] is None or both[1] is None or both[0].algorithm != both[1].algorithm:
        return "untold"
    if any(each.checksum_type != "FULL_OBJECT" for each in both if each):
        return "untold"
    return "same" if both[0].value == both[1].value else "different"


def _is_in_parts(path: SourcePath, size_bytes: int, etag: str, part_size_bytes: int) -> bool:
    """Whether the file, cut up as is usual, has the ETag of an upload in parts."""
    number = int(etag.partition("-")[2])
    sizes = {part_size_for(size_bytes, part_size_bytes), *_USUAL_PART_SIZES}
    fitting = [size for size in sorted(sizes) if -(-size_bytes // size) == number]
    return any(etag == multipart_etag(_part_digests(path, size)) for size in fitting)


def _part_digests(path: SourcePath, part_size_bytes: int) -> Iterator[bytes]:
    digest, left = hashlib.md5(usedforsecurity=False), part_size_bytes
    for chunk in _chunks(path):  # parts are whole chunks, but for the last
        digest.update(chunk)
        left -= len(chunk)
        if left <= 0:
            yield digest.digest()
            digest, left = hashlib.md5(usedforsecurity=False), part_size_bytes
    if left < part_size_bytes:
        yield digest.digest()


def _hex(path: SourcePath, algorithm: str) -> str:
    fingerprint = hashlib.new(algorithm, usedforsecurity=False)
    for chunk in _chunks(path):
        fingerprint.update(chunk)
    return fingerprint.hexdigest()


def _chunks(path: SourcePath) -> Iterator[bytes]:
    def opener(*_: object) -> int:
        return opened_descriptor(path)

    with open(path, "rb", opener=opener) as source:
        while chunk := source.read(_CHUNK_BYTES):
            yield chunk
