"""The bucket that takes another one's access logs: made, opened, or left alone."""

from __future__ import annotations

import json

import pytest

from s3_integration.bucket.bucket import Bucket
from tests.fixtures.mock_responses import error_answer
from tests.fixtures.secured import (
    DENIED,
    ENCRYPTION,
    LOGS,
    NAME,
    STATEMENT,
    names,
    no_waiting,
    secure,
    server_with_nothing_set,
    statuses,
    sts_that_is_asked,
)
from tests.fixtures.settings_server import ACCOUNT, SettingsServer
from tests.fixtures.transfers import UNKNOWN_SERVER

_no_waiting = pytest.fixture(autouse=True)(no_waiting)
asked_sts = pytest.fixture(sts_that_is_asked)
server = pytest.fixture(server_with_nothing_set)


def test_a_missing_bucket_for_logs_is_made_with_its_own_protections(server: SettingsServer) -> None:
    report = secure(server, logging_bucket=LOGS)

    assert report.ok
    assert b"<TargetBucket>my-logs</" in server.buckets[NAME]["logging"]
    assert f"<TargetPrefix>{NAME}/</".encode() in server.buckets[NAME]["logging"]
    connection = server.connection()
    found = Bucket(LOGS, lambda: connection).audit()
    assert found.ok
    assert statuses(found)["access logging"] == "off"
    [denial, logs] = json.loads(server.buckets[LOGS]["policy"])["Statement"]
    assert denial["Sid"] == "DenyPlainHttp"
    assert logs["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}


def test_of_a_bucket_for_logs_that_is_there_only_the_policy_changes(server: SettingsServer) -> None:
    server.buckets[LOGS] = {"policy": json.dumps({"Statement": [STATEMENT]}).encode()}

    assert "access logging" in names(secure(server, logging_bucket=LOGS).changed)

    assert [w for w in server.writes if w.startswith(LOGS)] == [f"{LOGS} PUT policy"]
    kept, added = json.loads(server.buckets[LOGS]["policy"])["Statement"]
    assert kept == STATEMENT
    assert added["Principal"] == {"Service": "logging.s3.amazonaws.com"}


KMS_BUCKET = {"encryption": ENCRYPTION}

LOCKED_BUCKET = {
    "object-lock": b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
    b"<Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule>"
    b"</ObjectLockConfiguration>"
}


def logging_into(target: str) -> dict[str, bytes]:
    target_xml = f"<TargetBucket>{target}</TargetBucket><TargetPrefix/>"
    xml = f"<BucketLoggingStatus><LoggingEnabled>{target_xml}</LoggingEnabled>"
    return {"logging": f"{xml}</BucketLoggingStatus>".encode()}


@pytest.mark.parametrize(
    ("settings", "region", "why"),
    [
        ({}, "eu-west-1", "lies in eu-west-1, not in us-east-1"),
        (logging_into(NAME), "us-east-1", "each log would make another one"),
        (logging_into(LOGS), "us-east-1", "each log would make another one"),
        (KMS_BUCKET, "us-east-1", "encrypted by KMS"),
        (LOCKED_BUCKET, "us-east-1", "Object Lock"),
    ],
)
def test_a_bucket_that_cannot_take_the_logs_is_left_alone(
    server: SettingsServer, settings: dict[str, bytes], region: str, why: str
) -> None:
    server.buckets[LOGS] = dict(settings)
    server.regions[LOGS] = region

    report = secure(server, logging_bucket=LOGS)

    [result] = report.failed
    assert result.error is not None
    assert why in result.error.message
    assert server.buckets[LOGS] == settings
    assert "logging" not in server.buckets[NAME]


def test_a_bucket_for_logs_is_not_made_in_another_region(server: SettingsServer) -> None:
    server.regions[NAME] = "eu-west-1"

    report = secure(server, logging_bucket=LOGS)

    assert LOGS not in server.buckets
    assert names(report.failed) == ["access logging"]


def test_a_policy_that_cannot_be_read_keeps_logs_out(server: SettingsServer) -> None:
    server.buckets[LOGS] = {}
    server.faults[f"{LOGS} GET policy"] = DENIED

    report = secure(server, logging_bucket=LOGS)

    assert f"{LOGS} PUT policy" not in server.writes
    assert names(report.failed) == ["access logging"]


def test_logs_that_go_somewhere_are_not_led_away(server: SettingsServer) -> None:
    server.buckets[NAME] |= logging_into("others-logs")

    report = secure(server, logging_bucket=LOGS)

    [result] = report.failed
    assert result.after.fact == "into others-logs"
    assert LOGS not in server.buckets
    assert f"{NAME} PUT logging" not in server.writes


def test_on_a_server_without_logging_no_bucket_is_made_for_it(server: SettingsServer) -> None:
    server.faults[f"{NAME} PUT logging"] = error_answer(405, "MethodNotAllowed")

    report = secure(server, UNKNOWN_SERVER, logging_bucket=LOGS)

    assert LOGS not in server.buckets
    [result] = [r for r in report.failed if r.before.control == "access logging"]
    assert result.after.status == "unsupported"
