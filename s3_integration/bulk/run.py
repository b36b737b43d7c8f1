"""Carrying out a plan: each file that it names has exactly one result in the end."""

from __future__ import annotations

import dataclasses
import logging
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from s3_integration.bulk.deletes import MOST_KEYS
from s3_integration.bulk.foreseen import Foreseen
from s3_integration.bulk.judging import UNCHANGED
from s3_integration.bulk.parallel import in_parallel, some_in_parallel
from s3_integration.bulk.report import Ledger
from s3_integration.bulk.results import Packed
from s3_integration.exceptions import (
    S3BucketError,
    S3ConfigError,
    S3CredentialsError,
    S3IntegrationError,
)
from s3_integration.models import FileResult

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

    from s3_integration.bulk.comparing import Verdict
    from s3_integration.bulk.plan import Plan, Step
    from s3_integration.choices import EmptySource
    from s3_integration.models import FileAction, FolderProgressCallback, TransferReport
    from s3_integration.transfer.engine import Watch

logger = logging.getLogger(__name__)

Moved: TypeAlias = "int | Literal['same'] | S3IntegrationError"
"""The bytes of a file that was moved, or why it was not: because both sides are the same, or
because it failed."""

Compares = Literal["before moving", "while moving"]
"""When it is found out which files need not be moved: those that do not, never reach the second."""

_NOT_ALL_MOVED = "not all files could be moved"
"""Why extra files are kept: one of them may be the only other copy."""

_COMPARING_THREADS = 8
"""Those that read files or wait for S3's checksum."""


class Means(Protocol):
    """How the steps of one kind of plan are carried out."""

    bucket_name: str
    compares: Compares
    delete_threads: int

    def key_of(self, key: str) -> str:
        """The whole key of the object that a step writes, reads or deletes."""

    def path_of(self, key: str) -> str:
        """The file of this machine, or a copy's source; see `FileResult`."""

    def move(
        self, steps: Iterator[Step], watch: Watch | None = None
    ) -> Generator[tuple[Step, Moved], None, None]:
        """Move the files of all steps at once, and tell of each as it is done."""

    def compare(self, step: Step) -> Verdict:
        """Compare the contents of both sides."""

    def make_folder(self, key: str) -> None:
        """Make a folder on this machine."""

    def delete(self, keys: Sequence[str]) -> Mapping[str, S3IntegrationError]:
        """Delete at most 1,000 files of the target, and return the failures by key."""


@dataclasses.dataclass(frozen=True, slots=True)
class Manner:
    """How a plan is carried out."""

    dry_run: bool = False
    empty_source: EmptySource = "refuse"
    progress: FolderProgressCallback | None = None


def carry_out(plan: Plan, means: Means, manner: Manner) -> TransferReport:
    """Do what a plan says, or with `dry_run` only tell of it.

    Deletions come last, and only where all could be listed, and moved but for what vanished
    meanwhile or is refused by its name: an extra file may be the only other copy.

    Raises:
        S3ConfigError: the plan is another bucket's, or would delete everything because its
            source is empty.
        S3IntegrationError: nothing could be begun.
    """
    if plan.bucket_name != means.bucket_name:
        raise S3ConfigError(
            f"The plan is for bucket {plan.bucket_name!r}, not for {means.bucket_name!r}.",
            suggestion="Make a new plan with the client that is to carry it out.",
            bucket=means.bucket_name,
        )
    report = _Run(plan, means, manner).report()
    logger.info(
        "%s of many%s: %d done, %d skipped, %d failed, bucket %r, %d bytes, %.3f s",
        plan.action,
        " (dry run)" if manner.dry_run else "",
        len(report.done),
        len(report.skipped),
        len(report.failed),
        plan.bucket_name,
        report.size_bytes,
        report.seconds,
    )
    return report


