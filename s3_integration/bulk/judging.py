"""Whether a file differs from its other side, as far as sizes and times tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from s3_integration.bulk.entries import Entry
    from s3_integration.choices import Compare
    from s3_integration.models import FileAction

Deed = Literal["transfer", "folder", "compare", "skip", "refuse", "fail", "unlisted", "delete"]
"""What is to be done: `folder` makes one, `compare` looks at the contents before it is decided;
`unlisted` is a failure that hides what else there is, so that nothing may be deleted."""

SLACK_NS = 2_000_000_000
"""How far apart times have to be before they say which is later: S3 tells whole seconds, FAT
keeps every second one, and clocks differ. Within it, contents are compared."""

_DOUBT_NS = 500
"""What no listing tells, since none goes below microseconds."""

UNCHANGED = "unchanged"
"""The reason for which a file of the source is left where it is, and the target's as well."""

_UNKNOWN = "not compared"


@dataclass(frozen=True, slots=True)
class Rules:
    """Which differences between two folders matter."""

    action: FileAction
    only_changed: bool = False
    compare: Compare = "size_and_time"
    delete_extra: bool = False


def judged(mine: Entry, theirs: Entry | None, rules: Rules) -> tuple[Deed | None, str]:
    """What to do with a file of the source, and why; None where there is nothing to tell.

    Args:
        mine: the source's.
        theirs: what the target has under the same key, if that is known.
        rules: which differences matter.
    """
    if mine.kind == "folder":
        return _for_folder(theirs, rules)
    if not rules.only_changed:
        return "transfer", _UNKNOWN
    if theirs is None or theirs.kind != "file":
        return "transfer", "new"
    return _for_pair(mine, theirs, rules)


def _for_pair(mine: Entry, theirs: Entry, rules: Rules) -> tuple[Deed, str]:
    if mine.size != theirs.size:
        return "transfer", "size differs"
    if not mine.size or (rules.action == "copy" and mine.etag and mine.etag == theirs.etag):
        return "skip", UNCHANGED
    if rules.compare == "checksum":
        return "compare", "checksum differs"
    return _by_time(mine.time_ns, theirs.time_ns, rules.action)


def time_to_keep_ns(stored_ns: int, now_ns: int) -> int:
    """The time that a downloaded file is given, so that the next comparison can trust it.

    Of an object that was stored just now, another version may follow within the same second,
    which S3 would tell by the same time. Its file gets another time, so that contents decide.

    Args:
        stored_ns: the object's time, in nanoseconds since 1970.
        now_ns: the time before the download.
    """
    return stored_ns if now_ns - stored_ns > SLACK_NS else stored_ns + _DOUBT_NS


def _for_folder(theirs: Entry | None, rules: Rules) -> tuple[Deed | None, str]:
    """S3 has no folders: only the objects that stand for them become some."""
    if rules.action != "download":
        return None, ""
    if theirs is not None and theirs.kind == "folder":
        return "skip", UNCHANGED
    return "folder", "new"


def _by_time(mine_ns: int, theirs_ns: int, action: FileAction) -> tuple[Deed, str]:
    """What times say of two files of the same size."""
    # A download gives its file the object's time, so that equal ones tell of the same content.
    if mine_ns == theirs_ns and action != "copy":
        return "skip", UNCHANGED
    if action == "download":
        # Its file may be the very one that was uploaded, which is older than its object.
        return "compare", "newer" if mine_ns > theirs_ns else "changed here"
    if mine_ns > theirs_ns + SLACK_NS:
        return "transfer", "newer"
    if mine_ns < theirs_ns - SLACK_NS:
        return "skip", UNCHANGED
    return "compare", "changed at the same time"
