"""What lies in a folder, on either side, as the planner sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from s3_integration.exceptions import S3IntegrationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from s3_integration.transfer.found import FileIdentity

EntryKind = Literal["file", "folder", "excluded", "skipped", "refused", "failed", "unlisted"]
"""What there is to say of an entry:

- file: it can be moved.
- folder: one of this machine, or the empty object by which S3's console shows one.
- excluded: the caller's patterns leave it out: an object (which has an ETag), or else a file or
  folder of this machine with all that is below it.
- skipped: a link or a special file; neither it nor what is below it is looked at.
- refused: no key and no file can have such a name. It comes in no particular order.
- failed: it could not be looked at, and nobody knows what it is.
- unlisted: a folder whose files could not be listed.
"""


class Entry(NamedTuple):
    """One file or folder of a side; a tuple, as there may be millions."""

    key: str
    """Relative to the side's folder; that of a folder ends in a slash."""
    size: int = 0
    """Bytes."""
    time_ns: int = 0
    """When its content last changed, or was stored, in nanoseconds since 1970."""
    etag: str = ""
    """S3's, without quotes; "" for a file of this machine."""
    kind: EntryKind = "file"
    reason: str = ""
    """Why it is skipped, refused or failed."""
    error: S3IntegrationError | None = None
    identity: FileIdentity | None = None
    """Of a file of this machine that is to be uploaded, and not by way of a link."""


def in_order(entries: Iterable[Entry], where: str) -> Iterator[Entry]:
    """The entries, as long as they come in the order of their keys' UTF-8 bytes.

    Python compares text by code points, which is the same order.

    Raises:
        S3IntegrationError: one comes too late, so that it cannot be compared any more.
    """
    last = ""
    for entry in entries:
        if entry.kind != "refused":
            if entry.key <= last and last:
                raise S3IntegrationError(
                    f"Cannot compare {where}: {entry.key!r} comes after {last!r} in its listing, "
                    "which is not the order of UTF-8 bytes.",
                    suggestion="Transfer the folder without only_changed and delete_extra: this "
                    "server's listings cannot be compared with anything.",
                )
            last = entry.key
        yield entry
