"""How many threads are worth having."""

from __future__ import annotations

import pytest

from s3_integration.transfer.crew import FEWEST, Crew, Window, affordable_number, better_number

MOST = 256


def crew_after(*windows: tuple[float, int, float], most: int = MOST) -> Crew:
    """A crew that has seen windows of so many seconds, files, and CPU seconds in all."""
    crew, now = Crew(most, 100.0), 100.0
    for seconds, files, cpu_seconds in windows:
        for _ in range(files):
            crew.note(cpu_seconds / files)
        now += seconds
        crew.judge(now)
    return crew


def test_threads_that_compute_all_the_time_stay_as_few() -> None:
    assert crew_after((0.1, 600, 0.09), (0.1, 600, 0.1), (0.1, 600, 0.08)).wanted == FEWEST


def test_threads_that_wait_become_many_within_a_few_windows() -> None:
    # 30 ms for each file, of which 0.15 ms are work.
    crew = crew_after((0.03, 4, 0.0006), (0.03, 32, 0.005))

    assert crew.wanted >= 128


def test_there_are_never_more_than_allowed() -> None:
    growing = [(0.1, 4 * 8**n, 0.0001) for n in range(4)]

    assert crew_after(*growing).wanted == MOST
    assert crew_after(*growing, most=2).wanted == 2


def test_threads_that_brought_nothing_go_and_come_back_only_after_a_while() -> None:
    # The line is full: 100 files in a second, by however many threads.
    full = (1.0, 100, 0.01)

    with_more, without = crew_after(full), crew_after(full, full)
    patient, again = crew_after(*[full] * 52), crew_after(*[full] * 53)

    assert with_more.wanted == 8 * FEWEST
    assert without.wanted == patient.wanted == FEWEST
    assert again.wanted == 8 * FEWEST


def test_threads_grow_no_further_than_to_keep_one_core_busy() -> None:
    assert better_number(Window(64, 1000, 1.0, 0.35), MOST) == 128


@pytest.mark.parametrize("window", [(0.001, 100, 0.0), (5.0, FEWEST - 1, 0.0)])
def test_too_little_decides_nothing(window: tuple[float, int, float]) -> None:
    assert crew_after(window).wanted == FEWEST


def test_what_is_too_little_at_first_counts_later() -> None:
    assert crew_after((5.0, FEWEST - 1, 0.01), (5.0, 1, 0.01)).wanted > FEWEST


def test_a_limit_that_shows_later_holds_from_then_on() -> None:
    crew = crew_after((0.1, 100, 0.0001))

    crew.limit(3)
    crew.note(0.0)

    assert crew.wanted == 3


@pytest.mark.parametrize(
    ("open_files_limit", "number"), [(-1, MOST), (20_000, MOST), (1024, 256), (256, 64), (3, 1)]
)
def test_there_are_no_more_than_the_system_has_open_files_for(
    open_files_limit: int, number: int
) -> None:
    assert affordable_number(MOST, open_files_limit) == number
