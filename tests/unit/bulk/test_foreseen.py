"""Plans are read ahead while there is nothing else to do, and no longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3_integration.bulk import foreseen
from s3_integration.bulk.foreseen import Foreseen
from s3_integration.bulk.plan import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


def test_steps_that_take_long_to_find_keep_nobody_waiting_for_many_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where contents are compared before it is known what moves."""
    seconds = 0.0
    monkeypatch.setattr(foreseen, "monotonic", lambda: seconds)
    found: list[Step] = []

    def slowly_compared() -> Iterator[Step]:
        nonlocal seconds
        for number in range(5):
            seconds += 1
            found.append(Step("transfer", str(number), 1, "new"))
            yield found[-1]

    steps = Foreseen(slowly_compared())

    steps.read_some()
    assert len(found) == 1
    steps.read_some()
    assert len(found) == 2
    assert list(steps) == found


def test_no_more_steps_wait_than_memory_is_meant_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreseen, "monotonic", lambda: 0.0)
    monkeypatch.setattr(foreseen, "_MOST_STEPS", 2)
    remaining = iter([Step("transfer", key, 1, "new") for key in "abc"])
    steps = Foreseen(remaining)

    steps.read_some()

    assert [step.key for step in remaining] == ["c"]
    assert [step.key for step in steps] == ["a", "b"]
