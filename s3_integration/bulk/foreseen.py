"""Reading a plan ahead while there is nothing else to do, for those who watch."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from s3_integration.bulk.plan import Step

_MOST_STEPS = 100_000
"""That wait to be handed out: some 40 MB."""

_AT_A_TIME = 256
"""They take a few milliseconds, in which no outcome is waited for."""


class Foreseen:
    """The steps of a plan, some of which were read before their turn.

    Files move while the rest is still listed. But how long all of them take, only those can be
    told who know how much there is.
    """

    def __init__(self, steps: Iterator[Step]) -> None:
        self._steps = steps
        self._waiting: deque[Step] = deque()

    def read_some(self) -> None:
        """Read further, unless many steps wait already."""
        room = min(_AT_A_TIME, _MOST_STEPS - len(self._waiting))
        self._waiting.extend(islice(self._steps, room))

    def __iter__(self) -> Iterator[Step]:
        """Each step, in its order."""
        return self

    def __next__(self) -> Step:
        """The first that was read, or the next one."""
        return self._waiting.popleft() if self._waiting else next(self._steps)
