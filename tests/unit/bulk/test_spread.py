"""Files moved by executors: each is told of once, whatever becomes of who moves it."""

from __future__ import annotations

import datetime as dt
import pickle
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from typing_extensions import override

from s3_integration.bulk import spread
from s3_integration.bulk.plan import Plan, Step
from s3_integration.bulk.run import Manner, Moved, carry_out
from s3_integration.bulk.shards import Shard
from s3_integration.bulk.spread import Errand, Spread, Workforce
from s3_integration.bulk.storage import Storage
from s3_integration.exceptions import S3CredentialsError, S3IntegrationError, S3UploadError
from s3_integration.models import FileAction, S3FileInfo, TransferReport
from s3_integration.transfer.engine import Watch


class FakeMeans:
    """Means that move nothing; files that are called `same` are."""

    bucket_name = "bucket"
    compares = "before moving"
    delete_threads = 1

    def key_of(self, key: str) -> str:
        return f"p/{key}"

    def path_of(self, key: str) -> str:
        return f"/f/{key}"

    def move(
        self, steps: Iterator[Step], watch: Watch | None = None
    ) -> Generator[tuple[Step, Moved], None, None]:
        for step in reversed(list(steps)):
            if "untold" not in step.key:
                yield step, S3UploadError(step.key) if "bad" in step.key else step.size

    def compare(self, step: Step) -> str:
        return "same" if "same" in step.key else "different"

    def make_folder(self, key: str) -> None:
        """Nothing is made."""

    def delete(self, keys: Sequence[str]) -> Mapping[str, S3IntegrationError]:
        return {key: S3IntegrationError(key) for key in keys if "bad" in key}


@contextmanager
def make_means(storage: Storage) -> Iterator[FakeMeans]:
    yield FakeMeans()


class Maker:
    def storage(self) -> Storage:
        return cast("Storage", None)


class ByHand(Executor):
    """Runs what `when` lets it; what it is given and gives back goes through pickle."""

    def __init__(self, when: Callable[[int], BaseException | None] = lambda _: None) -> None:
        self.submitted = 0
        self.most_open = 0
        self._when = when

    @override
    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        number, self.submitted = self.submitted, self.submitted + 1
        future: Future[Any] = Future()
        failure = self._when(number)
        if failure is None:
            arrived = pickle.loads(pickle.dumps((fn, args)))  # noqa: S301 - pickled right here
            future.set_result(pickle.loads(pickle.dumps(arrived[0](*arrived[1]))))  # noqa: S301
        else:
            future.set_exception(failure)
        return future


@dataclass
class Case:
    """One run over steps."""

    steps: Sequence[Step]
    executor: Executor
    action: FileAction = "upload"
    prepared: list[None] = field(default_factory=list)

    def prepare(self) -> None:
        self.prepared.append(None)

    def run(self) -> TransferReport:
        here = cast("Any", FakeMeans())
        workforce = Workforce(self.executor, Maker())
        means = Spread(self.action, here, cast("Any", make_means), workforce, self.prepare)
        return carry_out(Plan(self.action, "bucket", iter(self.steps)), means, Manner())


def steps(number: int = 200, **named: str) -> list[Step]:
    made = [Step("transfer", f"{each:05}", each, "new") for each in range(number)]
    return made + [Step(cast("Any", deed), key, 7, "told") for key, deed in named.items()]


def keys(report: TransferReport) -> dict[str, list[str]]:
    lists = {"done": report.done, "skipped": report.skipped, "failed": report.failed}
    return {name: sorted(result.key for result in results) for name, results in lists.items()}


def test_each_step_is_told_of_once() -> None:
    case = Case(
        steps(500, bad="transfer", same="compare", other="compare", untold="transfer"), ByHand()
    )

    report = case.run()

    told = keys(report)
    assert told["failed"] == ["p/bad", "p/untold"]
    assert told["skipped"] == ["p/same"]
    assert told["done"] == sorted(["p/other", *(f"p/{each:05}" for each in range(500))])
    assert report.size_bytes == sum(range(500)) + 7
    assert len(case.prepared) == 1
    assert [result.reason for result in report.skipped] == ["unchanged"]


def test_a_shard_that_fails_for_good_fails_file_by_file() -> None:
    lost = BrokenProcessPool("a process died with secret_access_key=hunter2-hunter2")
    case = Case(steps(100), ByHand(lambda number: lost if number == 1 else None))

    report = case.run()

    assert [result.key for result in report.failed] == [f"p/{each:05}" for each in range(32, 64)]
    assert len(report.done) == 100 - 32
    error = report.failed[0].error
    assert isinstance(error, S3UploadError)
    assert error.key == "p/00032"
    assert error.retryable
    assert "BrokenProcessPool" in error.message
    assert "hunter2" not in str(error)
    assert "only_changed=True" in error.suggestion


