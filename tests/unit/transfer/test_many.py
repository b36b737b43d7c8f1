"""Many jobs at once, without S3: what becomes of each, and how they end."""

from __future__ import annotations

import contextvars
import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NoReturn

import pytest

from s3_integration.exceptions import S3DownloadError, S3IntegrationError, S3UploadError
from s3_integration.models import ProgressCallback
from s3_integration.transfer.engine import (
    DownloadJob,
    ObjectId,
    Transferred,
    UploadJob,
    UploadOptions,
)
from s3_integration.transfer.many import DEPTH, LOOK_AHEAD, move_many
from s3_integration.transfer.turns import end_turn
from tests.fixtures.at_once import allow_threads

OPTIONS: Final = UploadOptions("text/plain", {}, {})
DONE: Final = Transferred(1, "etag", None)


def upload_job(name: str) -> UploadJob:
    return UploadJob(Path(name), ObjectId("unit-tests", name), OPTIONS)


def download_job(name: str) -> DownloadJob:
    return DownloadJob(ObjectId("unit-tests", name), Path(name))


def upload_jobs() -> Iterator[UploadJob]:
    """As many as are asked for."""
    return (upload_job(str(number)) for number in itertools.count())


def do_nothing(job: UploadJob, progress: ProgressCallback) -> Transferred:
    return DONE


def fail(error: BaseException) -> Callable[[object, object], NoReturn]:
    def move(job: object, progress: object) -> NoReturn:
        raise error

    return move


def name_of(job: UploadJob) -> str:
    return Path(job.path).name


def test_every_job_has_one_outcome() -> None:
    jobs = list(itertools.islice(upload_jobs(), 1000))

    outcomes = list(move_many(jobs, do_nothing, 8))

    assert {outcome.job.path for outcome in outcomes} == {job.path for job in jobs}
    assert len(outcomes) == len(jobs)
    assert all(outcome.result is DONE and outcome.error is None for outcome in outcomes)


def test_no_jobs_have_no_outcomes() -> None:
    assert list(move_many([], do_nothing, 8)) == []


def test_a_failure_is_told_and_keeps_no_other_from_its_end() -> None:
    refused = S3UploadError("refused")

    def move(job: UploadJob, progress: ProgressCallback) -> Transferred:
        if int(name_of(job)) % 3 == 0:
            raise refused
        return DONE

    outcomes = list(move_many(itertools.islice(upload_jobs(), 30), move, 4))

    told = {int(name_of(outcome.job)): (outcome.result, outcome.error) for outcome in outcomes}
    assert told == {n: (None, refused) if n % 3 == 0 else (DONE, None) for n in range(30)}


@pytest.mark.parametrize(
    ("job", "outcome_class"),
    [(upload_job("a"), S3UploadError), (download_job("a"), S3DownloadError)],
    ids=["upload", "download"],
)
def test_what_nobody_foresaw_is_the_failure_of_one_job(
    job: UploadJob | DownloadJob, outcome_class: type[S3IntegrationError]
) -> None:
    surprise = ZeroDivisionError("division by zero")

    (outcome,) = move_many([job], fail(surprise), 4)  # type: ignore[type-var]  # either kind

    assert isinstance(outcome.error, outcome_class)
    assert outcome.error.key == "a"
    assert "division by zero" in outcome.error.message
    assert outcome.error.__cause__ is surprise


def test_what_is_no_exception_of_one_job_ends_all() -> None:
    with pytest.raises(SystemExit):
        list(move_many(upload_jobs(), fail(SystemExit(3)), 4))


@pytest.mark.parametrize("most_threads", [1, 4, 300])
def test_no_more_jobs_than_a_few_are_read_ahead(most_threads: int) -> None:
    read = list[UploadJob]()

    def jobs() -> Iterator[UploadJob]:
        for job in upload_jobs():
            read.append(job)
            yield job

    outcomes = move_many(jobs(), do_nothing, most_threads)

    handed_out = len([next(outcomes) for _ in range(50)])
    outcomes.close()

    assert len(read) <= handed_out + LOOK_AHEAD * most_threads


def test_no_more_jobs_than_allowed_are_under_way_at_once() -> None:
    lock, under_way, most = threading.Lock(), 0, 0
    all_at_once = threading.Barrier(3)

    def move(job: UploadJob, progress: ProgressCallback) -> Transferred:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        end_turn()
        all_at_once.wait(10)
        with lock:
            under_way -= 1
        return DONE

    outcomes = list(move_many(itertools.islice(upload_jobs(), 30), move, 3))

    assert [outcome.error for outcome in outcomes] == [None] * 30
    assert most == 3


