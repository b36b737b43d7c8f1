"""What a transfer that was killed need not do again: pure decisions, without S3 or disk."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from s3_integration.utils import ByteRange, split_into_ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

_LONGEST_START_SECONDS = 3600.0
"""How long a CreateMultipartUpload may take with all its retries; 5 attempts take minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadFacts:
    """What has to be the same for an upload to be gone on with."""

    endpoint_url: str
    bucket: str
    key: str
    path: str
    size_bytes: int
    mtime_ns: int
    inode: int
    """Without its device's number, which may be another one after each mount."""
    part_size_bytes: int
    parameters_digest: str
    """Of content type, metadata, tags and whatever else CreateMultipartUpload is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What a record on the disk tells of one upload."""

    facts: UploadFacts
    began: float
    """When it was about to be started, by S3's clock, in seconds since 1970."""
    known_upload_ids: frozenset[str] | None
    """Uploads of the same key that S3 knew before; None where it would not tell."""
    upload_id: str = ""
    """"" until S3 has told it."""
    checksum_algorithm: str = ""
    """That its parts have to carry; "" where CreateMultipartUpload asked for none."""
    is_completing: bool = False
    """All parts were there, and CompleteMultipartUpload was about to be sent."""


@dataclass(frozen=True, slots=True)
class FoundPart:
    """One part that S3 holds of an unfinished upload."""

    size_bytes: int
    etag: str
    checksum: str
    """Its CRC64NVME; "" where S3 tells none."""


@dataclass(frozen=True, slots=True)
class ListedUpload:
    """One unfinished upload, as S3 lists it."""

    key: str
    upload_id: str
    initiated: datetime


def digest_of_parameters(parameters: Mapping[str, Any]) -> str:
    """What tells whether two uploads store their object in the same way."""
    text = json.dumps(parameters, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def is_same_part(
    found: FoundPart | None, size_bytes: int, checksum: str, md5: Callable[[], str]
) -> bool:
    """Whether S3 holds exactly these bytes as a part.

    Where it tells neither a checksum nor an MD5 (its ETags are none with a KMS key), that
    cannot be told: False.

    Args:
        found: what S3 tells of the part.
        size_bytes: of the bytes.
        checksum: their CRC64NVME; "" where this server's prove nothing.
        md5: called only where the checksum does not decide, since it takes long.
    """
    if found is None or found.size_bytes != size_bytes:
        return False
    if found.checksum and checksum:
        return found.checksum == checksum
    return found.etag == md5()


def is_stored_by(found: Mapping[str, Any], parameters: Mapping[str, Any], since: float) -> bool:
    """Whether an object may be what an upload in parts stored that began at `since`.

    Its content is compared elsewhere. Its tags cannot be seen; but an object that is older
    than the upload has been ruled out.

    Args:
        found: the answer to HeadObject.
        parameters: what CreateMultipartUpload was told.
        since: by S3's clock, in seconds since 1970.
    """
    return (
        found.get("ContentType") == parameters.get("ContentType")
        and found.get("Metadata", {}) == parameters.get("Metadata", {})
        # It comes in whole seconds.
        and found["LastModified"].timestamp() >= int(since)
    )


def lost_uploads(
    remembered: Remembered, listed: Iterable[ListedUpload], named: frozenset[str]
) -> Iterator[str]:
    """Uploads that a process may have started without living to write down their names.

    Args:
        remembered: what the process wrote before it asked S3 for an upload.
        listed: the uploads of that key that S3 knows now.
        named: uploads that other records name, and are dealt with there.
    """
    if remembered.upload_id or remembered.known_upload_ids is None:
        return
    latest = remembered.began + _LONGEST_START_SECONDS
    for upload in listed:
        is_new = upload.upload_id not in remembered.known_upload_ids | named
        if is_new and upload.initiated.timestamp() <= latest:
            yield upload.upload_id


def merged(ranges: Iterable[ByteRange]) -> list[ByteRange]:
    """The same bytes in order, in as few ranges as can be."""
    found: list[ByteRange] = []
    for part in sorted(ranges, key=lambda each: each.start):
        if found and part.start <= found[-1].stop:
            found[-1] = ByteRange(found[-1].start, max(found[-1].stop, part.stop))
        else:
            found.append(part)
    return found


def common_ranges(whole: ByteRange, ranges: Iterable[ByteRange]) -> list[ByteRange]:
    """What `ranges` hold of `whole`, in order and once each."""
    clipped = (
        ByteRange(max(part.start, whole.start), min(part.stop, whole.stop))
        for part in merged(ranges)
    )
    return [part for part in clipped if part.start < part.stop]


def missing_ranges(whole: ByteRange, there: Iterable[ByteRange]) -> Iterator[ByteRange]:
    """What is left of `whole` where `there`, in order and without overlaps, is taken away."""
    offset = whole.start
    for part in (*there, ByteRange(whole.stop, whole.stop)):
        if offset < part.start:
            yield ByteRange(offset, part.start)
        offset = part.stop


def split(ranges: Iterable[ByteRange], step_bytes: int) -> Iterator[ByteRange]:
    """The same ranges, cut into ones of at most that size."""
    for part in ranges:
        yield from split_into_ranges(part.start, part.stop, step_bytes)


def as_lines(remembered: Remembered) -> Iterator[bytes]:
    """A record's lines, in the order in which they are written."""
    known = remembered.known_upload_ids
    told = None if known is None else sorted(known)
    facts = asdict(remembered.facts)
    yield _line({"facts": facts, "began": remembered.began, "known_upload_ids": told})
    if remembered.upload_id:
        yield started_line(remembered.upload_id, remembered.checksum_algorithm)
    if remembered.is_completing:
        yield completing_line()


def started_line(upload_id: str, checksum_algorithm: str) -> bytes:
    """The line that names the upload."""
    return _line({"upload_id": upload_id, "checksum_algorithm": checksum_algorithm})


def completing_line() -> bytes:
    """The line that says that the upload's end was about to be asked for."""
    return _line({"is_completing": True})


def _line(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def from_lines(text: bytes) -> Remembered | None:
    """What a record says; None where it does not even say what it is about.

    A last line without its end was being written when the machine stopped: it counts for
    nothing.
    """
    told: dict[str, Any] = {}
    try:
        for line in text[: text.rfind(b"\n") + 1].splitlines():
            told |= json.loads(line)
        known = told.pop("known_upload_ids")
        found = Remembered(
            facts=UploadFacts(**told.pop("facts")),
            known_upload_ids=None if known is None else frozenset(known),
            **told,
        )
    # No JSON, or far too deep; fields of another version of this.
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return found if _has_its_types(found, known) else None


def _has_its_types(found: Any, known: Any) -> bool:
    """Whether every field is what it should be; another program may have written the file."""
    kinds = {"int": int, "str": str}
    facts = [(getattr(found.facts, it.name), kinds[str(it.type)]) for it in fields(UploadFacts)]
    texts = [(text, str) for text in (found.upload_id, found.checksum_algorithm, *(known or ()))]
    return (
        all(type(value) is kind for value, kind in facts + texts)
        and isinstance(known, list | None)
        and isinstance(found.is_completing, bool)
        and type(found.began) in {int, float}
        and abs(found.began) < _END_OF_TIME
    )


_END_OF_TIME = 1e11
"""Seconds since 1970 that no clock shows; NaN and infinity are none, either."""
