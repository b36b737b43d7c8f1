"""Requests are broken off once the transfer that they belong to has ended."""

from __future__ import annotations

import contextvars

import pytest

from s3_integration.cancellation import (
    BrokenOffError,
    breaking_off_when,
    check_is_wanted,
    wait_while_wanted,
)


def test_a_request_of_no_transfer_is_wanted() -> None:
    check_is_wanted()


@pytest.mark.parametrize("ended", [(True, False), (False, True)], ids=["outer", "inner"])
def test_a_request_is_broken_off_whichever_of_its_transfers_has_ended(
    ended: tuple[bool, bool],
) -> None:
    outer, inner = ended

    with breaking_off_when(lambda: outer), breaking_off_when(lambda: inner):
        elsewhere = contextvars.copy_context()
        with pytest.raises(BrokenOffError):
            check_is_wanted()

    check_is_wanted()
    with pytest.raises(BrokenOffError):
        elsewhere.run(check_is_wanted)


def test_no_library_takes_it_for_a_failure_that_it_may_try_again() -> None:
    assert not issubclass(BrokenOffError, Exception)


def test_who_belongs_to_no_transfer_waits_by_one_sleep(slept: list[float]) -> None:
    wait_while_wanted(20)

    assert slept == [20]


def test_who_belongs_to_a_transfer_waits_as_long_as_it_lasts(slept: list[float]) -> None:
    with breaking_off_when(lambda: False):
        wait_while_wanted(0.35)

    assert slept == pytest.approx([0.1, 0.1, 0.1, 0.05])


@pytest.mark.parametrize("seconds", [0.0, 0.05, 20.0])
@pytest.mark.parametrize("steps", [0, 1])
def test_nobody_waits_on_for_a_transfer_that_has_ended(
    slept: list[float], steps: int, seconds: float
) -> None:
    with breaking_off_when(lambda: len(slept) >= steps), pytest.raises(BrokenOffError):
        wait_while_wanted(seconds)

    assert len(slept) == steps
    assert sum(slept) <= 0.1