def test_an_outcome_is_told_while_other_jobs_are_under_way() -> None:
    first_is_told = threading.Event()

    def move(job: UploadJob, progress: ProgressCallback) -> Transferred:
        assert name_of(job) == "quick" or first_is_told.wait(10)
        return DONE

    outcomes = move_many([upload_job("slow"), upload_job("quick")], move, 4)

    assert name_of(next(outcomes).job) == "quick"
    first_is_told.set()
    assert name_of(next(outcomes).job) == "slow"


def test_who_waits_is_told_how_far_the_files_under_way_have_come() -> None:
    half_is_told = threading.Event()
    seen: list[int] = []

    def move(job: UploadJob, progress: ProgressCallback) -> Transferred:
        progress(50, 100)
        assert half_is_told.wait(10)
        return DONE

    def watch(moved_bytes: int) -> None:
        seen.append(moved_bytes)
        if moved_bytes == 100:
            half_is_told.set()

    outcomes = list(move_many([upload_job("a"), upload_job("b")], move, 4, watch=watch))

    assert [outcome.error for outcome in outcomes] == [None, None]
    assert max(seen) == 100


def test_what_watching_raises_ends_all() -> None:
    held = Held()

    def watch(_: int) -> None:
        assert held.one_has_begun.wait(10)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(move_many(upload_jobs(), held.move, 2, watch=watch))

    assert sorted(held.begun) == sorted(held.ended)


class Held:
    """Jobs that are held up until they are told to stop or to end."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.one_has_begun = threading.Event()
        self.go_on = threading.Event()

    def move(self, job: UploadJob, progress: ProgressCallback) -> Transferred:
        self.begun.append(name_of(job))
        try:
            if name_of(job) == "0":
                return DONE
            self.one_has_begun.set()
            for done_bytes in range(1000):
                progress(done_bytes, 1000)
                self.go_on.wait(0.01)
            return DONE
        finally:
            self.ended.append(name_of(job))


def test_closing_breaks_off_what_is_under_way_and_waits_for_it() -> None:
    held = Held()
    outcomes = move_many(upload_jobs(), held.move, 4)
    next(outcomes)
    assert held.one_has_begun.wait(10)

    outcomes.close()

    assert sorted(held.begun) == sorted(held.ended)
    assert len(held.begun) <= 1 + LOOK_AHEAD * 4


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interruption_while_waiting_ends_all(
    interruption: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held()

    def wait_and_be_interrupted(_: object) -> None:
        assert held.one_has_begun.wait(10)
        raise interruption

    outcomes = move_many(upload_jobs(), held.move, 2)
    next(outcomes)
    monkeypatch.setattr("s3_integration.transfer.many._Run._wait", wait_and_be_interrupted)

    with pytest.raises(interruption):
        list(outcomes)

    assert sorted(held.begun) == sorted(held.ended)


def test_what_reading_the_jobs_raises_comes_through_after_those_under_way_have_ended() -> None:
    held = Held()

    def jobs() -> Iterator[UploadJob]:
        yield upload_job("1")
        assert held.one_has_begun.wait(10)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(move_many(jobs(), held.move, 4))

    assert (held.begun, held.ended) == (["1"], ["1"])


def test_jobs_are_read_by_the_callers_thread() -> None:
    readers = set[threading.Thread]()

    def jobs() -> Iterator[UploadJob]:
        for job in itertools.islice(upload_jobs(), 20):
            readers.add(threading.current_thread())
            yield job

    list(move_many(jobs(), do_nothing, 4))

    assert readers == {threading.current_thread()}


def test_jobs_see_the_callers_context() -> None:
    variable = contextvars.ContextVar[str]("variable")
    variable.set("of the caller")

    def move(job: UploadJob, progress: ProgressCallback) -> Transferred:
        return Transferred(0, variable.get(), None)

    outcomes = list(move_many(itertools.islice(upload_jobs(), 20), move, 4))

    assert {outcome.result.etag for outcome in outcomes if outcome.result} == {"of the caller"}


def test_where_no_more_threads_can_be_started_the_others_do_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allow_threads(3, monkeypatch)

    outcomes = list(move_many(itertools.islice(upload_jobs(), 200), do_nothing, 64))

    assert len(outcomes) == 200


@pytest.mark.parametrize("number", [0, 1])
def test_where_no_thread_can_be_started_the_error_says_so(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_threads(number, monkeypatch)

    with pytest.raises(S3IntegrationError, match="no more threads"):
        list(move_many(upload_jobs(), do_nothing, 64))


class Ahead:
    """Jobs that are begun ahead; every third takes longer, and one in seven cannot be begun."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.under_way = 0
        self.most = 0
        self.given_up = 0
        self.gone_on: list[str] = []
        self.moved: list[str] = []

    def begin(self, job: UploadJob) -> BegunAhead | None:
        number = int(name_of(job))
        if number % 7 == 6:
            raise ZeroDivisionError
        if number % 7 == 5:
            return None
        with self.lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        return BegunAhead(self, job)

    def move(self, job: UploadJob, progress: ProgressCallback) -> Transferred:
        self.moved.append(name_of(job))
        return DONE

    def end(self) -> None:
        with self.lock:
            self.under_way -= 1


