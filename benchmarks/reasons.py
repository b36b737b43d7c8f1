"""Why the package misses what it has to reach: what profiles of the same machine showed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.tables import filled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.demands import Verdict


@dataclass(frozen=True, slots=True)
class Reason:
    """What keeps some demands from being met."""

    rows: tuple[tuple[str, str], ...]
    """Scenario and demand of each, as verdicts word them."""
    why: str


_BY_16_THREADS = "within 10 % of awscrt, 16 threads"
_OF_BULK = "within 15 % of s3_integration, bulk"
_PER_FILE = "at most 60 µs of CPU per file over s3_integration, bulk"

REASONS: tuple[Reason, ...] = (
    Reason(
        (("upload-large", "1.5× obstore"), ("upload-large", "1.5× minio")),
        "the checksum. Without it the same upload is 1.7 times as fast as theirs. Computing "
        "CRC64NVME takes 0.12 to 0.15 s of CPU per GiB by the processor that measured this, and "
        "0.02 by one that multiplies polynomials in wide registers, where these rows were met "
        "with 1.75× and 1.78× on 24 November.",
    ),
    Reason(
        (("download-large", "1.35× s5cmd"),),
        "the client and the server keep both cores busy, so that CPU time decides. Ours is three "
        "quarters of s5cmd's, a tenth of it the checksum, which costs more on this processor than "
        "on others (see above; there the row was met with 1.81×).",
    ),
    Reason(
        (("download-small", "1.4× s5cmd"),),
        "s5cmd takes twice as much CPU time, on both cores; Python computes on one.",
    ),
    Reason(
        (("upload-small", _BY_16_THREADS), ("download-small", _BY_16_THREADS)),
        "one interpreter runs one of 16 threads at a time. One upload by one call computes 430 µs "
        "in one thread and 670 µs in 16 of them: the rest is changing threads, at each of which "
        "the system wakes one. awscrt leaves most of its work to threads that need no "
        "interpreter. One thread that works for all was no faster "
        "([decision 0015](decisions/0015-small-files-ahead.md)); the engine's entry for many "
        "files is.",
    ),
    Reason(
        (
            ("folder-upload-small", _OF_BULK),
            ("folder-download-small", _OF_BULK),
            ("folder-upload-small", _PER_FILE),
            ("folder-download-small", _PER_FILE),
        ),
        "each file of a folder is found, compared, planned and told of in Python, by the one "
        "thread that runs at a time. A profile, which slows all of it, shows for a file that goes "
        "up 26 µs for its step (`plan.py`, `run.py`, `report.py`), 22 for its path and content "
        "type (`means.py`) and 17 for finding it (`walk.py`); for one that comes down 62 µs to "
        "prove that no file system takes its name for another's (`collisions.py`, `names.py`), "
        "30 for its step, 19 for the listing and 12 for its path. On 24 November, a processor "
        "that is twice as fast met the CPU rows with 40 and 55 µs.",
    ),
    Reason(
        (("folder-download-medium", "ahead of s5cmd"),),
        "it takes a sixth less CPU time than s5cmd, but keeps 1.2 cores busy on average, and "
        "s5cmd 1.6: our threads compute by turns.",
    ),
    Reason(
        (("folder-sync", "ahead of rclone"),),
        "listing and comparing take 42 µs of Python per file, on one core; rclone takes 50 µs, "
        "on both.",
    ),
)

_UNKNOWN = "nobody has looked into it yet."


def reasons_told(found: Iterable[Verdict], reasons: Iterable[Reason] = REASONS) -> str:
    """A list in Markdown: each row that is missed, with its reason; "" where none is."""
    missed = {(each.scenario, each.demand): each for each in found if "missed" in each.outcome}
    lines: list[str] = []
    for reason in reasons:
        rows = [missed.pop(row) for row in reason.rows if row in missed]
        if rows:
            lines.append(_line(rows, reason.why))
    lines += [_line([row], _UNKNOWN) for row in missed.values()]
    return "\n".join(lines)


def _line(rows: Iterable[Verdict], why: str) -> str:
    told = "; ".join(f"`{row.scenario}`, {row.demand} ({row.measured})" for row in rows)
    return filled(f"- {told}: {why}")