class _Run:
    def __init__(self, plan: Plan, means: Means, manner: Manner) -> None:
        self._plan = plan
        self._means = means
        self._manner = manner
        self._ledger = Ledger(manner.progress)
        self._begun: dict[str, Step] = {}
        self._extras: Packed[tuple[str, int]] = Packed()
        self._deletes = False
        """Whether files are being deleted that nobody was told of yet."""
        self._has_source = False
        self._keeps_extras = ""
        """Why nothing may be deleted."""
        self._stopped_by: S3IntegrationError | None = None
        """What makes all further files fail as well."""

    def report(self) -> TransferReport:
        """Carry it out."""
        if self._plan.action == "delete":
            self._delete(self._to_delete())
            return self._ledger.report()
        steps = self._begin(self._resolved())
        if self._manner.dry_run:
            for step in steps:
                self._end(step, step.size)
        else:
            with closing(self._moving(steps)) as outcomes:
                for step, moved in outcomes:
                    self._end(step, moved)
        self._tell_of_unfinished()
        self._delete_extras()
        return self._ledger.report()

    def _moving(self, steps: Iterator[Step]) -> Generator[tuple[Step, Moved], None, None]:
        if self._manner.progress is None:
            return self._means.move(steps)
        foreseen = Foreseen(steps)

        def watch(moved_bytes: int) -> None:
            foreseen.read_some()
            self._ledger.know_under_way(moved_bytes)

        return self._means.move(self._still_wanted(foreseen), watch)

    def _still_wanted(self, steps: Iterator[Step]) -> Iterator[Step]:
        """The steps, up to the failure by which all others would fail as well."""
        for step in steps:
            if self._stopped_by is None:
                yield step
            else:
                del self._begun[step.key]
                self._fail(step.key, step.size, "not begun", self._stopped_by)

    # Before they are moved

    def _resolved(self) -> Iterator[Step]:
        """The steps, once it is known which of them change nothing."""
        if self._means.compares == "while moving":
            return self._listed()
        return resolved(self._listed(), self._means.compare, lambda: self._stopped_by is None)

    def _listed(self) -> Iterator[Step]:
        """The steps; a listing that breaks off ends them as well."""
        listed = iter(self._plan.steps)
        while True:
            try:
                step = next(listed, None)
            except S3IntegrationError as error:
                if not (self._begun or self._deletes or self._ledger.done or self._ledger.failed):
                    raise
                self._keeps_extras = "the listing broke off"
                self._fail("", 0, self._keeps_extras, error)
                return
            if step is None:
                self._ledger.know_all()
                return
            yield step

    def _begin(self, steps: Iterator[Step]) -> Iterator[Step]:
        """The steps that move something; all others are done with."""
        for step in steps:
            if step.deed in {"transfer", "folder", "compare"}:
                self._has_source = True
                self._ledger.know(step.size)
                if self._stopped_by is not None:
                    self._fail(step.key, step.size, "not begun", self._stopped_by)
                elif step.deed == "folder":
                    self._make_folder(step)
                else:
                    self._begun[step.key] = step
                    yield step
            else:
                self._settle(step)

    def _settle(self, step: Step) -> None:
        """Tell of a step that moves nothing."""
        match step.deed:
            case "skip":
                self._has_source |= step.reason == UNCHANGED
                self._ledger.add_skipped(self._result(step.key, step.size, step.reason))
            case "delete":
                self._extras.append((step.key, step.size))
            case "refuse":
                self._has_source = True
                self._fail(step.key, step.size, step.reason, step.error or self._refusal(step))
            case _:
                if step.deed == "unlisted":
                    self._keeps_extras = "a folder could not be listed"
                self._fail(step.key, step.size, step.reason, step.error)

    def _make_folder(self, step: Step) -> None:
        try:
            if not self._manner.dry_run:
                self._means.make_folder(step.key)
        except S3IntegrationError as error:
            # A file may be in its place, which then is an extra one.
            self._keeps_extras = "not all folders could be made"
            self._fail(step.key, 0, step.reason, error)
        else:
            self._ledger.add_done(self._result(step.key, 0, step.reason), 0)

    # After they were moved

    def _end(self, step: Step, moved: Moved) -> None:
        del self._begun[step.key]
        if moved == "same":
            self._ledger.forget(step.size)
            self._ledger.add_skipped(self._result(step.key, step.size, UNCHANGED))
            return
        if not isinstance(moved, S3IntegrationError):
            self._ledger.add_done(self._result(step.key, moved, step.reason), moved)
            return
        if self._is_gone(moved):
            self._fail(step.key, step.size, "vanished meanwhile", moved)
            return
        self._keeps_extras = _NOT_ALL_MOVED
        self._stop_after(moved)
        self._fail(step.key, step.size, step.reason, moved)

    def _is_gone(self, error: S3IntegrationError) -> bool:
        """Whether it is the source that is not there any more."""
        told_by_s3 = error.http_status != 0
        is_local = self._plan.action == "upload"
        return isinstance(error, FileNotFoundError) and told_by_s3 is not is_local

    def _stop_after(self, error: S3IntegrationError) -> None:
        """Begin nothing more where all else would fail in the same way."""
        if isinstance(error, S3BucketError | S3CredentialsError) and self._stopped_by is None:
            self._stopped_by = error

    def _tell_of_unfinished(self) -> None:
        """Each file has a result, that of those too which nobody told of."""
        for step in list(self._begun.values()):
            self._keeps_extras = _NOT_ALL_MOVED
            error = S3IntegrationError("The transfer ended before this file was moved.")
            self._fail(step.key, step.size, "not begun", self._stopped_by or error)
        self._begun.clear()

    # Deletions

    def _delete_extras(self) -> None:
        if not self._extras:
            return
        if not self._has_source and not self._keeps_extras:
            self._check_may_be_emptied()
        if self._keeps_extras:
            for key, size in self._extras:
                reason = f"extra, but kept: {self._keeps_extras}"
                self._ledger.add_skipped(self._result(key, size, reason, "delete"))
            return
        for _ in range(len(self._extras)):
            self._ledger.know(0)
        self._delete(self._not_spared(), "extra")

    def _not_spared(self) -> Iterator[tuple[str, int]]:
        for key, size in self._extras:
            if self._plan.spares(key):
                reason = "extra, but kept: another file's name leads to it"
                self._ledger.forget(0)
                self._ledger.add_skipped(self._result(key, size, reason, "delete"))
            else:
                yield key, size

    def _check_may_be_emptied(self) -> None:
        if self._manner.empty_source == "refuse":
            files = f"{len(self._extras):,} file{'' if len(self._extras) == 1 else 's'}"
            raise S3ConfigError(
                f"The source has no files, so everything in the target ({files}) would be "
                "deleted: nothing was done.",
                suggestion="Check the source. If the target is to be emptied, say so with "
                "empty_source='allow'.",
                bucket=self._means.bucket_name,
            )

    def _to_delete(self) -> Iterator[tuple[str, int]]:
        for step in self._listed():
            if step.deed == "delete":
                self._ledger.know(0)
                self._deletes = True
                yield step.key, step.size
            else:
                self._settle(step)

    def _delete(self, files: Iterable[tuple[str, int]], reason: str = "in the folder") -> None:
        if self._manner.dry_run:
            for key, size in files:
                self._ledger.add_done(self._result(key, size, reason, "delete"), 0)
            return
        batches = _batched(files, MOST_KEYS)
        threads = self._means.delete_threads
        with closing(in_parallel(self._delete_batch, batches, threads)) as outcomes:
            for batch, failed in outcomes:
                for key, size in batch:
                    result = self._result(key, size, reason, "delete")
                    if key in failed:
                        self._stop_after(failed[key])
                        self._ledger.add_failed(dataclasses.replace(result, error=failed[key]))
                    else:
                        self._ledger.add_done(result, 0)

    def _delete_batch(self, batch: Sequence[tuple[str, int]]) -> Mapping[str, S3IntegrationError]:
        keys = [key for key, _ in batch]
        if self._stopped_by is not None:
            return dict.fromkeys(keys, self._stopped_by)
        try:
            return self._means.delete(keys)
        except S3IntegrationError as error:
            return dict.fromkeys(keys, error)

    # Results

    def _fail(self, key: str, size: int, reason: str, error: S3IntegrationError | None) -> None:
        self._ledger.add_failed(dataclasses.replace(self._result(key, size, reason), error=error))

    def _refusal(self, step: Step) -> S3IntegrationError:
        key = self._means.key_of(step.key)
        return S3IntegrationError(
            f"Cannot {self._plan.action} {key!r}: {step.reason}.",
            bucket=self._means.bucket_name,
            key=key,
            suggestion="Fetch it by itself, to a path of your choice.",
        )

    def _result(
        self, key: str, size: int, reason: str, action: FileAction | None = None
    ) -> FileResult:
        means = self._means
        return FileResult(
            action or self._plan.action, means.key_of(key), means.path_of(key), size, reason
        )


def resolved(
    steps: Iterable[Step],
    compare: Callable[[Step], Verdict],
    is_wanted: Callable[[], bool] = lambda: True,
) -> Iterator[Step]:
    """The steps, of which those that had to be compared are to be skipped or transferred now."""

    def compared(step: Step) -> Step:
        try:
            verdict = compare(step)
        except (S3IntegrationError, OSError):  # moving it tells more
            verdict = "untold"
        if verdict == "same":
            return step._replace(deed="skip", reason=UNCHANGED)
        reason = step.reason if verdict == "different" else "cannot be compared"
        return step._replace(deed="transfer", reason=reason)

    return some_in_parallel(
        compared,
        steps,
        lambda step: step.deed == "compare" and is_wanted(),
        _COMPARING_THREADS,
    )


def _batched(files: Iterable[tuple[str, int]], size: int) -> Iterator[Sequence[tuple[str, int]]]:
    remaining = iter(files)
    while batch := tuple(islice(remaining, size)):
        yield batch
