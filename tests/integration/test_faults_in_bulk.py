"""The same faults for one file among many: the short way of small files gives up no promise.

Whatever is not as usual is left to the way that single files take; here it has to be so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from s3_integration.aws import endpoints
from tests.fixtures.faults_cases import Case
from tests.fixtures.faults_catalogue import CATALOGUE
from tests.fixtures.faults_clients import IN_BULK, write_profile
from tests.fixtures.faults_runs import Stage, check, run
from tests.fixtures.faults_stages import make_waits_short, stage_in_memory

SMALL: Final = [
    case
    for case in CATALOGUE
    if case.kind in {"upload of a small file", "download by one request"} and not case.is_slow
]


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = stage_in_memory(tmp_path / "files")
    make_waits_short(monkeypatch, stage.client_waits)
    write_profile()
    return stage


def unrecorded(_: str, __: object) -> None:
    """docs/reliability.md shows the engines one by one, by single files."""


@pytest.mark.promise(1)
@pytest.mark.promise(2)
@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.title)
def test_a_small_file_among_many_survives_or_ends_in_an_error_that_changes_nothing(
    stage: Stage, case: Case
) -> None:
    check(case, run(case, IN_BULK, stage), unrecorded)


@pytest.mark.parametrize(
    "case", [case for case in SMALL if case.is_about_checks], ids=lambda case: case.title
)
def test_the_same_holds_where_the_server_is_taken_for_aws(
    stage: Stage, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3_integration.aws.session.profile_of", lambda _: endpoints.AWS)

    check(case, run(case, IN_BULK, stage), unrecorded)
