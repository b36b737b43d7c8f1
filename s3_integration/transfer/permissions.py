"""Who may read a file that was downloaded."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s3_integration.transfer.folders import FileIn

_UMASK_LINE = re.compile(rb"^Umask:\s*([0-7]+)$", re.MULTILINE)  # proc(5), since Linux 4.7
_STATUS_BYTES = 512


def final_mode(destination: FileIn) -> int:
    """The replaced file's permissions, or those that a new file of this process gets."""
    with contextlib.suppress(FileNotFoundError):
        replaced = destination.status().st_mode
        if not stat.S_ISLNK(replaced):  # a link has none of its own
            # Without set-user-ID and the like: what was downloaded has not earned them.
            return stat.S_IMODE(replaced) & 0o777
    return 0o666 & ~_current_umask()


def _current_umask() -> int:
    # /proc tells it without changing it, which os.umask cannot, and other threads would see.
    # It is one of the first lines; a file object would take longer than the rest of a download.
    with contextlib.suppress(OSError):
        descriptor = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
        try:
            told = _UMASK_LINE.search(os.read(descriptor, _STATUS_BYTES))
        finally:
            os.close(descriptor)
        if told:
            return int(told[1], 8)
    umask = os.umask(0o077)
    os.umask(umask)
    return umask
