"""From runs to medians, verdicts and tables."""

from __future__ import annotations

import datetime as dt

import pytest

from benchmarks.contenders import NAMES
from benchmarks.demands import (
    DEMANDS,
    DEMANDS_PER_FILE,
    LEVEL,
    MEMORY_DEMANDS,
    Demand,
    Summary,
    Verdict,
    judge,
    judge_memory,
    verdicts,
)
from benchmarks.machine import Surroundings
from benchmarks.page import Measurement, render
from benchmarks.reasons import REASONS, Reason, reasons_told
from benchmarks.results import Result, as_text, from_text, of_one_machine, summaries
from benchmarks.rounds import Row, read_report
from benchmarks.scenarios import LARGE_SCENARIOS, SCENARIOS, Sizes
from benchmarks.tables import scenario_table, seconds, table
from benchmarks.task import Measured

HERE = Surroundings("2 cores, 8 GiB of memory", {"Python": "3.11.7", "minio": ""})
EVERY_SCENARIO = {scenario.name: scenario for scenario in (*SCENARIOS, *LARGE_SCENARIOS)}


def summary(wall_seconds: float, *, cpu_seconds: float = 1, peak_bytes: float = 1) -> Summary:
    return Summary(wall_seconds, cpu_seconds, peak_bytes, wall_seconds, wall_seconds)


def row(*wall_seconds: float) -> Row:
    return Row([Measured(wall, 2 * wall, int(wall * 10**6)) for wall in wall_seconds])


def result(*, here: Surroundings = HERE, day: int = 2, **rows: Row) -> Result:
    return Result("Is one object there?", dt.date(2026, 1, day), 5, here, rows)


def test_every_contender_of_every_scenario_can_be_made() -> None:
    named = {name for scenario in EVERY_SCENARIO.values() for name in scenario.contenders}

    assert named <= NAMES


def test_every_demand_compares_contenders_of_its_scenario() -> None:
    strangers = [
        (demand.scenario, name)
        for demand in DEMANDS
        for name in (demand.ours, demand.peer)
        if name not in EVERY_SCENARIO[demand.scenario].contenders
    ]
    strangers += [
        (scenario, name)
        for scenario, name in MEMORY_DEMANDS
        if name not in EVERY_SCENARIO[scenario].contenders
    ]

    assert strangers == []


def test_a_title_tells_what_is_moved() -> None:
    sizes = Sizes(large_bytes=64 * 2**20, small_files=2000)

    titles = [sizes.title_of(scenario) for scenario in SCENARIOS]

    assert "Upload of 64 MiB" in titles
    assert "Upload of 2,000 × 16 KiB" in titles


@pytest.mark.parametrize(
    ("ours", "peer", "at_least", "measured", "outcome"),
    [
        (1.0, 5.0, 5, "5.00×", "met"),
        (1.0, 4.0, 5, "4.00×", "missed by 20 %"),
        (1.0, 0.96, LEVEL, "0.96×", "met"),
        (1.0, 0.5, LEVEL, "0.50×", "missed by 47 %"),
    ],
)
def test_a_demand_is_met_where_the_peer_takes_so_many_times_as_long(
    ours: float, peer: float, at_least: float, measured: str, outcome: str
) -> None:
    results = {"upload-large": {"us": summary(ours), "them": summary(peer)}}

    verdict = judge(Demand("upload-large", "us", "them", at_least), results)

    assert (verdict.measured, verdict.outcome) == (measured, outcome)


def test_a_demand_on_cpu_looks_at_nothing_else() -> None:
    row = {"us": summary(9, cpu_seconds=1), "them": summary(1, cpu_seconds=2)}

    verdict = judge(Demand("exists", "us", "them", 1, "cpu_seconds"), {"exists": row})

    assert (verdict.measured, verdict.outcome) == ("2.00×", "met")


def test_a_demand_without_a_result_is_never_met() -> None:
    results = {"upload-large": {"them": summary(1)}}

    verdict = judge(Demand("upload-large", "us", "them", 1), results)

    assert verdict.outcome == "not measured: no result of us"


@pytest.mark.parametrize(
    ("peak_bytes", "outcome"), [(250 * 10**6, "met"), (500 * 10**6, "missed by 50 %")]
)
def test_memory_is_held_against_its_bound(peak_bytes: int, outcome: str) -> None:
    results = {"upload-5-gib": {"us": summary(1, peak_bytes=peak_bytes)}}

    assert judge_memory("upload-5-gib", "us", results).outcome == outcome


def test_only_measured_scenarios_are_judged() -> None:
    found = verdicts({"exists": {"s3i": summary(1), "boto3": summary(1)}})

    assert [verdict.scenario for verdict in found] == ["exists"]


def test_the_medians_of_all_runs_count() -> None:
    found = row(3, 1, 2).summary()

    assert found == Summary(2, 4, 2 * 10**6, fastest_seconds=1, slowest_seconds=3)


def test_nothing_counts_of_a_contender_that_failed_once() -> None:
    runs = row(1)
    runs.problem = "failed: no answer"

    assert runs.summary() is None


