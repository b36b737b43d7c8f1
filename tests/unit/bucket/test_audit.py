"""Auditing a bucket: what is found, and what keeps it from being looked at."""

from __future__ import annotations

import json

import pytest

from s3_integration import S3BucketError, S3ConfigError, S3CredentialsError, S3IntegrationError
from s3_integration.aws.permissions import MISSING_PERMISSION
from s3_integration.bucket.controls import CONTROLS
from s3_integration.bucket.settings import SETTINGS, SettingName
from tests.fixtures.mock_responses import Answer, error_answer
from tests.fixtures.secured import (
    DENIED,
    NAME,
    bucket_on,
    no_waiting,
    server_with_nothing_set,
    statuses,
    sts_that_is_asked,
)
from tests.fixtures.settings_server import ACCOUNT, SettingsServer
from tests.fixtures.settings_server import SETTINGS as QUERIES

_no_waiting = pytest.fixture(autouse=True)(no_waiting)
asked_sts = pytest.fixture(sts_that_is_asked)
server = pytest.fixture(server_with_nothing_set)

QUERY_OF = dict(zip(SETTINGS, QUERIES, strict=True))
"""The word in the URL that names a setting."""


def test_a_bucket_of_which_nothing_is_set_misses_what_protects_it(server: SettingsServer) -> None:
    report = bucket_on(server).audit()

    assert not report.ok
    assert statuses(report) == {
        "public access blocked": "missing",
        "owner enforced": "missing",
        "default encryption": "missing",
        "SSE-C blocked": "missing",
        "versioning": "missing",
        "plain http denied": "missing",
        "no public policy": "ok",
        "no public ACL": "ok",
        "unfinished uploads aborted": "missing",
        "old versions expired": "off",
        "access logging": "missing",
        "Object Lock": "off",
        "MFA delete": "off",
    }
    assert server.writes == []


def test_every_finding_tells_why_it_matters_and_problems_what_to_do(server: SettingsServer) -> None:
    report = bucket_on(server).audit()

    assert all(finding.reason and finding.source and finding.fact for finding in report.findings)
    assert all(finding.next_step for finding in report.problems)


def test_a_report_is_plain_values_too(server: SettingsServer) -> None:
    bucket = bucket_on(server)

    for report in (bucket.audit(), bucket.secure(dry_run=True), bucket.secure()):
        assert json.loads(json.dumps(report.to_dict())) == report.to_dict()
        assert report.to_dict()["ok"] is report.ok


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_that_may_not_be_read_is_a_finding_that_names_the_action(
    server: SettingsServer, setting: SettingName
) -> None:
    server.faults[f"GET {QUERY_OF[setting]}"] = DENIED

    findings = bucket_on(server).audit().findings

    refused = [finding for finding in findings if finding.status == "refused"]
    assert {f.control for f in refused} == {c.name for c in CONTROLS if c.setting == setting}
    [call] = [word for word in MISSING_PERMISSION if named(word) == setting]
    for finding in refused:
        assert f"Allow {MISSING_PERMISSION[call]} on arn:aws:s3:::{NAME}" in finding.next_step


def named(operation: str) -> str:
    """The setting that an operation reads, "" for all others."""
    reads = {"".join(w.capitalize() for w in s.read_by.split("_")): n for n, s in SETTINGS.items()}
    return str(reads.get(operation, ""))


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize(
    "answer",
    [
        error_answer(501, "NotImplemented"),
        error_answer(405, "MethodNotAllowed"),
        error_answer(400, "InvalidRequest"),
        error_answer(404, "NoSuchKey"),
        error_answer(418, "Odd"),
    ],
    ids=lambda answer: str(answer.status),
)
def test_a_setting_that_the_server_does_not_know_is_a_finding(
    server: SettingsServer, setting: SettingName, answer: Answer
) -> None:
    server.faults[f"GET {QUERY_OF[setting]}"] = answer

    found = statuses(bucket_on(server).audit())

    controls = {c.name for c in CONTROLS if c.setting == setting and not c.instead}
    assert {name for name, status in found.items() if status == "unsupported"} >= controls


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (error_answer(404, "NoSuchBucket"), S3BucketError),
        (error_answer(403, "ExpiredToken"), S3CredentialsError),
        (error_answer(503, "SlowDown"), S3IntegrationError),
    ],
)
def test_what_keeps_all_settings_from_being_read_is_an_error(
    server: SettingsServer, answer: Answer, error: type[S3IntegrationError]
) -> None:
    server.faults["GET versioning"] = answer

    with pytest.raises(error):
        bucket_on(server).audit()


def test_a_bucket_that_is_not_there_is_an_error(server: SettingsServer) -> None:
    del server.buckets[NAME]

    for look in (bucket_on(server).audit, bucket_on(server).secure):
        with pytest.raises(S3BucketError, match="does not exist"):
            look()


def test_an_audit_expects_the_owner_that_it_is_told(
    server: SettingsServer, asked_sts: list[str]
) -> None:
    bucket = bucket_on(server)
    bucket.audit()
    assert not any("x-amz-expected-bucket-owner" in sent.headers for sent in server.sent)
    server.sent.clear()

    bucket.audit(expected_owner=ACCOUNT)

    assert {sent.headers["x-amz-expected-bucket-owner"] for sent in server.sent} == {ACCOUNT}
    assert asked_sts == []


def test_an_audit_refuses_nonsense_too(server: SettingsServer) -> None:
    with pytest.raises(S3ConfigError):
        bucket_on(server).audit(expected_owner="me")

    assert server.sent == []
