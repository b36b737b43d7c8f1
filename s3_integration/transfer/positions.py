"""Positions in files, as Python's `io` has them."""

from __future__ import annotations

import errno
import io
import os


def sought(offset: int, whence: int, position: int, size_bytes: int) -> int:
    """Where a file is after `seek(offset, whence)`.

    Raises:
        OSError: before its beginning, as files of the system say (EINVAL).
        ValueError: `whence` is none of the three.
    """
    starts = {io.SEEK_SET: 0, io.SEEK_CUR: position, io.SEEK_END: size_bytes}
    if whence not in starts:
        message = f"invalid whence ({whence}, should be 0, 1 or 2)"
        raise ValueError(message)
    found = starts[whence] + offset
    if found < 0:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return found


def check_open(file: io.RawIOBase) -> None:
    """Raise a ValueError, as every closed file does."""
    if file.closed:
        message = "I/O operation on closed file."
        raise ValueError(message)
