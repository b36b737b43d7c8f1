"""What networks and servers do wrong, and what becomes of a transfer: right, or a clear error.

A proxy injects one fault at a time. Whatever happens: no wrong bytes reported as success,
no half file, no temporary file, no open multipart upload, and an end within the limits.
The whole catalogue runs before a server in memory; `test_faults_on_servers.py` runs what
could depend on the server before real ones. docs/reliability.md is written from a run.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from s3_integration import S3Client, S3IntegrationError, S3UploadError
from s3_integration.aws import endpoints
from s3_integration.config import EngineName
from tests.fixtures import faults_damage as damage
from tests.fixtures.faults import Fault
from tests.fixtures.faults_cases import Case
from tests.fixtures.faults_catalogue import CATALOGUE
from tests.fixtures.faults_clients import write_profile
from tests.fixtures.faults_runs import Record, Stage, check, run
from tests.fixtures.faults_stages import make_waits_short, side_by_side, stage_in_memory

MEANWHILE: Final = [case for case in CATALOGUE if case.name.endswith("meanwhile")]
REPLACED: Final = [case for case in CATALOGUE if "the object " in case.name]
SLOW: Final = [case for case in CATALOGUE if case.is_slow]
OTHERS: Final = [case for case in CATALOGUE if case not in (*MEANWHILE, *REPLACED, *SLOW)]

TAKEN_FOR_AWS: Final = "memory, taken for AWS"


def _cases(chosen: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", chosen, ids=lambda case: case.title)


def _those(*, is_upload: bool, fatal: bool) -> pytest.MarkDecorator:
    """The cases of one direction that end in an error, or those that may end well."""
    return _cases(
        [case for case in OTHERS if case.is_upload == is_upload and (case.ends == "error") == fatal]
    )


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = stage_in_memory(tmp_path / "files")
    make_waits_short(monkeypatch, stage.client_waits)
    write_profile()
    return stage


@_those(is_upload=True, fatal=False)
@pytest.mark.promise(1)
def test_an_upload_survives(
    stage: Stage, engine: EngineName, case: Case, record_property: Record
) -> None:
    check(case, run(case, engine, stage), record_property)


@_those(is_upload=True, fatal=True)
@pytest.mark.promise(1)
def test_an_upload_that_cannot_be_is_an_error_and_leaves_no_parts(
    stage: Stage, engine: EngineName, case: Case, record_property: Record
) -> None:
    check(case, run(case, engine, stage), record_property)


@_cases(MEANWHILE)
@pytest.mark.promise(1)
def test_a_source_that_changes_while_it_goes_up_is_never_stored(
    stage: Stage, engine: EngineName, case: Case, record_property: Record
) -> None:
    check(case, run(case, engine, stage), record_property)


@_those(is_upload=False, fatal=False)
@pytest.mark.promise(2)
def test_a_download_survives(
    stage: Stage, engine: EngineName, case: Case, record_property: Record
) -> None:
    check(case, run(case, engine, stage), record_property)


@_those(is_upload=False, fatal=True)
@pytest.mark.promise(2)
def test_a_download_that_cannot_be_is_an_error_and_changes_nothing(
    stage: Stage, engine: EngineName, case: Case, record_property: Record
) -> None:
    check(case, run(case, engine, stage), record_property)


@_cases(REPLACED)
@pytest.mark.promise(2)
def test_an_object_that_is_replaced_between_ranges_is_fetched_anew(
    stage: Stage, engine: EngineName, case: Case, record_property: Record
) -> None:
    check(case, run(case, engine, stage), record_property)


def test_what_stalls_ends_in_time(
    stage: Stage, engine: EngineName, tmp_path: Path, record_property: Record
) -> None:
    failures = []
    for case, result in side_by_side(SLOW, engine, tmp_path):
        try:
            check(case, result, record_property)
        except AssertionError as failure:
            failures.append(str(failure))

    assert not failures, "\n".join(failures)


@_cases([case for case in OTHERS if case.is_about_checks])
def test_the_same_holds_where_the_server_is_taken_for_aws(
    stage: Stage,
    engine: EngineName,
    case: Case,
    record_property: Record,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the package knows of AWS lets it check other things than it checks elsewhere."""
    monkeypatch.setattr("s3_integration.aws.session.profile_of", lambda _: endpoints.AWS)

    check(case, run(case, engine, replace(stage, server_name=TAKEN_FOR_AWS)), record_property)


def test_a_refused_request_is_sent_five_times_and_a_denied_one_once(
    stage: Stage, engine: EngineName, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"content")
    with stage.proxy() as proxy:
        config = replace(stage.config, endpoint_url=proxy.endpoint_url, engine=engine)
        client = S3Client(config=config, create_bucket=False)
        for code, status, sent in (("SlowDown", 503, 5), ("AccessDenied", 403, 1)):
            fault = Fault("PutObject", times=99, up=damage.refusal(status, code))
            proxy.faults = [fault]

            with pytest.raises(S3UploadError):
                client.upload_file(source, "key")

            assert fault.fired == sent


@pytest.mark.promise(3)
def test_a_refused_head_is_an_error_never_false(stage: Stage) -> None:
    stage.store.put("key", b"content")
    with stage.proxy() as proxy:
        config = replace(stage.config, endpoint_url=proxy.endpoint_url)
        client = S3Client(config=config, create_bucket=False)
        for status, code in ((403, "AccessDenied"), (500, "InternalError"), (400, "ExpiredToken")):
            fault = Fault("HeadObject", times=99, up=damage.refusal(status, code))
            proxy.faults = [fault]

            with pytest.raises(S3IntegrationError):
                client.file_exists("key")

            assert fault.fired
