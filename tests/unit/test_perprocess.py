"""Values that one process makes once, and that forked children make anew."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from s3_integration import perprocess
from s3_integration.perprocess import PerProcess
from tests.fixtures.fresh_python import run_in_fresh_python

# In a process of its own: forking pytest's would copy whatever threads it has.
_FORK = """
import os, threading
from s3_integration.perprocess import PerProcess

value = PerProcess(os.getpid)
never_made = PerProcess(os.getpid)
assert value.get() == os.getpid()
held = never_made._lock
held.acquire()
child = os.fork()
if child == 0:
    mine = value.get() == os.getpid() == never_made.get()
    os._exit(0 if mine else 1)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0
assert value.get() == os.getpid()
print("the child made its own")
"""


def test_a_value_is_made_on_first_use_and_kept() -> None:
    made: list[object] = []

    def make() -> object:
        made.append(object())
        return made[-1]

    value = PerProcess(make)

    assert made == []
    assert value.get() is value.get()
    assert len(made) == 1


def test_threads_that_ask_at_once_get_one_value() -> None:
    everybody_asks = threading.Barrier(8)
    made: list[object] = []

    def make() -> object:
        made.append(object())
        return made[-1]

    value = PerProcess(make)

    def ask(_: int) -> object:
        everybody_asks.wait()
        return value.get()

    with ThreadPoolExecutor(8) as pool:
        values = set(pool.map(ask, range(8)))

    assert values == {made[0]}


def test_a_thread_that_waited_for_another_takes_its_value() -> None:
    one_is_making, may_finish = threading.Event(), threading.Event()
    made: list[int] = []

    def make() -> int:
        made.append(1)
        one_is_making.set()
        may_finish.wait()
        return 4711

    value = PerProcess(make)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(value.get)
        one_is_making.wait()
        second = pool.submit(value.get)
        may_finish.set()

        assert (first.result(), second.result()) == (4711, 4711)
    assert made == [1]


def test_a_failure_is_not_kept() -> None:
    outcomes = iter([False, True])

    def make() -> str:
        if not next(outcomes):
            raise OSError("the first time")
        return "made"

    value = PerProcess(make)
    with pytest.raises(OSError, match="the first time"):
        value.get()

    assert value.get() == "made"


def test_a_forgotten_value_is_made_anew() -> None:
    numbers = iter(range(9))
    value = PerProcess(lambda: next(numbers) + 1)
    first = value.get()

    value.forget()

    assert (first, value.get()) == (1, 2)


def test_a_child_forgets_all_values() -> None:
    # Here, where coverage can see it; that it happens in a real fork is the next test's.
    first, second = PerProcess(object), PerProcess(object)
    before = (first.get(), second.get())

    perprocess._forget_all()

    assert first.get() is not before[0]
    assert second.get() is not before[1]


def test_a_forked_child_makes_its_own_even_where_a_thread_was_just_making_one() -> None:
    assert run_in_fresh_python(_FORK) == "the child made its own\n"
