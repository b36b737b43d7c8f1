"""Notes at the end of a temporary file: which ranges of it hold what they should.

They stand behind the content, so that they are written, locked, replaced and removed with
the file itself; they are cut off before it takes its destination's place.

A killed process' writes are safe in the system's memory. They are not after a loss of power,
when the notes may have reached the disk before what they speak of: notes from before the last
start of the system count for nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import struct
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from s3_integration.utils import ByteRange

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

_RANGE = struct.Struct(">QQI")  # start, stop, and the CRC-32 of the two
_MAGIC = b"s3-int-1"


@dataclass(frozen=True, slots=True)
class Content:
    """What a temporary file is to hold in the end."""

    size_bytes: int
    name: bytes
    """The same for the same version of the same object, while the system runs."""


def content_of(size_bytes: int, *identity: str) -> Content | None:
    """The content that `identity` tells apart; None where a new start would not be noticed."""
    started = _start_of_system()
    if not started:
        return None
    told = "\0".join((started, str(size_bytes), *identity))
    return Content(size_bytes, _MAGIC + hashlib.sha256(told.encode()).digest())


def _start_of_system() -> str:
    with contextlib.suppress(OSError):  # only Linux has it
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


class Notes:
    """What is noted in one file; threads may share them.

    Args:
        descriptor: the file, open for reading and writing.
        content: what it is to hold.
        already: how many notes it has from before.
    """

    def __init__(self, descriptor: int, content: Content, already: int = 0) -> None:
        self._descriptor = descriptor
        self._size_bytes = content.size_bytes
        self._end = content.size_bytes
        self._lock = threading.Lock()
        self._is_kept = True
        self._append(content.name)
        self._end += already * _RANGE.size

    def add(self, part: ByteRange) -> None:
        """Note that `part` is there."""
        bounds = _RANGE.pack(part.start, part.stop, 0)[:-4]
        self._append(bounds + zlib.crc32(bounds).to_bytes(4, "big"))

    def erase(self) -> None:
        """Leave nothing but the content."""
        os.ftruncate(self._descriptor, self._size_bytes)

    def _append(self, note: bytes) -> None:
        with self._lock:
            if not self._is_kept:
                return
            try:
                self._is_kept = os.pwrite(self._descriptor, note, self._end) == len(note)
            except OSError as error:  # a full disk, or a limit for the size of files
                logger.info("the download cannot be resumed if it is killed: %s", error)
                self._is_kept = False
            self._end += len(note)


def noted_in(descriptor: int, content: Content) -> list[ByteRange] | None:
    """The ranges that a file holds of `content`; None where it is to hold anything else."""
    end = content.size_bytes
    if os.pread(descriptor, len(content.name), end) != content.name:
        return None
    end += len(content.name)
    return list(_ranges_in(os.pread(descriptor, os.fstat(descriptor).st_size - end, end)))


def _ranges_in(notes: bytes) -> Iterator[ByteRange]:
    whole = len(notes) - len(notes) % _RANGE.size
    for offset in range(0, whole, _RANGE.size):
        start, stop, checksum = _RANGE.unpack_from(notes, offset)
        if zlib.crc32(notes[offset : offset + _RANGE.size - 4]) != checksum:
            return  # it was being written when the process was killed
        yield ByteRange(start, stop)
