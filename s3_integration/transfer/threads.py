"""Threads that no signal can break while they start, and that know when the program ends."""

from __future__ import annotations

import contextvars
import sys
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

from s3_integration.exceptions import S3IntegrationError

if TYPE_CHECKING:
    from collections.abc import Callable


def is_over_for(thread: threading.Thread) -> bool:
    """Whether the program ends, and does not wait for what `thread` may still want."""
    return not threading.main_thread().is_alive() and (thread.daemon or not thread.is_alive())


def interpreter_ends() -> S3IntegrationError:
    """What is told to those who want threads of an interpreter that is about to end."""
    return S3IntegrationError(
        "The Python interpreter is ending, and starts no more transfers.",
        suggestion="Finish all transfers before the main thread ends, not in an atexit handler.",
    )


def refusal_told(refusal: RuntimeError) -> S3IntegrationError:
    """Why no thread could be started."""
    # From Python 3.12 on, none can be once the main thread has ended.
    if not threading.main_thread().is_alive() or "shutdown" in str(refusal):
        told = interpreter_ends()
    else:
        told = S3IntegrationError(
            "The system lets this process start no more threads.",
            suggestion="Allow it more of them (ulimit -u), or let it use fewer.",
        )
    told.__cause__ = refusal
    return told


class Workers:
    """Threads that do one work; the process waits for them when it ends.

    They are started by a thread of their own: a signal that strikes while a thread starts
    another one can take along a lock that the new one needs, which then never ends. Signals
    strike only the main thread.
    """

    def __init__(self, name: str, work: Callable[[], None], tell: Callable[[], None]) -> None:
        """Start nothing yet.

        Args:
            name: of the threads.
            work: what each does, once.
            tell: called when a thread has ended its work, or could not be started.
        """
        self._name = name
        self._work = work
        self._tell = tell
        self._threads: set[threading.Thread] = set()
        self._orders: SimpleQueue[threading.Thread | None] = SimpleQueue()
        self._starter: threading.Thread | None = None
        self._is_closed = False
        self.refusal: RuntimeError | None = None
        """Why the last thread could not be started."""

    def __len__(self) -> int:
        """How many are at work, or about to be."""
        return len(self._threads)

    def add(self) -> None:
        """Let one more thread work, in the caller's context.

        Raises:
            S3IntegrationError: there can be none.
        """
        if self._starter is None:
            # The process does not wait for it: a signal may have broken its start.
            starter = threading.Thread(
                target=self._start_them, name=f"{self._name}-starter", daemon=True
            )
            try:
                starter.start()
            except RuntimeError as refusal:
                raise refusal_told(refusal) from refusal
            self._starter = starter
        context = contextvars.copy_context()
        thread = threading.Thread(
            target=context.run, args=(self._do_work,), name=self._name, daemon=False
        )
        self._threads.add(thread)
        self._orders.put(thread)

    def close(self) -> None:
        """Start no more, and wait for those at work."""
        self._is_closed = True
        self._orders.put(None)
        # In the end, the starter can neither go on nor end; and nobody else is left.
        if self._starter is None or sys.is_finalizing():
            return
        _join(self._starter)
        for thread in list(self._threads):
            _join(thread)

    def _start_them(self) -> None:
        while (thread := self._orders.get()) is not None:
            if self._is_closed:
                self._threads.discard(thread)
                continue
            try:
                thread.start()
            except RuntimeError as refusal:
                self._threads.discard(thread)
                self.refusal = refusal
                self._tell()

    def _do_work(self) -> None:
        try:
            self._work()
        finally:
            self._threads.discard(threading.current_thread())
            self._tell()


def _join(thread: threading.Thread) -> None:
    # The garbage collection of an iterator may close it in any thread.
    if thread is not threading.current_thread():
        thread.join()
