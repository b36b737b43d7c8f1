"""What S3 tells of one object, as a value: from a listing, HeadObject, or what stored it."""

from __future__ import annotations

import datetime as dt
from collections import deque
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from s3_integration.aws.listings import USUAL_STORAGE_CLASS
from s3_integration.models import S3FileInfo, S3Version
from s3_integration.transfer.integrity import DamagedError, unquoted
from s3_integration.transfer.kept import kept_checksum

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from s3_integration.transfer.engine import Transferred, UploadOptions

_ALWAYS_TOLD = ("ETag", "LastModified", "ContentLength")


def from_head(key: str, answer: Mapping[str, Any]) -> S3FileInfo:
    """The object that the answer to HeadObject tells of.

    Raises:
        DamagedError: the answer lacks what S3 tells of every object.
    """
    if untold := [name for name in _ALWAYS_TOLD if answer.get(name) in {None, ""}]:
        message = f"the answer has no {' and no '.join(untold)}, so it is not S3's"
        raise DamagedError(message)
    return S3FileInfo(
        key=key,
        size=answer["ContentLength"],
        last_modified=answer["LastModified"].astimezone(dt.UTC),
        etag=unquoted(answer["ETag"]),
        storage_class=_storage_class_of(answer),
        content_type=answer.get("ContentType"),
        metadata=answer.get("Metadata", {}),
        version_id=answer.get("VersionId"),
        checksum=kept_checksum(answer),
    )


def from_upload(key: str, options: UploadOptions, stored: Transferred) -> S3FileInfo:
    """The object that an upload has stored, by what was sent and what S3 answered.

    S3 tells when it answered; its own note of the time may be a little older.
    """
    answer = {"ETag": stored.etag, **(stored.answer or {})}
    return S3FileInfo(
        key=key,
        size=stored.size_bytes,
        last_modified=_moment_of(answer),
        etag=stored.etag,
        storage_class=_storage_class_of(answer),
        content_type=options.content_type,
        metadata=options.metadata,
        version_id=stored.version_id,
        checksum=kept_checksum(answer),
    )


def _moment_of(answer: Mapping[str, Any]) -> dt.datetime:
    if isinstance(modified := answer.get("LastModified"), dt.datetime):  # it was looked at again
        return modified.astimezone(dt.UTC)
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        told = parsedate_to_datetime(str(answer.get("Date") or headers.get("date", "")))
        # "-0000" is a time of UTC, too (RFC 5322, section 3.3), and comes without a zone.
        return told.astimezone(dt.UTC) if told.tzinfo else told.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):  # none, or one that is no date
        return dt.datetime.now(dt.UTC).replace(microsecond=0)


def version_from(listed: Mapping[str, Any]) -> S3Version:
    """The version, or the mark of a deletion, that an entry of ListObjectVersions tells of."""
    is_delete_marker = "Size" not in listed
    return S3Version(
        key=listed["Key"],
        version_id=listed["VersionId"],
        is_latest=listed["IsLatest"],
        is_delete_marker=is_delete_marker,
        last_modified=listed["LastModified"].astimezone(dt.UTC),
        size=listed.get("Size", 0),
        etag=unquoted(listed.get("ETag")),
        storage_class="" if is_delete_marker else _storage_class_of(listed),
    )


def newest_first(versions: Iterable[S3Version]) -> list[S3Version]:
    """Versions in the order of their keys' UTF-8 bytes, of each key the newest first.

    S3 tells the most recent first (AWS SDK for Java, "ListVersionsRequest"), and dates an upload
    in parts by its beginning (User Guide, "Working with object metadata"), so that its order says
    more than its dates do. Where deletions come among them, S3's answer tells, but botocore
    does not: there, dates decide.
    """
    by_key: dict[str, list[S3Version]] = {}
    for version in versions:
        by_key.setdefault(version.key, []).append(version)
    keys = sorted(by_key, key=lambda key: key.encode())
    return [version for key in keys for version in _in_order(by_key[key])]


def _in_order(versions: list[S3Version]) -> Iterator[S3Version]:
    """The versions of one key, each kind of which is in its order already, but for the latest."""
    latest_first = sorted(versions, key=lambda version: not version.is_latest)
    contents = deque(each for each in latest_first if not each.is_delete_marker)
    marks = deque(each for each in latest_first if each.is_delete_marker)
    while contents and marks:
        mark, content = marks[0], contents[0]
        is_later = mark.last_modified > content.last_modified and not content.is_latest
        yield marks.popleft() if mark.is_latest or is_later else contents.popleft()
    yield from (*contents, *marks)


def _storage_class_of(answer: Mapping[str, Any]) -> str:
    # Listings of servers other than AWS may leave it out, S3's answer to HeadObject does so
    # for the usual one (API Reference, "HeadObject", x-amz-storage-class).
    return str(answer.get("StorageClass") or USUAL_STORAGE_CLASS)