def test_an_executor_that_takes_no_more_fails_file_by_file() -> None:
    threads = ThreadPoolExecutor(1)
    threads.shutdown()

    report = Case(steps(100), threads).run()

    assert not report.done
    assert len(report.failed) == 100


def test_what_all_processes_lack_ends_the_rest() -> None:
    lack = S3CredentialsError("no credentials here")
    case = Case(steps(20_000), ByHand(lambda _: lack))

    report = case.run()

    assert len(report.failed) == 20_000
    assert all(isinstance(result.error, S3CredentialsError) for result in report.failed)
    assert cast("ByHand", case.executor).submitted <= 3


def test_only_so_many_shards_are_open_and_steps_are_read_no_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spread, "MOST_SHARDS_OPEN", 4)
    read: list[Step] = []

    def listing() -> Iterator[Step]:
        for step in steps(1000):
            read.append(step)
            yield step

    class Lazy(ByHand):
        """Does nothing before four shards are open; then all that is."""

        def __init__(self) -> None:
            super().__init__()
            self.open: list[Callable[[], None]] = []

        @override
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = Future()
            self.open.append(lambda: future.set_result(fn(*args)))
            self.most_open = max(self.most_open, len(self.open))
            assert len(read) <= (self.submitted + 1) * 32 + 1
            self.submitted += 1
            if len(self.open) == 4 or self.submitted == 32:
                while self.open:
                    self.open.pop()()
            return future

    lazy = Lazy()
    report = Case(cast("Any", listing()), lazy).run()

    assert len(report.done) == 1000
    assert lazy.most_open == 4
    assert lazy.submitted == 32


def test_what_is_given_up_is_taken_back() -> None:
    waiting: Future[Any] = Future()

    class Never(Executor):
        @override
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            return waiting

    def breaks_off() -> Iterator[Step]:
        yield from steps(40)
        raise KeyboardInterrupt

    here = cast("Any", FakeMeans())
    means = Spread(
        "upload", here, cast("Any", make_means), Workforce(Never(), Maker()), lambda: None
    )
    with pytest.raises(KeyboardInterrupt):
        list(means.move(breaks_off()))

    assert waiting.cancelled()


def test_files_are_deleted_by_the_executor() -> None:
    executor = ByHand()

    report = Case([Step("delete", key, 1, "") for key in ("a", "bad")], executor, "delete").run()

    assert keys(report) == {"done": ["p/a"], "skipped": [], "failed": ["p/bad"]}
    assert executor.submitted == 1


def test_a_deletion_that_is_lost_fails_file_by_file() -> None:
    executor = ByHand(lambda _: BrokenProcessPool("died"))

    report = Case([Step("delete", key, 1, "") for key in "ab"], executor, "delete").run()

    assert keys(report) == {"done": [], "skipped": [], "failed": ["p/a", "p/b"]}


def test_nothing_to_move_needs_no_bucket() -> None:
    case = Case([Step("skip", "a", 1, "unchanged")], ByHand())

    report = case.run()

    assert len(report.skipped) == 1
    assert not case.prepared


class Listing:
    """A storage that tells of one file that was stored since."""

    bucket_name = "bucket"

    def list_files(self, *_: object, **__: object) -> Iterator[S3FileInfo]:
        yield S3FileInfo("p/same", 7, dt.datetime.now(dt.UTC), "etag", "STANDARD")


class ListingMaker:
    def storage(self) -> Storage:
        return cast("Storage", cast("Any", Listing()))


def test_what_an_earlier_run_of_the_shard_has_stored_is_done_and_not_stored_again() -> None:
    shard = Shard(0, (Step("transfer", "other", 9, "new"), Step("transfer", "same", 7, "new")))
    moved: list[str] = []

    class Watched(FakeMeans):
        @override
        def move(
            self, steps: Iterator[Step], watch: Watch | None = None
        ) -> Generator[tuple[Step, Moved], None, None]:
            for step in steps:
                moved.append(step.key)
                yield step, step.size

    @contextmanager
    def watched(storage: Storage) -> Iterator[FakeMeans]:
        yield Watched()

    since = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=5)
    told = Errand(ListingMaker(), cast("Any", watched), shard, since).run()

    assert moved == ["other"]
    assert told == [9, 7]
