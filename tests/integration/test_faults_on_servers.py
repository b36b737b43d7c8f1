"""Those faults whose end may depend on the server, before each real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from s3_integration import S3Config
from tests.fixtures.faults_cases import Case
from tests.fixtures.faults_catalogue import CATALOGUE
from tests.fixtures.faults_runs import Record, Stage, check, run
from tests.fixtures.faults_stages import make_waits_short, stage_before
from tests.fixtures.servers import ServerUnderTest

CASES = [case for case in CATALOGUE if case.on_every_server]


@pytest.fixture
def stage(
    server: ServerUnderTest, config: S3Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    if server.endpoint_url is None:
        pytest.skip("the proxy speaks plain http")
    folder = tmp_path / "files"
    folder.mkdir()
    with stage_before(server, config, folder) as stage:
        make_waits_short(monkeypatch, stage.client_waits)
        yield stage


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_a_fault_before_a_real_server_ends_as_it_has_to(
    server: ServerUnderTest, stage: Stage, engine: str, case: Case, record_property: Record
) -> None:
    if case.replaces_a_part:
        server.must_have("damaged parts replaced")

    check(case, run(case, engine, stage), record_property)
