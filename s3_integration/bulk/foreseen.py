"""Reading a plan ahead while there is nothing else to do, for those who watch."""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3_integration.bulk.plan import Step

_MOST_STEPS = 100_000
"""That wait to be handed out: some 50 MB."""

_MOST_SECONDS = 0.005
"""In which no outcome is waited for: a step may take long, where contents are compared first."""


class Foreseen:
    """The steps of a plan, some of which were read before their turn.

    Files move while the rest is still listed. But how long all of them take, only those can be
    told who know how much there is.
    """

    def __init__(self, steps: Iterator[Step]) -> None:
        self._steps = steps
        self._waiting: deque[Step] = deque()

    def read_some(self) -> None:
        """Read further for a moment, unless many steps wait already."""
        until = monotonic() + _MOST_SECONDS
        while len(self._waiting) < _MOST_STEPS and monotonic() < until:
            step = next(self._steps, None)
            if step is None:
                return
            self._waiting.append(step)

    def __iter__(self) -> Iterator[Step]:
        """Each step, in its order."""
        return self

    def __next__(self) -> Step:
        """The first that was read, or the next one."""
        return self._waiting.popleft() if self._waiting else next(self._steps)
