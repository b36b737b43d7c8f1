"""How many threads pay: a pure decision from what the last of them achieved."""

from __future__ import annotations

from dataclasses import dataclass

FEWEST = 4
"""To begin with: on a near and fast server, more would only take turns."""

_SHORTEST_WINDOW_SECONDS = 0.02
"""What is shorter says little of itself."""

_BUSY_SHARE = 0.7
"""Of one core's time, from which on threads mostly take turns: waiting for the interpreter
and for other programs is no computing, so that all of it is never reached."""

_STEEPEST = 8
"""Growth at one time."""

_PAYS = 1.2
"""What more threads have to bring at least, as a factor of files per second: where the line is
full, or the server answers more slowly, more of them only take memory."""

_PATIENCE_WINDOWS = 50
"""How long more threads are not tried again that did not pay."""


_OPEN_FILES_EACH = 4
"""A file and a connection, and as much again for the program around."""


def affordable_number(most: int, open_files_limit: int) -> int:
    """How many threads this process may have, each with what it has to open.

    Args:
        most: what the settings allow.
        open_files_limit: how many files the system allows to be open; negative for any number.
    """
    if open_files_limit < 0:
        return most
    return max(1, min(most, open_files_limit // _OPEN_FILES_EACH))


@dataclass(frozen=True, slots=True)
class Window:
    """What so many threads did in a while."""

    threads: int
    files: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Files per second."""
        return self.files / self.seconds


def better_number(window: Window, most: int) -> int:
    """How many threads would keep one core busy, at most so many times more than there were."""
    share = window.cpu_seconds / window.seconds
    if share >= _BUSY_SHARE:
        return window.threads
    steepness = min(_STEEPEST, _BUSY_SHARE / share) if share else _STEEPEST
    return max(window.threads, min(most, round(window.threads * steepness)))


def has_paid(window: Window, before: Window) -> bool:
    """Whether the threads that came after `before` were worth it."""
    return window.rate >= _PAYS * before.rate


class Crew:
    """Counts what threads achieve, and says from time to time how many there should be."""

    def __init__(self, most: int, now: float, fewest: int = FEWEST) -> None:
        self._most = most
        self._wanted = min(fewest, most)
        self._began = now
        self._files = 0
        self._cpu_seconds = 0.0
        self._before_growth: Window | None = None
        self._patience = 0

    @property
    def wanted(self) -> int:
        """How many there should be."""
        return self._wanted

    def limit(self, most: int) -> None:
        """Want no more than so many, from now on."""
        self._most = most
        self._wanted = min(self._wanted, most)

    def widen(self) -> None:
        """Want a few at least, from now on: what they move takes longer than to compute."""
        self._wanted = max(self._wanted, min(FEWEST, self._most))

    def note(self, cpu_seconds: float) -> None:
        """Count a file, and the time that a thread computed for it."""
        self._files += 1
        self._cpu_seconds += cpu_seconds

    def judge(self, now: float) -> None:
        """Decide anew, once there is enough to decide by."""
        seconds = now - self._began
        if seconds < _SHORTEST_WINDOW_SECONDS or self._files < self._wanted:
            return
        self._decide(Window(self._wanted, self._files, seconds, self._cpu_seconds))
        self._began, self._files, self._cpu_seconds = now, 0, 0.0

    def _decide(self, window: Window) -> None:
        before, self._before_growth = self._before_growth, None
        if before is not None and not has_paid(window, before):
            self._wanted, self._patience = before.threads, _PATIENCE_WINDOWS
            return
        if self._patience:
            self._patience -= 1
            return
        self._wanted = better_number(window, self._most)
        if self._wanted > window.threads:
            self._before_growth = window
