"""Moving files by other processes or machines, through any executor of `concurrent.futures`.

Each shard of the plan is handed over with what it takes to carry it out, and no more: whoever
gets it makes a client of its own. A shard may be carried out again where its process died;
whatever it did before is then done once more, or found done, and told once.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from s3_integration.bulk.again import to_look_at
from s3_integration.bulk.run import resolved
from s3_integration.bulk.shards import in_shards
from s3_integration.exceptions import S3DownloadError, S3IntegrationError, S3UploadError
from s3_integration.logs import redact

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from concurrent.futures import Executor
    from contextlib import AbstractContextManager

    from s3_integration.bulk.comparing import Verdict
    from s3_integration.bulk.plan import Step
    from s3_integration.bulk.run import Compares, Means, Moved
    from s3_integration.bulk.shards import Shard
    from s3_integration.bulk.storage import Storage
    from s3_integration.models import FileAction
    from s3_integration.transfer.engine import Watch

MakeMeans: TypeAlias = "Callable[[Storage], AbstractContextManager[Means]]"
"""How the steps of one plan are carried out by who has its bucket; it can be pickled."""

MOST_SHARDS_OPEN = 128
"""Handed over and not yet told of: as many processes can be at work, and the listing goes on
while they are, but never so far ahead that it fills the memory."""

_DELETE_THREADS = 16
"""Requests for 1,000 keys each that are handed over at a time."""


class StorageMaker(Protocol):
    """What can be pickled, and makes a bucket's storage in another process."""

    def storage(self) -> Storage:
        """The bucket, by a client of this process."""


@dataclass(frozen=True, slots=True)
class Workforce:
    """Who is to move the files."""

    executor: Executor
    maker: StorageMaker


@dataclass(frozen=True, slots=True)
class Errand:
    """A shard, and all that a process needs to carry it out."""

    maker: StorageMaker
    make_means: MakeMeans
    shard: Shard
    since: dt.datetime | None = None
    """When the call began, by S3's clock; None where what is there already says nothing."""

    def run(self) -> list[Moved]:
        """Carry it out, and tell of each step in its order."""
        told: dict[str, Moved] = {}
        storage = self.maker.storage()
        with (
            self.make_means(storage) as means,
            closing(means.move(self._to_move(storage, means, told))) as outcomes,
        ):
            told.update((step.key, moved) for step, moved in outcomes)
        untold = S3IntegrationError("The transfer ended before this file was moved.")
        return [told.get(step.key, untold) for step in self.shard.steps]

    def _to_move(self, storage: Storage, means: Means, told: dict[str, Moved]) -> Iterator[Step]:
        steps: Sequence[Step] = self.shard.steps
        compared = {step.key for step in steps if step.deed == "compare"}
        if self.since is not None:
            keys = [means.key_of(step.key) for step in steps]
            steps = to_look_at(storage, keys, steps, self.since)
        for step in resolved(steps, means.compare):
            if step.deed != "skip":
                yield step
            else:  # what was to be moved in any case has been, by who had the shard before
                told[step.key] = "same" if step.key in compared else step.size


def run_errand(errand: Errand) -> list[Moved]:
    """Carry out an errand in this process."""
    return errand.run()


@dataclass(frozen=True, slots=True)
class Deletion:
    """Files to delete, and all that a process needs for it."""

    maker: StorageMaker
    make_means: MakeMeans
    keys: tuple[str, ...]


def run_deletion(deletion: Deletion) -> dict[str, S3IntegrationError]:
    """Delete the files, in this process."""
    with deletion.make_means(deletion.maker.storage()) as means:
        return dict(means.delete(deletion.keys))