class BegunAhead:
    def __init__(self, ahead: Ahead, job: UploadJob) -> None:
        self._ahead = ahead
        self._job = job

    def finish(self) -> Transferred | None:
        if int(name_of(self._job)) % 3 == 0:
            return None
        self._ahead.end()
        if name_of(self._job) == "1":
            message = "refused"
            raise S3UploadError(message)
        return DONE

    def go_on(self, progress: ProgressCallback) -> Transferred:
        self._ahead.gone_on.append(name_of(self._job))
        self._ahead.end()
        return DONE

    def give_up(self) -> None:
        self._ahead.given_up += 1
        self._ahead.end()


@pytest.mark.parametrize("most", [1, 3, 16, 64])
def test_jobs_that_are_begun_ahead_have_one_outcome_each_whatever_becomes_of_them(
    most: int,
) -> None:
    ahead = Ahead()

    outcomes = list(move_many(itertools.islice(upload_jobs(), 300), ahead.move, most, ahead.begin))

    told = sorted((int(name_of(each.job)), each.error is None) for each in outcomes)
    assert told == [(number, number != 1) for number in range(300)]
    assert sorted(map(int, ahead.moved)) == [n for n in range(300) if n % 7 in {5, 6}]
    begun = set(range(300)) - set(map(int, ahead.moved))
    assert sorted(map(int, ahead.gone_on)) == sorted(n for n in begun if n % 3 == 0)
    assert (ahead.under_way, ahead.given_up) == (0, 0)


@pytest.mark.parametrize("most", [1, 3, 16])
def test_no_more_jobs_than_allowed_are_begun_ahead(most: int) -> None:
    ahead = Ahead()

    list(move_many(itertools.islice(upload_jobs(), 300), ahead.move, most, ahead.begin))

    assert 1 <= ahead.most <= most


def test_one_thread_has_several_jobs_under_way() -> None:
    ahead, some_are_ready = Ahead(), threading.Event()

    def jobs() -> Iterator[UploadJob]:
        yield from itertools.islice(upload_jobs(), 5)
        some_are_ready.set()

    def begin(job: UploadJob) -> BegunAhead | None:
        assert some_are_ready.wait(10)
        return ahead.begin(job)

    list(move_many(jobs(), ahead.move, DEPTH, begin))

    assert ahead.most == 5


def test_jobs_that_take_longer_and_wait_for_their_turn_are_given_up_as_well() -> None:
    held, under_way = Held(), set[str]()

    class TakesLonger:
        def __init__(self, job: UploadJob) -> None:
            self._job = job
            under_way.add(name_of(job))

        def finish(self) -> None:
            """It is to be gone on with."""

        def go_on(self, progress: ProgressCallback) -> Transferred:
            under_way.remove(name_of(self._job))
            return held.move(self._job, progress)

        def give_up(self) -> None:
            under_way.remove(name_of(self._job))

    outcomes = move_many(upload_jobs(), held.move, 64, TakesLonger)
    next(outcomes)
    assert held.one_has_begun.wait(10)

    outcomes.close()

    assert under_way == set()


def test_jobs_that_were_begun_ahead_are_given_up_when_nobody_wants_their_outcomes() -> None:
    ahead = Ahead()
    outcomes = move_many(upload_jobs(), ahead.move, 64, ahead.begin)
    for _ in range(20):
        next(outcomes)

    outcomes.close()

    assert ahead.under_way == 0
