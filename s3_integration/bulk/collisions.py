"""Keys that would become one file on some file system: all but the first are refused.

A million keys are remembered in some 30 MB: eight bytes for each file and folder, and the
keys themselves packed, to tell with which one another collides.
"""

from __future__ import annotations

import functools
import itertools
import zlib
from array import array
from typing import TYPE_CHECKING, NamedTuple

from s3_integration.bulk.names import folded, is_folder, local_name_problem, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Path(NamedTuple):
    """A file or folder that a key needs."""

    folded: str
    exact: str
    is_folder: bool


class LocalNames:
    """What may become of keys below one folder, as they come.

    The first of several that collide is the one that is taken. Keys in S3's order, which is
    that of their UTF-8 bytes, thus lead to the same files every time.

    Args:
        folder_size_bytes: of the folder's own path.
    """

    def __init__(self, folder_size_bytes: int = 0) -> None:
        self._folder_size_bytes = folder_size_bytes
        self._keys = _Keys()
        self._numbers = _Numbers()
        self._last_folders: tuple[str, ...] = ()
        """Of the key that was taken last: those after it need not look for them again."""

    def refusal(self, relative_key: str) -> str:
        """Why what is stored under a key may not go below the folder; "" when it may.

        Args:
            relative_key: the key without the prefix that stands for the folder. A slash at
                its end makes it a folder's.
        """
        problem = local_name_problem(relative_key, self._folder_size_bytes)
        if problem:
            return problem
        unknown: list[_Path] = []
        for path in self._paths_to_look_for(relative_key):
            earlier_key = self._taken_by(path)
            if earlier_key is None:
                unknown.append(path)
            elif collision := _collision(path, earlier_key):
                return f"it collides with {earlier_key!r}, which came before: {collision}"
        self._take(relative_key, unknown)
        return ""

    def namesake(self, relative_key: str) -> str:
        """The file or folder that was taken under another spelling of this name; "" for none.

        Args:
            relative_key: of a file.
        """
        path = _Path(folded(relative_key), relative_key, is_folder=False)
        key = self._taken_by(path)
        return "" if key is None else _beginning(key, relative_key.count("/") + 1)

    def _paths_to_look_for(self, relative_key: str) -> Iterator[_Path]:
        """What the key needs, but for folders that the last one needed as well."""
        parts = parts_of(relative_key)
        folders = parts if is_folder(relative_key) else parts[:-1]
        pairs = zip(folders, self._last_folders, strict=False)
        known = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
        for depth in range(known + 1, len(parts) + 1):
            exact = "/".join(parts[:depth])
            yield _Path(folded(exact), exact, is_folder=depth <= len(folders))

    def _taken_by(self, path: _Path) -> str | None:
        """The key that has taken this name, or one that folds to the same."""
        for number in self._numbers.of(hash(path.folded)):
            key = self._keys[number]
            if folded(_beginning(key, path.exact.count("/") + 1)) == path.folded:
                return key
        return None

    def _take(self, relative_key: str, unknown: list[_Path]) -> None:
        parts = parts_of(relative_key)
        self._last_folders = parts if is_folder(relative_key) else parts[:-1]
        if unknown:
            number = self._keys.add(relative_key)
            for path in unknown:
                self._numbers.add(hash(path.folded), number)


def _beginning(key: str, parts: int) -> str:
    return "/".join(parts_of(key)[:parts])


def _collision(path: _Path, earlier_key: str) -> str:
    """How a path collides with that which an earlier key took; "" where it is the same folder."""
    earlier = _beginning(earlier_key, path.exact.count("/") + 1)
    earlier_is_folder = is_folder(earlier_key) or len(earlier) < len(earlier_key)
    if path.is_folder != earlier_is_folder:
        here, there = ("folder", "file") if path.is_folder else ("file", "folder")
        return f"{path.exact!r} would be a {here} here, and {earlier!r} is a {there} there"
    if path.exact == earlier:
        return "" if path.is_folder else "they are the same"
    kind = "folder" if path.is_folder else "file"
    return f"{path.exact!r} and {earlier!r} are one {kind} on some file systems"


class _Keys:
    """Texts by numbers, packed: neighbours in S3's order have much in common."""

    _BLOCK = 512

    def __init__(self) -> None:
        self._packed: list[bytes] = []
        self._last: list[str] = []
        self._unpacked = functools.lru_cache(maxsize=8)(self._unpack)

    def add(self, key: str) -> int:
        """Keep a key, which may hold no NUL, and return its number."""
        if len(self._last) == self._BLOCK:
            self._packed.append(zlib.compress("\0".join(self._last).encode(), level=1))
            self._last = []
        self._last.append(key)
        return len(self._packed) * self._BLOCK + len(self._last) - 1

    def __getitem__(self, number: int) -> str:
        block, place = divmod(number, self._BLOCK)
        return (self._unpacked(block) if block < len(self._packed) else self._last)[place]

    def _unpack(self, block: int) -> list[str]:
        return zlib.decompress(self._packed[block]).decode().split("\0")


_HALF = 2**32 - 1


class _Numbers:
    """Numbers by hashes, in eight bytes each; a dict of Python's takes a hundred.

    A slot holds 32 bits of a hash and 32 bits of a number, and follows where its place is
    taken; 0 is an empty one.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * 1024))
        self._used = 0

    def of(self, hashed: int) -> Iterator[int]:
        """The numbers that were added with this hash, and few others."""
        slots, mask = self._slots, len(self._slots) - 1
        wanted = hashed & _HALF
        place = wanted & mask
        while slot := slots[place]:
            if slot >> 32 == wanted:
                yield (slot & _HALF) - 1
            place = (place + 1) & mask

    def add(self, hashed: int, number: int) -> None:
        """Keep a number, which has to be less than 4,294,967,295."""
        if number >= _HALF:
            raise OverflowError(number)
        if 3 * self._used > 2 * len(self._slots):
            self._grow()
        self._put((hashed & _HALF) << 32 | (number + 1))
        self._used += 1

    def _grow(self) -> None:
        before = self._slots
        self._slots = array("Q", bytes(2 * 8 * len(before)))
        for slot in before:
            if slot:
                self._put(slot)

    def _put(self, slot: int) -> None:
        slots, mask = self._slots, len(self._slots) - 1
        place = (slot >> 32) & mask
        while slots[place]:
            place = (place + 1) & mask
        slots[place] = slot
