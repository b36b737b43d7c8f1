"""docs/reliability.md says what became of the fault tests, and of all of them."""

from __future__ import annotations

from tests.docs.reliability_page import PAGE, read, render
from tests.fixtures.faults_catalogue import CATALOGUE
from tests.fixtures.faults_clients import ENGINES, STOCK
from tests.fixtures.faults_runs import is_acceptable
from tests.fixtures.faults_stages import MEMORY

HOW = "run `python -m pytest tests/integration/test_faults*.py --write-reliability-page`"


def test_the_page_is_what_the_outcomes_make_of_it() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(read()), HOW


def test_every_case_was_run_by_everybody_and_no_other() -> None:
    in_memory = read().by_server[MEMORY]

    assert set(in_memory) == {case.title for case in CATALOGUE}, HOW
    assert all(set(told) == {*ENGINES, STOCK} for told in in_memory.values()), HOW


def test_no_outcome_of_this_package_is_unacceptable() -> None:
    cases = {case.title: case for case in CATALOGUE}

    bad = [
        f"{engine} on {server}: {title}: {outcome}"
        for server, by_title in read().by_server.items()
        for title, told in by_title.items()
        for engine, outcome in told.items()
        if engine != STOCK and not is_acceptable(cases[title].ends, outcome)
    ]

    assert not bad, bad
