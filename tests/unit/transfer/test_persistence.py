"""Steps of a transfer that are done again when their bytes were damaged."""

from __future__ import annotations

import pytest

from s3_integration.aws.tally import counting_retries
from s3_integration.cancellation import BrokenOffError, breaking_off_when
from s3_integration.transfer import persistence
from s3_integration.transfer.integrity import DamagedError
from s3_integration.transfer.persistence import persistently


class Step:
    """Fails as often as it is told to."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures = failures
        self.calls = 0
        self._error = error or DamagedError("damaged")

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise self._error
        return "done"


def test_a_damaged_step_is_done_again_after_ever_longer_waits(
    slept: list[float], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(persistence, "full_jitter", lambda: 1.0)
    step = Step(failures=4)

    with counting_retries() as tally:
        assert persistently(step, operation="GetObject", total_attempts=5) == "done"

    assert step.calls == 5
    assert slept == pytest.approx([0.1, 0.2, 0.4, 0.8])
    assert tally.attempts == 5
    assert len(caplog.records) == 4
    assert "GetObject failed" in caplog.text
    assert "attempt 4 of 5" in caplog.text


@pytest.mark.parametrize("total_attempts", [1, 3])
def test_the_last_attempt_s_failure_is_told(slept: list[float], total_attempts: int) -> None:
    step = Step(failures=9)

    with pytest.raises(DamagedError):
        persistently(step, operation="GetObject", total_attempts=total_attempts)

    assert (step.calls, len(slept)) == (total_attempts, total_attempts - 1)


def test_no_step_is_done_again_for_a_transfer_that_has_ended(slept: list[float]) -> None:
    step = Step(failures=1)

    with breaking_off_when(lambda: bool(slept)), pytest.raises(BrokenOffError):
        persistently(step, operation="GetObject", total_attempts=5)

    assert (step.calls, len(slept)) == (1, 1)


def test_any_other_failure_is_told_at_once() -> None:
    step = Step(failures=1, error=ZeroDivisionError())

    with pytest.raises(ZeroDivisionError):
        persistently(step, operation="GetObject", total_attempts=5)

    assert step.calls == 1
