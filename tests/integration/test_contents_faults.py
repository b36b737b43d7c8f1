"""What faults do to contents that are read and written without a local file.

The whole catalogue runs through files (test_faults.py); here are those of its cases that do not
wait, through the calls that share the engine, but not its ends.
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from s3_integration.utils import MIB
from tests.fixtures.faults_cases import Case
from tests.fixtures.faults_catalogue import CATALOGUE
from tests.fixtures.faults_clients import OurClient
from tests.fixtures.faults_runs import Stage, is_acceptable, run
from tests.fixtures.faults_stages import make_waits_short, stage_in_memory

QUICK: Final = [c for c in CATALOGUE if not c.is_slow and not c.keys_can_be_renewed]
READ: Final = [
    case
    for case in QUICK
    if case.kind == "download in ranges"
    or (case.kind == "download by one request" and (case.is_about_checks or "answer" in case.name))
]
WRITTEN: Final = [
    case
    for case in QUICK
    if case.is_upload and case.on_every_server and not case.name.endswith("meanwhile")
]
ENGINE: Final = "direct"


SHOWN_LATE: Final = (
    "range shifted, told as if it were not",
    "another size in Content-Range",
    "another ETag",
    "bit flipped",
    "the object was replaced",
)
"""What shows when bytes have been handed out: a file object cannot begin again, so it fails."""


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = stage_in_memory(tmp_path / "files")
    make_waits_short(monkeypatch, stage.client_waits)
    return stage


def titles(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.title)


def check(case: Case, stage: Stage) -> None:
    result = run(case, ENGINE, stage)

    assert not result.never_fired, f"nothing was proved: {result}"
    assert is_acceptable(case.ends, result.outcome), result
    assert result.explains_itself, result


@titles(READ)
@pytest.mark.promise(2)
def test_a_file_that_is_read_in_order_is_right_or_an_error(
    stage: Stage, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(client: OurClient, key: str, path: Path) -> None:
        copy = io.BytesIO()
        with client._client.open(key, "rb") as file:
            while chunk := file.read(MIB):
                copy.write(chunk)
        path.write_bytes(copy.getvalue())

    monkeypatch.setattr(OurClient, "download", download)
    shows_late = case.kind == "download in ranges" and any(it in case.name for it in SHOWN_LATE)

    check(replace(case, ends="either") if shows_late and case.ends == "right" else case, stage)


@titles([case for case in QUICK if case.on_every_server and not case.is_upload])
@pytest.mark.promise(2)
def test_bytes_that_are_read_are_right_or_an_error(
    stage: Stage, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(client: OurClient, key: str, path: Path) -> None:
        path.write_bytes(client._client.read_bytes(key))

    monkeypatch.setattr(OurClient, "download", download)

    check(case, stage)


@titles(WRITTEN)
@pytest.mark.promise(1)
def test_bytes_that_are_written_are_stored_or_an_error(
    stage: Stage, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def upload(client: OurClient, path: Path, key: str) -> None:
        client._client.write_bytes(key, path.read_bytes(), if_exists=client._if_exists)

    monkeypatch.setattr(OurClient, "upload", upload)

    check(case, stage)
