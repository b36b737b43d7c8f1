"""Many files: one job after another, in as many threads as pay.

A thread that waits for S3 costs nothing, but Python computes in one at a time. So there are
more of them while most wait, and fewer while they compute.
"""

from __future__ import annotations

import contextlib
import functools
import os
import resource
import threading
import time
from collections import deque
from concurrent.futures import CancelledError
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, Protocol

from s3_integration.aws.errors import translate, with_outcome
from s3_integration.cancellation import breaking_off_when
from s3_integration.exceptions import S3DownloadError, S3IntegrationError, S3UploadError
from s3_integration.transfer.crew import FEWEST, Crew, affordable_number
from s3_integration.transfer.engine import DownloadJob, Job, Outcome, UploadJob
from s3_integration.transfer.threads import (
    Workers,
    interpreter_ends,
    is_over_for,
    refusal_told,
)
from s3_integration.transfer.turns import Turns, end_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from s3_integration.models import ProgressCallback
    from s3_integration.transfer.engine import Transferred, Watch

LOOK_AHEAD = 8
"""Jobs that are read for each thread, so that it finds some while the caller is at work."""

_BATCH = 16
"""Outcomes that are told of together: to wake the caller for each would take as long as to
move a small file."""

_LONGEST_UNTOLD_SECONDS = 0.05
"""How long the outcome of one job may wait for others to be told of."""


DEPTH = 8
"""Jobs of one thread that are begun ahead, so that answers come while it computes."""


class Begun(Protocol):
    """A job that was begun, and for which nobody waits yet."""

    def finish(self) -> Transferred | None:
        """What was moved; None where it is to be gone on with, because it takes longer."""

    def go_on(self, progress: ProgressCallback) -> Transferred:
        """Do the rest of it."""

    def give_up(self) -> None:
        """Do nothing more of it."""


def move_many(
    jobs: Iterable[Job],
    move: Callable[[Job, ProgressCallback], Transferred],
    most_at_once: int,
    begin: Callable[[Job], Begun | None] | None = None,
    watch: Watch | None = None,
) -> Generator[Outcome[Job], None, None]:
    """Let `move` do every job; see `TransferEngine.upload_many`.

    Args:
        jobs: read by the caller's thread, a few at a time.
        move: does one job, and breaks it off where its callback raises.
        most_at_once: how many jobs may be under way at once; fewer are, where the system
            allows few open files.
        begin: begins one ahead of its turn; None where `move` is to do all of it.
        watch: see `Watch`.
    """
    open_files_limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    run = _Run(jobs, move, affordable_number(most_at_once, open_files_limit), begin, watch)
    try:
        yield from run.outcomes()
    finally:
        run.stop()


class _Line(Generic[Job]):
    """The jobs that one thread has under way."""

    def __init__(self) -> None:
        self.begun: deque[tuple[Job, Begun]] = deque()
        self.rest: deque[tuple[Job, Begun | None]] = deque()
        """Those that take longer, and so come after the others; None: not begun ahead."""
        self.moved_bytes = 0
        """Of the file that is under way, if it takes longer."""
        self.cpu_seconds = time.thread_time()
        """The thread's, up to its last outcome."""


