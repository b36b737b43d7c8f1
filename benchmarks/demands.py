"""What the package has to reach, and whether a measurement shows it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from benchmarks.scenarios import (
    OUR_COMMAND,
    OURS,
    OURS_BOTO3,
    OURS_BULK,
    OURS_CRT,
    PEERS_WITH_FOLDERS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Measure = Literal["wall_seconds", "cpu_seconds", "peak_bytes"]

LEVEL = 0.95
"""Level with a peer: no more than 5 % behind, which medians of one machine differ by anyway."""

AHEAD = 1.0
WITHIN_A_TENTH = 1 / 1.1
WITHIN_15_PERCENT = 1 / 1.15

PEAK_BYTES = 250 * 10**6

CPU_PER_FILE_SECONDS = 60e-6
"""What the work on a folder may take besides moving its files."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Medians of one contender in one scenario."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: float
    fastest_seconds: float = 0.0
    slowest_seconds: float = 0.0
    files: int = 0


@dataclass(frozen=True, slots=True)
class Demand:
    """The peer's figure divided by ours has to reach `at_least`."""

    scenario: str
    ours: str
    peer: str
    at_least: float
    measure: Measure = "wall_seconds"

    @property
    def text(self) -> str:
        """In words."""
        if self.measure == "cpu_seconds":
            return f"no more CPU than {self.peer}"
        return {
            AHEAD: f"ahead of {self.peer}",
            LEVEL: f"level with {self.peer}",
            WITHIN_A_TENTH: f"within 10 % of {self.peer}",
            WITHIN_15_PERCENT: f"within 15 % of {self.peer}",
        }.get(self.at_least, f"{self.at_least:g}× {self.peer}")


@dataclass(frozen=True, slots=True)
class DemandPerFile:
    """The CPU time for each file, over that of `beside`, may be `CPU_PER_FILE_SECONDS`."""

    scenario: str
    ours: str
    beside: str = ""
    """Who does the same without a folder; nobody when empty."""

    @property
    def text(self) -> str:
        """In words."""
        over = f" over {self.beside}" if self.beside else ""
        return f"at most {CPU_PER_FILE_SECONDS * 1e6:.0f} µs of CPU per file{over}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a demand stands."""

    scenario: str
    ours: str
    demand: str
    measured: str
    outcome: str


_MOVED = ("upload-small", "download-small", "upload-medium", "download-medium")

DEMANDS = (
    Demand("upload-large", OURS, "boto3", 5),
    Demand("upload-large", OURS, "s5cmd", 2.2),
    Demand("upload-large", OURS, "obstore", 1.5),
    Demand("upload-large", OURS, "minio", 1.5),
    Demand("download-large", OURS, "boto3", 2),
    Demand("download-large", OURS, "s5cmd", 1.35),
    Demand("download-large", OURS, "obstore", AHEAD),
    Demand("download-large", OURS, "minio", LEVEL),
    Demand("download-capped", OURS, "minio", 6),
    Demand("upload-small", OURS, "boto3", 6),
    Demand("download-small", OURS, "boto3", 6),
    Demand("upload-small", OURS_BULK, "boto3", 11),
    Demand("upload-small", OURS_BULK, "s5cmd", 1.4),
    Demand("upload-small", OURS_BULK, "obstore", LEVEL),
    Demand("download-small", OURS_BULK, "boto3", 11),
    Demand("download-small", OURS_BULK, "s5cmd", 1.4),
    Demand("download-small", OURS_BULK, "obstore", AHEAD),
    Demand("upload-large", OURS, "awscrt", WITHIN_A_TENTH),
    Demand("download-large", OURS, "awscrt", WITHIN_A_TENTH),
    Demand("download-capped", OURS, "awscrt", WITHIN_A_TENTH),
    Demand("upload-small", OURS, "awscrt, 16 threads", WITHIN_A_TENTH),
    Demand("download-small", OURS, "awscrt, 16 threads", WITHIN_A_TENTH),
    Demand("upload-small", OURS_BULK, "awscrt", WITHIN_A_TENTH),
    Demand("download-small", OURS_BULK, "awscrt", WITHIN_A_TENTH),
    Demand("far-upload-small", OURS_BULK, "s5cmd", LEVEL),
    Demand("far-download-small", OURS_BULK, "s5cmd", LEVEL),
    Demand("exists", OUR_COMMAND, "boto3", AHEAD, "cpu_seconds"),
    *(
        Demand(f"folder-{what}", OURS, peer, AHEAD)
        for what in (*_MOVED, "delete", "list", "sync")
        for peer in PEERS_WITH_FOLDERS
    ),
    *(Demand(f"folder-{what}", OURS, OURS_BULK, WITHIN_15_PERCENT) for what in _MOVED),
)

