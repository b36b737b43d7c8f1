"""The objects of a folder in S3, as the planner sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from s3_integration.bulk.entries import Entry
from s3_integration.exceptions import S3IntegrationError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Iterator

    from s3_integration.models import S3FileInfo

Markers = Literal["folders", "files"]
"""What empty objects are whose keys end in a slash: the folders for which S3's console makes
them, or objects like others."""

_UNSORTED_BUCKETS = "--x-s3"
"""The end of the names of directory buckets, which list in an order of their own (User Guide,
"Differences for directory buckets")."""


def listed(
    files: Iterable[S3FileInfo],
    prefix: str,
    *,
    bucket_name: str,
    leave_out: Callable[[str], bool],
    markers: Markers,
    includes: Callable[[str], bool] = lambda _: True,
) -> Iterator[Entry]:
    """What a listing tells, with keys relative to `prefix`, in their order.

    Raises:
        S3IntegrationError: the listing tells of what lies elsewhere.
    """
    if bucket_name.endswith(_UNSORTED_BUCKETS):
        files = sorted(files, key=lambda file: file.key)
    start = len(prefix)
    for file in files:
        if not file.key.startswith(prefix):
            raise _strayed(file.key, prefix, bucket_name)
        key = file.key[start:]
        # Folders are looked into whether or not they are included; here they are objects.
        if leave_out(key) or (key[-1:] == "/" and not includes(key)):
            yield Entry(key, file.size, etag=file.etag, kind="excluded")
        else:
            yield _entry_of(file, key, markers)


def _entry_of(file: S3FileInfo, key: str, markers: Markers) -> Entry:
    is_folder = markers == "folders" and not file.size and (not key or key[-1] == "/")
    return Entry(
        key,
        file.size,
        nanoseconds(file.last_modified),
        file.etag,
        "folder" if is_folder else "file",
    )


def nanoseconds(moment: dt.datetime) -> int:
    """A moment as files' times are told; exact, where a float would not be."""
    return round(moment.timestamp() * 1_000_000) * 1000


def _strayed(key: str, prefix: str, bucket_name: str) -> S3IntegrationError:
    return S3IntegrationError(
        f"Cannot list {prefix!r} in bucket {bucket_name!r}: the answer tells of {key!r}, which "
        "does not begin so.",
        operation="ListObjectsV2",
        bucket=bucket_name,
        key=key,
        suggestion="Check that the endpoint is an S3, with nothing in between that changes "
        "answers.",
    )
