"""How long to wait for what, and when something counts as stopped."""

from __future__ import annotations

from dataclasses import replace

import pytest

from s3_integration.aws.pace import Limits, Pace, TooSlowError, limits_of
from s3_integration.config import TransferConfig, resolve_settings
from tests.fixtures.mock_responses import CONFIG

LIMITS = Limits(1, 1, stall_seconds=10, slowest_bytes_per_second=100)


def test_a_pace_begins_anew_after_each_period() -> None:
    pace = Pace(LIMITS)
    pace.note(1, 0)
    pace.note(10_000, 10)

    with pytest.raises(TooSlowError):
        pace.note(999, 10)


def test_it_is_too_early_to_tell_until_a_period_is_over() -> None:
    pace = Pace(LIMITS)
    pace.note(1, 0)

    pace.note(1, 9.9)


def test_the_wait_for_the_first_bytes_is_free_also_after_a_rest() -> None:
    pace = Pace(LIMITS)

    pace.note(1, 100)
    pace.rest()
    pace.note(1, 100)


@pytest.mark.parametrize(
    ("read_seconds", "stall_seconds", "expected"), [(60, 30, 30), (5, 30, 5)], ids=str
)
def test_a_stall_lasts_no_longer_than_reading_may(
    read_seconds: float, stall_seconds: float, expected: float
) -> None:
    transfer = TransferConfig(stall_timeout_seconds=stall_seconds, slowest_bytes_per_second=7)
    config = replace(CONFIG, transfer=transfer, read_timeout_seconds=read_seconds)
    settings = resolve_settings(config=config, environment={}, dotenv={})

    limits = limits_of(settings)

    assert limits.stall_seconds == expected
    assert limits.answer_seconds == read_seconds
    assert limits.connect_seconds == settings.connect_timeout_seconds
    assert limits.slowest_bytes_per_second == 7
