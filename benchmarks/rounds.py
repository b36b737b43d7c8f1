"""Alternating rounds: every contender in turn, each in a process of its own, every run checked."""

from __future__ import annotations

import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.checks import WrongResultError, check_files, check_listed, check_zeros
from benchmarks.demands import Summary
from benchmarks.served import LARGE_KEY, SMALL_PREFIX, huge_key
from benchmarks.server import memory_folder
from benchmarks.task import Batch, Measured, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.places import Place
    from benchmarks.scenarios import Scenario

ROOT = Path(__file__).resolve().parents[1]

_WARM_SMALL_FILES = 500
_PROGRAMS = frozenset({"s5cmd", "rclone", "s3i"})
"""Every run of these starts cold: before it, one small file sees to it that they are in memory."""

S3FS_PYTHON = Path(sys.prefix, "s3fs", "bin", "python")
"""It needs a botocore that is older than boto3's."""

PYTHONS = {"s3fs": S3FS_PYTHON}
"""Whose libraries do not go with the others'."""

_RUN_SECONDS = 300
_HUGE_RUN_SECONDS = 3600

_run_numbers = itertools.count(1)


@dataclass(slots=True)
class Row:
    """What one contender did in all rounds."""

    runs: list[Measured] = field(default_factory=list)
    problem: str = ""
    """Why there are no runs, or no more of them."""

    def summary(self) -> Summary | None:
        """The medians; None where there is nothing that counts."""
        if self.problem or not self.runs:
            return None
        walls = [run.wall_seconds for run in self.runs]
        return Summary(
            wall_seconds=statistics.median(walls),
            cpu_seconds=statistics.median(run.cpu_seconds for run in self.runs),
            peak_bytes=statistics.median(run.peak_bytes for run in self.runs),
            fastest_seconds=min(walls),
            slowest_seconds=max(walls),
            files=self.runs[0].files,
        )


def run_scenario(
    scenario: Scenario, place: Place, rounds: int, tell: Callable[[str], None]
) -> dict[str, Row]:
    """Run all contenders so many times, by turns; one that fails does not go on."""
    rows = {name: Row() for name in scenario.contenders}
    for round_number in range(1, rounds + 1):
        for name, row in rows.items():
            if not row.problem:
                tell(f"{scenario.name}: round {round_number} of {rounds}, {name}")
                _run_once(scenario, place, name, row)
    return rows


def _run_once(scenario: Scenario, place: Place, name: str, row: Row) -> None:
    with _task_of(scenario, place, name) as task:
        place.forget_requests()
        seconds = _HUGE_RUN_SECONDS if scenario.files == "huge" else _RUN_SECONDS
        outcome = _in_its_own_process(task, seconds)
        if isinstance(outcome, str):
            row.problem = outcome
            return
        try:
            _check(scenario, place, task, outcome)
        except WrongResultError as error:
            row.problem = f"wrong result: {error}"
            return
        row.runs.append(outcome)


@contextmanager
def _task_of(scenario: Scenario, place: Place, name: str) -> Iterator[Task]:
    """The task of one run, and folders for what it downloads."""
    source = _source(scenario, place)
    warm_source = _warm(scenario, place, source, name)
    number = next(_run_numbers)
    if scenario.action not in {"download", "download-folder"}:
        warm, timed = f"warm/{number}/", f"up/{number}/"
        if scenario.action not in {"upload", "upload-folder"}:  # what is there already
            warm, timed = warm_source.prefix, source.prefix
        yield Task(
            name,
            scenario.action,
            place.site(scenario.server),
            Batch(warm_source.folder, warm, warm_source.names),
            Batch(source.folder, timed, source.names),
        )
        return
    with tempfile.TemporaryDirectory(prefix="s3-bench-", dir=_room_for(scenario)) as folder:
        warm_folder, timed_folder = Path(folder, "warm"), Path(folder, "timed")
        warm_folder.mkdir()
        timed_folder.mkdir()
        yield Task(
            name,
            scenario.action,
            place.site(scenario.server),
            Batch(warm_folder, warm_source.prefix, warm_source.names),
            Batch(timed_folder, source.prefix, source.names),
        )


def _room_for(scenario: Scenario) -> str | Path:
    """Memory, but for files that are larger than what may be left of it."""
    return tempfile.gettempdir() if scenario.files == "huge" else memory_folder()


def _source(scenario: Scenario, place: Place) -> Batch:
    folder = place.served.folder
    if scenario.files in place.folders:
        return _batch_of(place, scenario.files)
    if scenario.files == "small":
        names = tuple(key.removeprefix(SMALL_PREFIX) for key in place.served.small_keys)
        return Batch(folder / SMALL_PREFIX, SMALL_PREFIX, names)
    name = LARGE_KEY if scenario.files == "large" else huge_key(scenario.size_bytes)
    return Batch(folder, "", (name,))


def _batch_of(place: Place, name: str) -> Batch:
    kept = place.folders[name]
    return Batch(place.served.folder / kept.prefix, kept.prefix, kept.names)


def _warm(scenario: Scenario, place: Place, source: Batch, name: str) -> Batch:
    if scenario.action.endswith("-folder"):
        return source if scenario.files == "medium" else _batch_of(place, "first")
    if scenario.files == "huge" or (name in _PROGRAMS and scenario.action != "exists"):
        first = place.served.small_keys[0].removeprefix(SMALL_PREFIX)
        return Batch(place.served.folder / SMALL_PREFIX, SMALL_PREFIX, (first,))
    return Batch(source.folder, source.prefix, source.names[:_WARM_SMALL_FILES])


def _in_its_own_process(task: Task, seconds: int) -> Measured | str:
    """What was measured, or in words why nothing was."""
    surroundings = {name: value for name, value in os.environ.items() if "AWS_" not in name}
    nothing = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    process = subprocess.Popen(
        (PYTHONS.get(task.contender, sys.executable), "-m", "benchmarks.contender"),
        cwd=ROOT,
        env={**surroundings, **nothing},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that what it starts can be ended with it
    )
    try:
        said, complained = process.communicate(task.to_json(), timeout=seconds)
    except subprocess.TimeoutExpired:
        return f"failed: not done after {seconds} s"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return read_report(said, complained)


def read_report(said: str, complained: str) -> Measured | str:
    """What a contender's process printed, in words where it holds no figures."""
    try:
        report = json.loads(said.splitlines()[-1])
    except (IndexError, ValueError):
        return f"failed: {complained.strip()[-300:]}"
    if "not_there" in report:
        return str(report["not_there"])
    if "failure" in report:
        return f"failed: {report['failure']}"
    return Measured(**report)


def _check(scenario: Scenario, place: Place, task: Task, measured: Measured) -> None:
    match scenario.action:
        case "upload" | "upload-folder":
            place.check_uploads(task.timed)
        case "download" | "download-folder":
            _check_download(scenario, place, task)
        case "delete-folder":
            place.check_deletions(task.timed)
        case "list-folder":
            check_listed(measured.told, len(task.timed.names))
        case "sync-folder":
            place.check_nothing_sent(task.timed)
        case "exists":
            pass  # who found nothing has failed


def _check_download(scenario: Scenario, place: Place, task: Task) -> None:
    if scenario.files == "huge":
        check_zeros(task.timed.pairs[0][0], scenario.size_bytes)
    elif scenario.files in place.folders:
        check_files(task.timed, place.folders[scenario.files].sha256)
    else:
        sums = {LARGE_KEY: place.served.large_sha256}
        sums |= {
            key.removeprefix(SMALL_PREFIX): sha256
            for key, sha256 in place.served.small_sha256.items()
        }
        check_files(task.timed, sums)