class Spread:
    """Means that let an executor move and delete; see `bulk.run.Means`."""

    delete_threads = _DELETE_THREADS
    compares: Compares = "while moving"

    def __init__(
        self,
        action: FileAction,
        here: Means,
        make_means: MakeMeans,
        workforce: Workforce,
        prepare: Callable[[], dt.datetime | None],
    ) -> None:
        """Hand nothing over yet.

        Args:
            action: what is done to the files.
            here: the means of this process, for whatever an executor is not needed for.
            make_means: how an executor's process makes its own.
            workforce: the executor, and what it makes clients of.
            prepare: makes sure of the bucket before anything is handed over, and tells the
                time; see `Errand`.
        """
        self._action = action
        self._here = here
        self._make_means = make_means
        self._workforce = workforce
        self._prepare = prepare
        self._since: dt.datetime | None = None
        self.bucket_name = here.bucket_name

    def key_of(self, key: str) -> str:
        """As here."""
        return self._here.key_of(key)

    def path_of(self, key: str) -> str:
        """As here; for the processes' machines as well."""
        return self._here.path_of(key)

    def compare(self, step: Step) -> Verdict:
        """As here."""
        return self._here.compare(step)

    def make_folder(self, key: str) -> None:
        """As here."""
        self._here.make_folder(key)

    def move(
        self,
        steps: Iterator[Step],
        watch: Watch | None = None,  # noqa: ARG002 - nobody sees what other processes are at
    ) -> Generator[tuple[Step, Moved], None, None]:
        """Hand the steps over, shard by shard, and tell of each when its shard is done."""
        handed: dict[Future[list[Moved]], Shard] = {}
        try:
            for shard in in_shards(steps):
                if not shard.number:
                    self._since = self._prepare()
                yield from self._hand_over(shard, handed)
                # Whatever is done is told; it is waited for only where there are enough.
                is_full = len(handed) >= MOST_SHARDS_OPEN
                yield from self._told(handed, timeout_seconds=None if is_full else 0)
            while handed:
                yield from self._told(handed, timeout_seconds=None)
        finally:
            for future in handed:
                future.cancel()

    def delete(self, keys: Sequence[str]) -> Mapping[str, S3IntegrationError]:
        """Let the executor delete them, and wait for it."""
        deletion = Deletion(self._workforce.maker, self._make_means, tuple(keys))
        try:
            return self._workforce.executor.submit(run_deletion, deletion).result()
        except Exception as error:  # executors raise whatever they like
            raise self._lost(error, "") from error

    def _hand_over(
        self, shard: Shard, handed: dict[Future[list[Moved]], Shard]
    ) -> Iterator[tuple[Step, Moved]]:
        """Add a shard to those that are handed over; where none is taken, its files have failed."""
        errand = Errand(self._workforce.maker, self._make_means, shard, self._since)
        try:
            handed[self._workforce.executor.submit(run_errand, errand)] = shard
        except Exception as error:  # noqa: BLE001 - executors raise whatever they like
            yield from self._all_lost(shard, error)

    def _told(
        self, handed: dict[Future[list[Moved]], Shard], timeout_seconds: float | None
    ) -> Iterator[tuple[Step, Moved]]:
        """The steps of the shards that are done by then; each shard is told of once."""
        for future in wait(handed, timeout_seconds, FIRST_COMPLETED).done:
            shard = handed.pop(future)
            try:
                moved = future.result()
            except Exception as error:  # noqa: BLE001 - executors raise whatever they like
                yield from self._all_lost(shard, error)
            else:
                yield from zip(shard.steps, moved, strict=True)

    def _all_lost(self, shard: Shard, error: Exception) -> Iterator[tuple[Step, Moved]]:
        for step in shard.steps:
            yield step, self._lost(error, self.key_of(step.key))

    def _lost(self, error: Exception, key: str) -> S3IntegrationError:
        """What is told of a file whose process did not."""
        if isinstance(error, S3IntegrationError):
            return error
        what = f"{key!r}" if key else "files"
        lost = _OUTCOMES.get(self._action, S3IntegrationError)(
            f"Cannot {self._action} {what}: the executor's process told of no result: "
            f"{type(error).__name__}: {redact(str(error))}.",
            operation=self._action,
            bucket=self.bucket_name,
            key=key,
            suggestion="Call again with only_changed=True: what has arrived is left out then.",
            retryable=True,
        )
        lost.__cause__ = error
        return lost


_OUTCOMES: Mapping[str, type[S3IntegrationError]] = {
    "upload": S3UploadError,
    "download": S3DownloadError,
}