@pytest.mark.parametrize(
    ("said", "complained", "told"),
    [
        ('{"not_there": "no such engine"}', "", "no such engine"),
        ('{"failure": "OSError: full"}', "", "failed: OSError: full"),
        ("", "Traceback: out of memory\n", "failed: Traceback: out of memory"),
        ("half a li", "Killed", "failed: Killed"),
    ],
)
def test_a_run_without_figures_tells_why(said: str, complained: str, told: str) -> None:
    assert read_report(said, complained) == told


def test_a_report_is_the_last_line_of_what_was_said() -> None:
    said = 'a library is chatty\n{"wall_seconds": 1, "cpu_seconds": 2, "peak_bytes": 3}\n'

    assert read_report(said, "a warning") == Measured(1, 2, 3)


def test_a_table_tells_how_many_times_as_long_everybody_takes() -> None:
    shown = scenario_table({"us": row(2), "them": row(5)})

    assert [line.split("|")[-2].strip() for line in shown.splitlines()[2:]] == ["1.00×", "2.50×"]


def test_who_failed_is_listed_with_the_reason_in_one_line() -> None:
    shown = scenario_table({"us": Row(problem="failed:\n  no answer"), "them": row(5)})

    assert "| us " in shown
    assert "- us: failed: no answer" in shown.splitlines()


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0123, "0.012"), (0.5, "0.50"), (9.876, "9.88"), (12.34, "12.3")]
)
def test_seconds_have_the_figures_that_mean_something(value: float, shown: str) -> None:
    assert seconds(value) == shown


def test_columns_of_numbers_stand_to_the_right() -> None:
    shown = table(("who", "s"), [["a", "1"], ["b", "10"]], numbers=(1,))

    assert shown.splitlines() == ["| who |  s |", "| --- | -: |", "| a   |  1 |", "| b   | 10 |"]


def test_the_page_holds_versions_verdicts_and_every_table() -> None:
    results = {"exists": result(s3i=row(1), boto3=row(2))}
    measurement = Measurement(
        results=results,
        surroundings=HERE,
        how_to_install="apt-get install nginx",
        verdicts=verdicts(summaries(results)),
        seconds_per_gib={"MD5": 1.4},
    )

    page = render(measurement)

    told = "2026-01-02 on 2 cores, 8 GiB of memory, with Python 3.11.7."
    assert told in " ".join(page.split())
    assert "no more CPU than boto3" in page
    assert "## Is one object there?\n\n`exists`, 2026-01-02\n" in page
    assert "| MD5      |          1.40 |" in page


def test_a_page_of_tables_from_several_days_tells_each_ones() -> None:
    results = {"exists": result(s3i=row(1)), "upload-large": result(day=5, s3i=row(1))}
    measurement = Measurement(results, HERE, "", [], {})

    page = render(measurement)

    assert "2026-01-02 to 2026-01-05 on 2 cores" in " ".join(page.split())
    assert "`upload-large`, 2026-01-05" in page


def test_kept_results_are_the_same_when_they_are_read_again() -> None:
    failed = Row([Measured(1.25, 2, 3, 4, 5)], "failed: no answer")
    results = {"exists": result(s3i=row(1, 2), boto3=failed), "upload-large": result(s3i=row(3))}

    text = as_text(results)

    assert from_text(text) == results
    assert len(text.splitlines()) == len(results) + 2


def test_a_page_takes_all_its_tables_in_its_own_order_and_no_others() -> None:
    results = {name: result(s3i=row(1)) for name in ("far", "near", "huge")}

    found = of_one_machine(results, HERE, ["near", "far"])

    assert found is not None
    assert list(found) == ["near", "far"]


def test_no_page_is_made_of_some_of_its_tables() -> None:
    assert of_one_machine({"near": result(s3i=row(1))}, HERE, ["near", "far"]) is None


def test_no_page_mixes_machines_or_versions() -> None:
    other = Surroundings(HERE.shape, {**HERE.versions, "Python": "3.12.1"})
    results = {"near": result(s3i=row(1)), "far": result(here=other, s3i=row(1))}

    assert of_one_machine(results, HERE, ["near", "far"]) is None


def test_every_reason_is_for_rows_that_there_are() -> None:
    rows = {(each.scenario, each.text) for each in DEMANDS}
    rows |= {(each.scenario, each.text) for each in DEMANDS_PER_FILE}

    assert {row for reason in REASONS for row in reason.rows} <= rows


def test_a_row_that_is_missed_tells_why_with_its_figure() -> None:
    met = Verdict("far", "us", "level with them", "0.96×", "met")
    missed = Verdict("near", "us", "ahead of them", "0.80×", "missed by 20 %")
    reason = Reason((("near", "ahead of them"), ("far", "level with them")), "they cheat.")

    assert reasons_told([met, missed], [reason]) == "- `near`, ahead of them (0.80×): they cheat."


def test_a_row_that_is_missed_for_reasons_unknown_says_so() -> None:
    missed = Verdict("near", "us", "ahead of them", "0.80×", "missed by 20 %")

    assert reasons_told([missed], []).endswith("(0.80×): nobody has looked into it yet.")


def test_where_nothing_is_missed_no_reason_is_told() -> None:
    met = Verdict("near", "us", "ahead of them", "1.80×", "met")

    assert reasons_told([met], [Reason((("near", "ahead of them"),), "they cheat.")]) == ""
