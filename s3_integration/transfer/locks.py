"""Locks that live as long as their process: how the living are told from the killed."""

from __future__ import annotations

import fcntl
import os


def try_lock(descriptor: int) -> bool:
    """Lock an open file, until it is closed, against all who opened it by themselves.

    Raises:
        OSError: its file system has no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_still_at(path: str, descriptor: int) -> bool:
    """Whether `path` leads to the open file: it may have been removed and made anew."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
