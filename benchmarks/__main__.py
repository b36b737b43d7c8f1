"""The comparison with other S3 clients in one run; see docs/performance.md."""

from __future__ import annotations

import argparse
import datetime as dt
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import machine
from benchmarks.demands import verdicts
from benchmarks.page import Measurement, render, render_large
from benchmarks.places import ceph_place, nginx_place
from benchmarks.rounds import run_scenario
from benchmarks.scenarios import (
    FULL,
    FULL_ON_CEPH,
    LARGE_SCENARIOS,
    QUICK,
    QUICK_ON_CEPH,
    SCENARIOS,
    Scenario,
    Sizes,
)
from benchmarks.server import HOW_TO_INSTALL, ServerError
from benchmarks.tables import checksum_table, scenario_table, verdict_table
from benchmarks.verification import seconds_per_gib
from tests.fixtures.ceph import HOW_TO_INSTALL as HOW_TO_INSTALL_CEPH
from tests.fixtures.ceph import ceph_is_installed

if TYPE_CHECKING:
    from benchmarks.places import Place
    from benchmarks.rounds import Row

_DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = _DOCS / "performance.md"
LARGE_PAGE = _DOCS / "performance-large.md"

_ROUNDS = 5
_MOST_ROUNDS_ON_CEPH = 5  # it keeps in memory what it stored, even after a deletion


def main() -> int:
    """Measure what was asked for."""
    arguments = _parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        _measure(arguments)
    except ServerError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser("./dev bench", description=__doc__)
    names = [scenario.name for scenario in (*SCENARIOS, *LARGE_SCENARIOS)]
    parser.add_argument("--only", action="append", choices=names, metavar="SCENARIO")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help=f"else {_ROUNDS}")
    parser.add_argument("--quick", action="store_true", help="one round of little; proves nothing")
    parser.add_argument("--large", action="store_true", help="5 and 20 GiB instead, once each")
    parser.epilog = f"Scenarios: {', '.join(names)}"
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds is at least 1")
    return arguments


def _chosen(arguments: argparse.Namespace) -> list[Scenario]:
    every = [*SCENARIOS, *LARGE_SCENARIOS]
    if arguments.only:
        return [scenario for scenario in every if scenario.name in arguments.only]
    return list(LARGE_SCENARIOS if arguments.large else SCENARIOS)


def _measure(arguments: argparse.Namespace) -> None:
    """Run what was chosen, show it, and write the page if it is the whole."""
    chosen = _chosen(arguments)
    rounds = 1 if arguments.quick else arguments.rounds
    results = Results(rounds)
    on_nginx = [scenario for scenario in chosen if scenario.server != "ceph"]
    on_ceph = [scenario for scenario in chosen if scenario.server == "ceph"]
    if on_nginx:
        sizes = QUICK if arguments.quick else FULL
        huge_bytes = tuple({scenario.size_bytes for scenario in on_nginx} - {0})
        with nginx_place(sizes, huge_bytes) as place:
            results.add_all(on_nginx, place, sizes)
    if on_ceph and ceph_is_installed():
        sizes = QUICK_ON_CEPH if arguments.quick else FULL_ON_CEPH
        with ceph_place(sizes) as place:
            results.add_all(on_ceph, place, sizes)
    elif on_ceph:
        print(f"\nCeph is left out: it is not installed. To get it: {HOW_TO_INSTALL_CEPH}")
    _conclude(arguments, results)


def _conclude(arguments: argparse.Namespace, results: Results) -> None:
    measurement = results.measurement()
    print(f"\n{checksum_table(measurement.seconds_per_gib)}")
    if arguments.quick:
        print("\nOne round of little: these figures prove nothing.")
        return
    print(f"\n{verdict_table(measurement.verdicts)}")
    for page, scenarios, rendered in (
        (PAGE, SCENARIOS, render),
        (LARGE_PAGE, LARGE_SCENARIOS, render_large),
    ):
        if set(results.rows) >= {scenario.name for scenario in scenarios}:
            page.write_text(rendered(measurement), "utf-8")
            print(f"\nThis is docs/{page.name} now.")


@dataclass(slots=True)
class Results:
    """What has been measured so far."""

    rounds: int
    titles: dict[str, str] = field(default_factory=dict)
    rows: dict[str, dict[str, Row]] = field(default_factory=dict)

    def add_all(self, scenarios: list[Scenario], place: Place, sizes: Sizes) -> None:
        """Run them, and show each as it is done."""
        for scenario in scenarios:
            rounds = 1 if scenario.files == "huge" else self.rounds
            if scenario.server == "ceph":
                rounds = min(rounds, _MOST_ROUNDS_ON_CEPH)
            self.titles[scenario.name] = sizes.title_of(scenario)
            self.rows[scenario.name] = run_scenario(scenario, place, rounds, _tell)
            print(f"\n{self.titles[scenario.name]} ({scenario.name})\n")
            print(scenario_table(self.rows[scenario.name]), flush=True)

    def measurement(self) -> Measurement:
        """All of it, with what surrounds it."""
        summaries = {
            scenario: {name: found for name, row in rows.items() if (found := row.summary())}
            for scenario, rows in self.rows.items()
        }
        return Measurement(
            date=dt.datetime.now(dt.UTC).date(),
            shape=machine.shape(),
            versions=machine.versions(),
            rounds=self.rounds,
            how_to_install=HOW_TO_INSTALL,
            titles=self.titles,
            rows=self.rows,
            verdicts=verdicts(summaries),
            seconds_per_gib=seconds_per_gib(self.rounds),
        )


def _tell(progress: str) -> None:
    """On a terminal, one line that changes."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{progress}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
