"""Parts of a plan, each for one process to carry out. Pure: nothing is moved here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from s3_integration.bulk.plan import Step

FEWEST_STEPS = 32
"""In a shard that is not full of bytes; fewer would cost more to hand over than to carry out."""

MOST_STEPS = 1000
"""In a shard: as much as is lost, and done anew, with a process."""

MOST_BYTES = 1024**3
"""In a shard of more than one file."""

_SHARE = 32
"""A shard is one in so many of all before it: small ones first, so that all processes begin at
once, then larger ones, so that they seldom wait."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Some steps of a plan that follow each other."""

    number: int
    steps: tuple[Step, ...]


def in_shards(steps: Iterable[Step]) -> Iterator[Shard]:
    """The same steps in shards, each as soon as it is full."""
    waiting: list[Step] = []
    number = steps_before = size_bytes = 0
    for step in steps:
        is_full = len(waiting) >= most_steps(steps_before)
        if waiting and (is_full or size_bytes + step.size > MOST_BYTES):
            yield Shard(number, tuple(waiting))
            number, steps_before = number + 1, steps_before + len(waiting)
            waiting, size_bytes = [], 0
        waiting.append(step)
        size_bytes += step.size
    if waiting:
        yield Shard(number, tuple(waiting))


def most_steps(steps_before: int) -> int:
    """How many steps a shard has at most that comes after so many."""
    return max(FEWEST_STEPS, min(MOST_STEPS, steps_before // _SHARE))