class _Run(Generic[Job]):
    """One call's jobs.

    The caller's thread reads jobs and hands out outcomes. The others take a job each until
    none is ready; they never wait for one, so that nothing keeps a process from ending. When
    it ends while nobody goes on reading outcomes, they do as if they were stopped.
    """

    def __init__(
        self,
        jobs: Iterable[Job],
        move: Callable[[Job, ProgressCallback], Transferred],
        most_at_once: int,
        begin: Callable[[Job], Begun | None] | None,
        watch: Watch | None,
    ) -> None:
        self._jobs: Iterator[Job] = iter(jobs)
        self._move: Callable[[Job, ProgressCallback], Transferred] = move
        self._begin: Callable[[Job], Begun | None] | None = begin
        self._depth = min(DEPTH, most_at_once) if begin else 1
        fewest = FEWEST if begin is None else 1
        self._crew = Crew(most_at_once // self._depth, time.perf_counter(), fewest)
        self._process_id = os.getpid()
        self._reader = threading.current_thread()
        self._watch: Watch | None = watch
        self._lines: list[_Line[Job]] = []
        self._ready: deque[Job] = deque()
        self._finished: deque[tuple[Outcome[Job], float]] = deque()
        # No Event: a signal may strike while its lock is taken, which is never given back then.
        self._news: SimpleQueue[None] = SimpleQueue()
        """Something has finished, or a thread has ended."""
        self._workers = Workers(
            "s3_integration-file", self._work, functools.partial(self._news.put, None)
        )
        self._turns = Turns()
        self._open = 0
        """Jobs that were read, and whose outcome has not been handed out."""
        self._all_read = False
        self._is_stopped = False
        self._failure: BaseException | None = None

    def outcomes(self) -> Generator[Outcome[Job], None, None]:
        """Each job's outcome, as it comes."""
        self._check_life()
        self._read()
        while self._open:
            self._start_threads()
            if self._finished:
                outcome, cpu_seconds = self._finished.popleft()
                self._open -= 1
                self._crew.note(cpu_seconds)
                # One in its place, and one more until there are enough: the threads go on
                # while the caller looks at the outcome.
                self._read()
                self._read()
                self._start_threads()
                yield outcome
                self._check_process()
                self._check_life()
            elif not self._read():
                self._wait()

    def stop(self) -> None:
        """Begin no more jobs, and wait for those under way to end or break off."""
        self._is_stopped = True
        self._ready.clear()
        if os.getpid() == self._process_id:  # the threads are not in a forked child
            self._workers.close()

    def _wait(self) -> None:
        with contextlib.suppress(Empty):
            self._news.get(timeout=_LONGEST_UNTOLD_SECONDS)
            while True:
                self._news.get_nowait()
        if self._failure is not None:
            raise self._failure
        self._crew.judge(time.perf_counter())
        # What has just finished is under way no more, and not told of yet.
        if self._watch is not None and not self._finished:
            self._watch(sum(line.moved_bytes for line in tuple(self._lines)))

    def _check_process(self) -> None:
        if os.getpid() != self._process_id:
            message = "Jobs go on in the process that began them, not in its forked child."
            raise S3IntegrationError(message, suggestion="Begin anew in the child.")

    def _check_life(self) -> None:
        self._reader = threading.current_thread()
        if is_over_for(self._reader):
            raise interpreter_ends()

    def _read(self) -> bool:
        """Make one more job ready; False where there is none, or enough are."""
        if self._all_read or self._open >= LOOK_AHEAD * self._depth * self._crew.wanted:
            return False
        try:
            job = next(self._jobs)
        except StopIteration:
            self._all_read = True
            return False
        self._open += 1
        self._ready.append(job)
        return True

    def _start_threads(self) -> None:
        refusal, self._workers.refusal = self._workers.refusal, None
        if refusal is not None:  # one of the others does its work
            if not self._workers:
                raise refusal_told(refusal)
            self._crew.limit(len(self._workers))
        for _ in range(min(self._crew.wanted - len(self._workers), len(self._ready))):
            self._workers.add()

    def _work(self) -> None:
        try:
            with breaking_off_when(self._has_ended):
                self._do_jobs()
        except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
            self._failure = error
        finally:
            end_turn()

    def _do_jobs(self) -> None:
        line: _Line[Job] = _Line()
        self._lines.append(line)
        try:
            while self._do_one(line) and not self._has_ended():
                pass
        finally:
            for _, begun in (*line.begun, *line.rest):
                if begun is not None:
                    begun.give_up()
            self._lines.remove(line)

    def _do_one(self, line: _Line[Job]) -> bool:
        """Do one of the thread's jobs, or see that it takes longer; False where there is none."""
        self._turns.take()
        self._fill(line)
        if line.begun:
            job, begun = line.begun.popleft()
            outcome = self._outcome_of(job, begun.finish)
            if outcome is None:
                self._crew.widen()
                line.rest.append((job, begun))
        elif line.rest:
            outcome = self._gone_on_with(*line.rest.popleft(), line)
        else:
            return False
        if outcome is not None:
            self._tell(outcome, line)
        return True

    def _gone_on_with(self, job: Job, begun: Begun | None, line: _Line[Job]) -> Outcome[Job] | None:
        """Do what takes longer."""
        tell = functools.partial(self._note_moved, line)
        move = functools.partial(self._move, job) if begun is None else begun.go_on
        outcome = self._outcome_of(job, lambda: move(tell))
        line.moved_bytes = 0
        return outcome

    def _fill(self, line: _Line[Job]) -> None:
        """Begin as many jobs as may be under way; what takes longer comes after the others."""
        while len(line.begun) < self._depth and not line.rest and self._takes_part():
            try:
                job = self._ready.popleft()
            except IndexError:
                return
            begun = self._begun(job)
            if begun is None:
                line.rest.append((job, None))
            else:
                line.begun.append((job, begun))

    def _begun(self, job: Job) -> Begun | None:
        if self._begin is None:
            return None
        try:
            return self._begin(job)
        except Exception:  # noqa: BLE001 - `move` meets it again, and its failure is the job's
            return None

    def _tell(self, outcome: Outcome[Job], line: _Line[Job]) -> None:
        """Leave an outcome for the caller's thread, which is woken for a number of them."""
        now = time.thread_time()
        self._finished.append((outcome, now - line.cpu_seconds))
        line.cpu_seconds = now
        if len(self._finished) >= _BATCH or len(self._ready) < len(self._workers):
            self._news.put(None)

    def _takes_part(self) -> bool:
        return not self._is_stopped and len(self._workers) <= self._crew.wanted

    def _has_ended(self) -> bool:
        """Whether nobody wants any more outcomes."""
        return self._is_stopped or is_over_for(self._reader)

    def _outcome_of(self, job: Job, step: Callable[[], Transferred | None]) -> Outcome[Job] | None:
        """What became of a job by a step that may not be its last; None where it was not."""
        try:
            moved = step()
            return None if moved is None else Outcome(job, moved, None)
        except S3IntegrationError as error:
            return Outcome(job, None, error)
        except Exception as error:  # noqa: BLE001 - one file's failure is not the others'
            return Outcome(job, None, _as_ours(error, job))

    def _note_moved(self, line: _Line[Job], done_bytes: int, total_bytes: int) -> None:
        """Take note of how far a file has come; break it off if nobody wants it any more."""
        line.moved_bytes = done_bytes
        if done_bytes < total_bytes and self._has_ended():
            raise CancelledError


def _as_ours(error: Exception, job: UploadJob | DownloadJob) -> S3IntegrationError:
    """What nobody has foreseen, told as the failure of one job."""
    is_upload = isinstance(job, UploadJob)
    where = job.target if isinstance(job, UploadJob) else job.source
    told = translate(
        error,
        operation="upload" if is_upload else "download",
        bucket=where.bucket,
        key=where.key,
    )
    ours = with_outcome(told, S3UploadError if is_upload else S3DownloadError)
    ours.__cause__ = error
    return ours