DEMANDS_PER_FILE = (
    DemandPerFile("folder-upload-small", OURS, OURS_BULK),
    DemandPerFile("folder-download-small", OURS, OURS_BULK),
    DemandPerFile("folder-sync", OURS),
)

MEMORY_DEMANDS = tuple(
    (scenario, ours)
    for scenario in ("upload-5-gib", "download-5-gib", "upload-20-gib", "download-20-gib")
    for ours in (OURS, OURS_CRT, OURS_BOTO3)
)
"""Rows that may take no more than `PEAK_BYTES`, whatever their size."""


def verdicts(results: Mapping[str, Mapping[str, Summary]]) -> list[Verdict]:
    """How every demand stands that has to do with the measured scenarios."""
    speed = [judge(demand, results) for demand in DEMANDS if demand.scenario in results]
    per_file = [
        judge_per_file(demand, results) for demand in DEMANDS_PER_FILE if demand.scenario in results
    ]
    memory = [
        judge_memory(scenario, ours, results)
        for scenario, ours in MEMORY_DEMANDS
        if scenario in results
    ]
    return speed + per_file + memory


def judge(demand: Demand, results: Mapping[str, Mapping[str, Summary]]) -> Verdict:
    """How one demand stands."""
    row = results[demand.scenario]
    absent = [name for name in (demand.ours, demand.peer) if name not in row]
    if absent:
        measured, outcome = "–", f"not measured: no result of {' and '.join(absent)}"
    else:
        ours = getattr(row[demand.ours], demand.measure)
        peer = getattr(row[demand.peer], demand.measure)
        ratio = peer / ours if ours else math.inf
        measured, outcome = f"{ratio:.2f}×", _outcome(ratio, demand.at_least)
    return Verdict(demand.scenario, demand.ours, demand.text, measured, outcome)


def judge_per_file(demand: DemandPerFile, results: Mapping[str, Mapping[str, Summary]]) -> Verdict:
    """How much is done for each file of a folder."""
    row = results[demand.scenario]
    absent = [name for name in (demand.ours, demand.beside) if name and name not in row]
    if absent:
        measured, outcome = "–", f"not measured: no result of {' and '.join(absent)}"
    else:
        beside = row[demand.beside].cpu_seconds if demand.beside else 0.0
        taken = (row[demand.ours].cpu_seconds - beside) / row[demand.ours].files
        ratio = CPU_PER_FILE_SECONDS / taken if taken > 0 else math.inf
        measured, outcome = f"{taken * 1e6:.0f} µs", _outcome(ratio, 1)
    return Verdict(demand.scenario, demand.ours, demand.text, measured, outcome)


def judge_memory(scenario: str, ours: str, results: Mapping[str, Mapping[str, Summary]]) -> Verdict:
    """Whether a transfer kept to the bound of memory."""
    wanted = f"at most {PEAK_BYTES / 1e6:.0f} MB of memory"
    if ours not in results[scenario]:
        return Verdict(scenario, ours, wanted, "–", f"not measured: no result of {ours}")
    peak_bytes = results[scenario][ours].peak_bytes
    outcome = _outcome(PEAK_BYTES / peak_bytes if peak_bytes else math.inf, 1)
    return Verdict(scenario, ours, wanted, f"{peak_bytes / 1e6:.0f} MB", outcome)


def _outcome(ratio: float, at_least: float) -> str:
    if ratio >= at_least:
        return "met"
    return f"missed by {(1 - ratio / at_least) * 100:.0f} %"
