"""docs/performance.md: what was measured, in words and tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.reasons import reasons_told
from benchmarks.tables import checksum_table, scenario_table, verdict_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.demands import Verdict
    from benchmarks.machine import Surroundings
    from benchmarks.results import Results

_HEAD = """\
# Performance

<!-- Made by `./dev bench`; change benchmarks/page.py instead. -->

How fast this package is beside boto3, awscrt, obstore, s5cmd, minio-py and rclone, measured on
{dates} on {shape}, with {versions}.

To measure it yourself: `./dev bench`. It takes forty minutes to an hour and a quarter, 3 GB of
memory, nginx (`{how_to_install}`)
and, for the last tables, Ceph. `./dev bench --quick` shows in two minutes that everything runs,
`--only SCENARIO` measures one table anew, `--large` takes files of 5 and 20 GiB instead
([performance-large.md](performance-large.md)). Every run's figures are in
[performance.json](performance.json).

## What has to be reached, and what is

{verdicts}

*Level with* allows 5 %, which two medians of one machine differ by anyway. A ratio says how many
times as long the other takes.
{reasons}
## How it is measured

- Every run is a process of its own. A library first does the same work untimed (of small files a
  quarter), so that connections are open and memory has been touched once; the clock then runs for
  the transfer alone. s5cmd and rclone are programs: their figures are those of whole processes.
- Contenders take turns, at least {rounds} rounds long. The tables show medians, and the fastest and
  slowest wall time. CPU is user and system time of all threads. Peak memory is the most that was
  resident while the clock ran, for programs of the whole process.
- Every run is checked: downloads by SHA-256, uploads by what the server says has arrived, those to
  Ceph by reading them back. What is wrong does not count.
- The server is nginx on the same machine, with two workers, files in memory, and uploads read and
  thrown away. It takes 2 GB/s of uploads from one sender, and shares the cores with the contenders.
  It checks no signatures and no checksums. One profile sends 85 MB/s per connection, as S3 gives to
  one stream; one waits 30 ms before the first byte of each answer.
- Everybody works with defaults, except: rclone copies 16 files at a time in place of 4, and does
  not look at what is there before or after an upload; minio-py is told the region; awscrt has this
  package's part size, sends CRC64NVME with uploads, and has the throughput target that it is
  fastest with here; boto3 sends no checksums to Ceph,
  which refuses its trailing ones.
- Many files are moved by one call per file from 16 threads of the caller; where it says *bulk*, by
  the engine's entry for many files. obstore and awscrt get 64 files at a time without threads,
  s5cmd and rclone the whole folder. Their downloads include the listing.
"""

_CHECKS = """
## What verification costs

CPU time of one thread for looking at every byte once, whoever does it:

{checksums}
"""

_LARGE_HEAD = """\
# Performance with large files

<!-- Made by `./dev bench --large`; change benchmarks/page.py instead. -->

Files of 5 and 20 GiB, moved once each: this shows how much memory that takes, more than how fast
it is. Measured on {dates} on {shape}, with {versions}, in the way that
[performance.md](performance.md) tells. The files are sparse; what is downloaded goes to a disk.

{verdicts}
"""


@dataclass(frozen=True, slots=True)
class Measurement:
    """All that the page tells."""

    results: Results
    surroundings: Surroundings
    how_to_install: str
    verdicts: Sequence[Verdict]
    seconds_per_gib: Mapping[str, float]


def render(measurement: Measurement) -> str:
    """The whole page."""
    checks = _CHECKS.format(checksums=checksum_table(measurement.seconds_per_gib))
    return _filled(_HEAD, measurement) + checks + _tables(measurement)


def render_large(measurement: Measurement) -> str:
    """The page of what is too large to be measured often."""
    return _filled(_LARGE_HEAD, measurement) + _tables(measurement)


def _filled(head: str, measurement: Measurement) -> str:
    here = measurement.surroundings
    versions = ", ".join(f"{name} {number}" for name, number in here.versions.items() if number)
    results = measurement.results.values()
    dates = sorted({result.date.isoformat() for result in results})
    return head.format(
        dates=dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}",
        shape=here.shape,
        versions=versions,
        how_to_install=measurement.how_to_install,
        verdicts=verdict_table(measurement.verdicts),
        reasons=_reasons(measurement.verdicts),
        rounds=min(result.rounds for result in results),
    )


def _reasons(found: Sequence[Verdict]) -> str:
    told = reasons_told(found)
    return f"\n## Why rows are missed\n\n{told}\n" if told else ""


def _tables(measurement: Measurement) -> str:
    return "".join(
        f"\n## {result.title}\n\n`{name}`, {result.date.isoformat()}\n\n"
        f"{scenario_table(result.rows)}\n"
        for name, result in measurement.results.items()
    )
