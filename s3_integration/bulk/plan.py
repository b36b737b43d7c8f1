"""Which files to move, compare, delete or leave, from two listings. Pure: nothing is asked here.

Both listings come in the order of their keys' UTF-8 bytes and are read side by side, so that
the first file can move before the last is listed, and a million of them need no memory.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from s3_integration.bulk.entries import in_order
from s3_integration.bulk.judging import judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from s3_integration.bulk.entries import Entry
    from s3_integration.bulk.judging import Deed, Rules
    from s3_integration.exceptions import S3IntegrationError
    from s3_integration.models import FileAction
    from s3_integration.transfer.found import FileIdentity


class Step(NamedTuple):
    """What is to become of one file, and why; a tuple, as there may be millions."""

    deed: Deed
    key: str
    """Relative to the folders of both sides."""
    size: int
    """Bytes."""
    reason: str
    time_ns: int = 0
    """Of the source; see `Entry`."""
    etag: str = ""
    """Of the object that a file is to be compared with."""
    error: S3IntegrationError | None = None
    identity: FileIdentity | None = None
    """Of the source; see `Entry`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a call over many files will do. It can be carried out once, on its own bucket."""

    action: FileAction
    bucket_name: str
    """The bucket that is written to, or that a download reads."""
    steps: Iterable[Step]
    spares: Callable[[str], bool] = lambda _: False
    """Whether an extra file has to stay; asked when all else is done."""


def planned(
    source: Iterable[Entry],
    target: Iterable[Entry],
    rules: Rules,
    refusal: Callable[[str], str] = lambda _: "",
) -> Iterator[Step]:
    """What to do with every file of either side.

    Files that only the target has come out as steps to delete, wherever they lie between the
    others; who carries them out waits for the end of the source's listing.

    Args:
        source: what is there, in the order of keys.
        target: what is there of it already, in the same order; nothing where nobody asks.
        rules: which differences matter.
        refusal: why the target may not have a file of that name; "" where it may.

    Raises:
        S3IntegrationError: a listing failed, or is in no order.
    """
    guarded = _Guarded()
    pairs = _paired(in_order(source, "the source"), in_order(target, "the target"))
    for mine, theirs in pairs:
        if mine is None:
            if theirs is not None and rules.delete_extra and not guarded.covers(theirs.key):
                yield from _extra(theirs)
            continue
        if mine.kind not in {"file", "folder"}:
            if not mine.etag:  # an object hides nothing
                guarded.add(mine.key)
            yield _told(mine)
            continue
        step = _for_source(mine, theirs, rules, refusal)
        if step is not None:
            yield step


def _for_source(
    mine: Entry, theirs: Entry | None, rules: Rules, refusal: Callable[[str], str]
) -> Step | None:
    # Asked of those too that stay as they are: their names are taken.
    if problem := refusal(mine.key):
        return Step("refuse", mine.key, mine.size, problem)
    deed, reason = judged(mine, theirs, rules)
    if deed is None:
        return None
    etag = theirs.etag if theirs is not None and theirs.etag else mine.etag
    return Step(deed, mine.key, mine.size, reason, mine.time_ns, etag, None, mine.identity)


_DEED_FOR_KIND: dict[str, Deed] = {
    "excluded": "skip",
    "skipped": "skip",
    "refused": "refuse",
    "failed": "fail",
    "unlisted": "unlisted",
}


def _told(entry: Entry) -> Step:
    reason = entry.reason or entry.kind
    return Step(_DEED_FOR_KIND[entry.kind], entry.key, entry.size, reason, error=entry.error)


def _extra(entry: Entry) -> Iterator[Step]:
    """What to do with what only the target has."""
    if entry.kind == "file" or (entry.kind == "folder" and entry.etag):
        yield Step("delete", entry.key, entry.size, "extra")
    elif entry.kind not in {"excluded", "folder"}:
        yield _told(entry)


def _paired(
    source: Iterator[Entry], target: Iterator[Entry]
) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Entries of the same key together, others alone, in the order of their keys."""
    mine, theirs = next(source, None), next(target, None)
    while mine is not None or theirs is not None:
        first = _first(mine, theirs)
        yield (mine if first <= 0 else None), (theirs if first >= 0 else None)
        if first <= 0:
            mine = next(source, None)
        if first >= 0:
            theirs = next(target, None)


def _first(mine: Entry | None, theirs: Entry | None) -> int:
    """Whose turn it is: the source's (-1), the target's (1) or that of both (0)."""
    if mine is None or theirs is None:
        return 1 if mine is None else -1
    # A refused one stands at no place of its own.
    if "refused" in {mine.kind, theirs.kind}:
        return -1 if mine.kind == "refused" else 1
    return (mine.key > theirs.key) - (mine.key < theirs.key)


class _Guarded:
    """Folders of the source that were not looked into: what the target has there may stay.

    Keys have to be asked for in their order.
    """

    def __init__(self) -> None:
        self._prefixes: list[str] = []

    def add(self, key: str) -> None:
        """Guard what lies below a key, whether that names a folder or a link to one."""
        heapq.heappush(self._prefixes, key if key.endswith("/") else f"{key}/")

    def covers(self, key: str) -> bool:
        """Whether a key lies in a guarded folder."""
        while self._prefixes and self._prefixes[0] < key:
            if key.startswith(self._prefixes[0]):
                return True
            heapq.heappop(self._prefixes)  # no later key begins with it
        return False
