"""Locks that live as long as their process: how the living are told from the killed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os

_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})

_locked: set[int] = set()
"""Descriptors of this process that hold a lock, or are just being locked."""


class NoLocksError(OSError):
    """The file system has no locks, as Lustre's without `-o flock`."""


def try_lock(descriptor: int) -> bool:
    """Lock an open file, until `close`, against all who opened it by themselves.

    Raises:
        NoLocksError: its file system has no locks.
    """
    # Before it is locked: a fork in between would pass the lock on unseen.
    _locked.add(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        _locked.discard(descriptor)
        if isinstance(error, BlockingIOError):
            return False
        if error.errno in _NO_LOCKS:
            raise NoLocksError(error.errno, error.strerror) from error
        raise
    return True


def is_locked(descriptor: int) -> bool:
    """Whether this process has locked the open file."""
    return descriptor in _locked


def close(descriptor: int) -> None:
    """Close an open file, and unlock it."""
    if descriptor in _locked:
        # A child that is forked right now may still have a copy, which would keep the lock.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        _locked.discard(descriptor)
    os.close(descriptor)


def is_still_at(path: str, descriptor: int, *, dir_fd: int | None = None) -> bool:
    """Whether `path` leads to the open file: it may have been removed and made anew."""
    try:
        return os.path.samestat(os.lstat(path, dir_fd=dir_fd), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _give_up_after_fork() -> None:
    """Leave the locks to the parent: a copy of a descriptor keeps them when the parent dies.

    The numbers stay open, to something that takes no bytes and no permissions, since a child
    that was forked amid a transfer may use them, and closed ones would soon be other files'.
    """
    if not _locked:
        return
    nothing, *rest = _useless_descriptors()
    for descriptor in _locked:
        os.dup2(nothing, descriptor, inheritable=False)
    _locked.clear()
    for descriptor in (nothing, *rest):
        os.close(descriptor)


def _useless_descriptors() -> tuple[int, ...]:
    if hasattr(os, "O_PATH"):  # Linux has it
        return (os.open("/", os.O_PATH | os.O_CLOEXEC),)
    return os.pipe()


os.register_at_fork(after_in_child=_give_up_after_fork)
