"""One contender in a process of its own: reads a task, carries it out, reports.

`python -m benchmarks.contender` reads the task as JSON from its input, and writes as its
last line what was measured, or why it could not be.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import re
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import Contender, Program, make
from benchmarks.task import Batch, Measured, NotThereError, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.task import Action


def measure(task: Task) -> Measured:
    """Let the contender get warm, then measure what the task asks for.

    Raises:
        NotThereError: there is no such contender here.
    """
    contender = make(task.contender, task.site)
    _carry_out(contender, task, task.warm)
    gc.collect()
    _forget_peak_memory()
    cpu_before, began = _cpu_seconds(), time.perf_counter()
    told = _carry_out(contender, task, task.timed)
    wall, cpu = time.perf_counter() - began, _cpu_seconds() - cpu_before
    return Measured(wall, cpu, _peak_bytes(contender), len(task.timed.names), told)


def _carry_out(contender: Contender, task: Task, batch: Batch) -> int | None:
    """How many files the contender has found, where it was to tell."""
    if not batch.names:
        return None
    found: int | None = _METHODS[task.action](contender, batch)
    return found


_METHODS: dict[Action, Callable[[Contender, Batch], Any]] = {
    "upload": lambda contender, batch: contender.upload(batch),
    "download": lambda contender, batch: contender.download(batch),
    "exists": lambda contender, batch: contender.exists(batch),
    "upload-folder": lambda contender, batch: contender.upload_folder(batch),
    "download-folder": lambda contender, batch: contender.download_folder(batch),
    "delete-folder": lambda contender, batch: contender.delete_folder(batch),
    "list-folder": lambda contender, batch: contender.list_folder(batch),
    "sync-folder": lambda contender, batch: contender.sync_folder(batch),
}


def _cpu_seconds() -> float:
    """Of this process, its threads, and the programs that it ran."""
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def _forget_peak_memory() -> None:
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets VmHWM


def _peak_bytes(contender: Contender) -> int:
    if isinstance(contender, Program):
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def main() -> None:
    """Carry out the task on standard input."""
    task = Task.from_json(sys.stdin.read())
    try:
        report = dataclasses.asdict(measure(task))
    except NotThereError as absence:
        report = {"not_there": str(absence)}
    except Exception as error:  # noqa: BLE001 - what a contender raises is its result
        report = {"failure": f"{type(error).__name__}: {error}"[:500]}
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
