"""The comparison with other S3 clients in one run; see docs/performance.md."""

from __future__ import annotations

import argparse
import datetime as dt
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import machine
from benchmarks.demands import verdicts
from benchmarks.page import Measurement, render, render_large
from benchmarks.places import ceph_place, nginx_place
from benchmarks.results import (
    Result,
    Results,
    as_text,
    from_text,
    of_one_machine,
    summaries,
)
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
    from collections.abc import Collection

    from benchmarks.places import Place

_DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = _DOCS / "performance.md"
LARGE_PAGE = _DOCS / "performance-large.md"
KEPT = _DOCS / "performance.json"
"""The results that the pages tell of."""

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
    parser.add_argument("--page", action="store_true", help="measure no client; write pages anew")
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
    """Run what was chosen, show it, keep it, and write the pages that it changes."""
    bench = Bench(1 if arguments.quick else arguments.rounds, is_proof=_is_proof(arguments))
    if arguments.page:
        bench.write_pages(_kept().keys())
        return
    chosen = _chosen(arguments)
    on_nginx = [scenario for scenario in chosen if scenario.server != "ceph"]
    on_ceph = [scenario for scenario in chosen if scenario.server == "ceph"]
    if on_nginx:
        sizes = QUICK if arguments.quick else FULL
        huge_bytes = tuple({scenario.size_bytes for scenario in on_nginx} - {0})
        with nginx_place(sizes, huge_bytes) as place:
            bench.run_all(on_nginx, place, sizes)
    if on_ceph and ceph_is_installed():
        sizes = QUICK_ON_CEPH if arguments.quick else FULL_ON_CEPH
        with ceph_place(sizes) as place:
            bench.run_all(on_ceph, place, sizes)
    elif on_ceph:
        print(f"\nCeph is left out: it is not installed. To get it: {HOW_TO_INSTALL_CEPH}")
    bench.conclude()


def _is_proof(arguments: argparse.Namespace) -> bool:
    """Whether the figures may stand on a page."""
    return not arguments.quick and arguments.rounds >= _ROUNDS


class Bench:
    """One run of the bench.

    Args:
        rounds: how often each contender takes its turn.
        is_proof: whether results are kept, each as soon as it is there.
    """

    def __init__(self, rounds: int, *, is_proof: bool) -> None:
        self._rounds = rounds
        self._is_proof = is_proof
        self._here = machine.surroundings()
        self._results: Results = {}

    def run_all(self, scenarios: list[Scenario], place: Place, sizes: Sizes) -> None:
        """Run them, and show each as it is done."""
        for scenario in scenarios:
            rounds = 1 if scenario.files == "huge" else self._rounds
            if scenario.server == "ceph":
                rounds = min(rounds, _MOST_ROUNDS_ON_CEPH)
            rows = run_scenario(scenario, place, rounds, _tell)
            today = dt.datetime.now(dt.UTC).date()
            result = Result(sizes.title_of(scenario), today, rounds, self._here, rows)
            self._results[scenario.name] = result
            print(f"\n{result.title} ({scenario.name})\n")
            print(scenario_table(rows), flush=True)
            if self._is_proof:
                KEPT.write_text(as_text({**_kept(), scenario.name: result}), "utf-8")

    def conclude(self) -> None:
        """Tell how the demands stand, and write the pages to which something was added."""
        if not self._is_proof:
            print(f"\nOf little, or of fewer than {_ROUNDS} rounds: these figures prove nothing.")
            return
        print(f"\n{verdict_table(verdicts(summaries(self._results)))}")
        self.write_pages(self._results.keys())

    def write_pages(self, changed: Collection[str]) -> None:
        """Write the pages that tell of a scenario that has changed, if all of theirs are there."""
        per_gib = seconds_per_gib(self._rounds)
        print(f"\n{checksum_table(per_gib)}")
        for page, scenarios, rendered in (
            (PAGE, SCENARIOS, render),
            (LARGE_PAGE, LARGE_SCENARIOS, render_large),
        ):
            names = [scenario.name for scenario in scenarios]
            found = of_one_machine(_kept(), self._here, names)
            if found is None or found.keys().isdisjoint(changed):
                continue
            judged = verdicts(summaries(found))
            measured = Measurement(found, self._here, HOW_TO_INSTALL, judged, per_gib)
            page.write_text(rendered(measured), "utf-8")
            print(f"\nThis is docs/{page.name} now.")


def _kept() -> Results:
    return from_text(KEPT.read_text("utf-8")) if KEPT.exists() else {}


def _tell(progress: str) -> None:
    """On a terminal, one line that changes."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{progress}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
