"""Values that one process makes once, and that its forked children make anew.

boto3's clients and thread pools do not survive a fork: the child inherits sockets that it
would share with its parent, and threads that no longer run (boto3 guide, "Clients",
"Multithreading and multiprocessing with clients").
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Value = TypeVar("Value")

_instances: weakref.WeakSet[PerProcess[Any]] = weakref.WeakSet()


class PerProcess(Generic[Value]):
    """A value that is made on first use, by one thread while the others wait."""

    def __init__(self, make: Callable[[], Value]) -> None:
        self._make = make
        self._value: Value | None = None
        self._lock = threading.Lock()
        _instances.add(self)

    def get(self) -> Value:
        """The value; where `make` raises, the next call tries again."""
        value = self._value
        if value is None:
            with self._lock:
                value = self._value
                if value is None:
                    value = self._value = self._make()
        return value

    def forget(self) -> None:
        """Let the next call make the value anew."""
        self._value = None
        # A new lock: after a fork, the old one may be held by a thread that is no more.
        self._lock = threading.Lock()


def _forget_all() -> None:
    for instance in list(_instances):
        instance.forget()


os.register_at_fork(after_in_child=_forget_all)
