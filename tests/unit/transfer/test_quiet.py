"""A fork waits until awscrt calls Python no more."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from s3_integration.transfer import quiet


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    quiet._begin_anew()


def begin() -> threading.Event:
    """A request that awscrt works on, until its event is set."""
    ends = threading.Event()
    with quiet.beginning() as busy:
        assert busy is not None
        busy.add(ends)
    return ends


def test_a_fork_waits_until_awscrt_is_out_of_python(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = [begin(), begin()]
    slept = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        requests.pop().set()

    monkeypatch.setattr("time.sleep", sleep)

    quiet._wait_for_quiet()

    assert len(slept) == 2
    assert not requests


def test_a_fork_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    begin()
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda _: now.__setitem__(0, now[0] + 1))

    quiet._wait_for_quiet()

    assert now[0] == pytest.approx(10)


@pytest.mark.parametrize("go_on", [quiet._go_on, quiet._begin_anew])
def test_what_begins_while_a_fork_is_near_goes_another_way(go_on: object) -> None:
    quiet._wait_for_quiet()

    with quiet.beginning() as busy:
        assert busy is None
    assert callable(go_on)
    go_on()
    with quiet.beginning() as busy:
        assert busy is not None


def test_a_child_waits_for_nothing_of_its_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    begin()
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("it waited"))
    quiet._begin_anew()

    quiet._wait_for_quiet()
