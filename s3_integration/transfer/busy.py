"""Folders that many downloads go to: what their temporary files were a moment ago.

To look for what a killed download left takes sixteen questions to the system, a sixth of a
small file's download. Where many go to one folder, one list of it answers for all.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s3_integration.transfer.folders import OpenFolder

_MANY = 50
"""Downloads to one folder within `_TRUSTED_SECONDS` that make a list worth while."""

_TRUSTED_SECONDS = 1.0
"""How long a list is believed: what is left later is for the next download to find."""

_COST_FACTOR = 20
"""A list of a huge folder is believed for so many times as long as it took."""

_MOST_FOLDERS = 1000


@dataclass(slots=True)
class _Folder:
    """What is known of one folder; threads may lose a count to each other."""

    since: float
    downloads: int = 0
    trusted_until: float = 0.0
    starts: frozenset[str] = frozenset()
    """Of the temporary files' names, what stands before their number."""


class BusyFolders:
    """Counts downloads by their folders, and lists those that get many."""

    def __init__(self, suffix: str) -> None:
        self._suffix = suffix
        self._folders: dict[str, _Folder] = {}

    def holds_none(self, folder: OpenFolder, start: str) -> bool:
        """Whether no temporary file whose name begins with `start` was there a moment ago.

        False where that is not known, and for relative paths, which may change their meaning.
        """
        path = folder.absolute_path
        if not path:
            return False
        now = time.monotonic()
        found = self._folders.get(path) or self._begin(path, now)
        if now > found.trusted_until:
            if now - found.since > _TRUSTED_SECONDS:
                found.since, found.downloads = now, 0
            found.downloads += 1
            if found.downloads < _MANY:
                return False
            try:
                self._list(folder, found)
            except OSError:  # it may be one that can be written to, but not read
                return False
        return start not in found.starts

    def _begin(self, path: str, now: float) -> _Folder:
        if len(self._folders) >= _MOST_FOLDERS:
            self._folders.clear()
        found = self._folders[path] = _Folder(now)
        return found

    def _list(self, folder: OpenFolder, found: _Folder) -> None:
        began = time.monotonic()
        names = folder.names()
        length = len(self._suffix)
        found.starts = frozenset(
            name[:-length].rstrip("0123456789") for name in names if name.endswith(self._suffix)
        )
        ended = time.monotonic()
        found.trusted_until = ended + max(_TRUSTED_SECONDS, _COST_FACTOR * (ended - began))
        found.since, found.downloads = ended, 0
