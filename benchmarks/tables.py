"""Results as tables."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchmarks.demands import Summary, Verdict
    from benchmarks.rounds import Row


def scenario_table(rows: Mapping[str, Row]) -> str:
    """One line per contender; ratios are to the first that has a result."""
    summaries = {name: row.summary() for name, row in rows.items()}
    first = next((summary for summary in summaries.values() if summary), None)
    lines = [
        [name, *_cells(summary, first)] if summary and first else [name, *["–"] * 5]
        for name, summary in summaries.items()
    ]
    header = ("contender", "wall s", "lowest–highest", "CPU s", "peak MB", "takes")
    problems = [
        f"- {name}: {in_one_line(row.problem)}" for name, row in rows.items() if row.problem
    ]
    return "\n".join(
        (table(header, lines, numbers=range(1, 6)), *([""] if problems else []), *problems)
    )


def _cells(summary: Summary, first: Summary) -> list[str]:
    return [
        seconds(summary.wall_seconds),
        f"{seconds(summary.fastest_seconds)}–{seconds(summary.slowest_seconds)}",
        seconds(summary.cpu_seconds),
        f"{summary.peak_bytes / 1e6:.0f}",
        f"{summary.wall_seconds / first.wall_seconds:.2f}×",
    ]


def in_one_line(text: str) -> str:
    """What somebody else said, fit for a line of a list."""
    return " ".join(text.split())[:300]


def verdict_table(found: Iterable[Verdict]) -> str:
    """One line per demand."""
    lines = [
        [verdict.scenario, verdict.ours, verdict.demand, verdict.measured, verdict.outcome]
        for verdict in found
    ]
    return table(("scenario", "who", "demand", "measured", "outcome"), lines, numbers=(3,))


def checksum_table(seconds_per_gib: Mapping[str, float]) -> str:
    """One line per checksum."""
    lines = [[name, seconds(taken)] for name, taken in seconds_per_gib.items()]
    return table(("checksum", "CPU s per GiB"), lines, numbers=(1,))


def seconds(value: float) -> str:
    """Three figures, as far as that makes sense."""
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def filled(item: str) -> str:
    """An item of a list, in lines that are no longer than those of the documents."""
    return textwrap.fill(
        item, 100, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def table(
    header: Sequence[str], lines: Sequence[Sequence[str]], numbers: Iterable[int] = ()
) -> str:
    """A table in Markdown, which is also good to read as it is."""
    widths = [max(len(line[index]) for line in (header, *lines)) for index in range(len(header))]
    right = set(numbers)

    def row(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join(padded)} |"

    rule = [
        "-" * (width - 1) + ":" if index in right else "-" * width
        for index, width in enumerate(widths)
    ]
    return "\n".join((row(header), row(rule), *map(row, lines)))
