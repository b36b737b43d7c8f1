"""Why the package misses what it has to reach: what profiles of the same machine showed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.tables import filled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.demands import Verdict


@dataclass(frozen=True, slots=True)
class Reason:
    """What keeps some demands from being met."""

    rows: tuple[tuple[str, str], ...]
    """Scenario and demand of each, as verdicts word them."""
    why: str


REASONS: tuple[Reason, ...] = ()

_UNKNOWN = "nobody has looked into it yet."


def reasons_told(found: Iterable[Verdict], reasons: Iterable[Reason] = REASONS) -> str:
    """A list in Markdown: each row that is missed, with its reason; "" where none is."""
    missed = {(each.scenario, each.demand): each for each in found if "missed" in each.outcome}
    lines: list[str] = []
    for reason in reasons:
        rows = [missed.pop(row) for row in reason.rows if row in missed]
        if rows:
            lines.append(_line(rows, reason.why))
    lines += [_line([row], _UNKNOWN) for row in missed.values()]
    return "\n".join(lines)


def _line(rows: Iterable[Verdict], why: str) -> str:
    told = "; ".join(f"`{row.scenario}`, {row.demand} ({row.measured})" for row in rows)
    return filled(f"- {told}: {why}")
