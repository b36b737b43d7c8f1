"""The same faults for boto3 as it comes, to compare with; its outcomes are recorded, not judged."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from tests.fixtures.faults_cases import Case, Kind
from tests.fixtures.faults_catalogue import CATALOGUE
from tests.fixtures.faults_clients import STOCK, write_profile
from tests.fixtures.faults_runs import Record, Stage, run
from tests.fixtures.faults_stages import make_boto3s_waits_short, side_by_side, stage_in_memory

# It leaves connections open, until garbage is collected in whichever test comes then.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Without the option, nobody would read the outcomes."""
    is_wanted = metafunc.config.getoption("--write-reliability-page")
    if "case" in metafunc.fixturenames:
        cases = [case for case in CATALOGUE if is_wanted and not case.is_slow]
        metafunc.parametrize("case", cases, ids=lambda case: case.title)
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", get_args(Kind) if is_wanted else ())


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = stage_in_memory(tmp_path / "files")
    make_boto3s_waits_short(monkeypatch, stage.client_waits)
    write_profile()
    return stage


def test_boto3_as_it_comes_meets_the_same(
    stage: Stage, case: Case, record_property: Record
) -> None:
    result = run(case, STOCK, stage)

    record_property("fault run", result.as_record())


def test_boto3_as_it_comes_meets_the_same_stalls(
    stage: Stage, kind: Kind, tmp_path: Path, record_property: Record
) -> None:
    slow = [case for case in CATALOGUE if case.is_slow and case.kind == kind]

    for _, result in side_by_side(slow, STOCK, tmp_path):
        record_property("fault run", result.as_record())
