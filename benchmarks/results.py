"""What was measured, scenario by scenario, and how it is kept: one can be measured anew alone."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.machine import Surroundings
from benchmarks.rounds import Row
from benchmarks.task import Measured

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from benchmarks.demands import Summary

_DIGITS = 4
"""Of seconds, after the point; runs differ by more."""


@dataclass(frozen=True, slots=True)
class Result:
    """One scenario's table."""

    title: str
    date: dt.date
    rounds: int
    surroundings: Surroundings
    rows: Mapping[str, Row]
    """By contender."""


Results = dict[str, Result]
"""By scenario."""


def summaries(results: Results) -> dict[str, dict[str, Summary]]:
    """The medians, by scenario and contender, of all that have some."""
    return {
        scenario: {name: found for name, row in result.rows.items() if (found := row.summary())}
        for scenario, result in results.items()
    }


def of_one_machine(results: Results, here: Surroundings, names: Iterable[str]) -> Results | None:
    """What a page can tell: results of all `names`, measured `here`; None where some are not."""
    found = {name: results[name] for name in names if name in results}
    if set(names) - set(found) or any(result.surroundings != here for result in found.values()):
        return None
    return found


def as_text(results: Results) -> str:
    """For a file: one line a scenario, so that a change shows what was measured anew."""
    lines = [
        f"{json.dumps(name)}: {json.dumps(_plain(result))}" for name, result in results.items()
    ]
    return "\n".join(("{", ",\n".join(lines), "}", ""))


def from_text(text: str) -> Results:
    """What `as_text` wrote."""
    return {name: _result(fields) for name, fields in json.loads(text).items()}


def _plain(result: Result) -> dict[str, object]:
    return {
        "title": result.title,
        "date": result.date.isoformat(),
        "rounds": result.rounds,
        "shape": result.surroundings.shape,
        "versions": result.surroundings.versions,
        "rows": {
            name: {"problem": row.problem, "runs": [_figures(run) for run in row.runs]}
            for name, row in result.rows.items()
        },
    }


def _figures(run: Measured) -> list[object]:
    return [round(value, _DIGITS) if isinstance(value, float) else value for value in astuple(run)]


def _result(fields: dict[str, Any]) -> Result:
    return Result(
        title=fields["title"],
        date=dt.date.fromisoformat(fields["date"]),
        rounds=fields["rounds"],
        surroundings=Surroundings(fields["shape"], fields["versions"]),
        rows={
            name: Row([Measured(*run) for run in row["runs"]], row["problem"])
            for name, row in fields["rows"].items()
        },
    )
