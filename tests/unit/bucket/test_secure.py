"""Auditing and securing a bucket over a server that keeps settings and counts what is sent."""

from __future__ import annotations

import dataclasses
import json
import logging
from typing import Any

import pytest

from s3_integration import (
    AuditReport,
    Encryption,
    S3AccessDeniedError,
    S3BucketError,
    S3Config,
    S3ConfigError,
    S3CredentialsError,
    S3IntegrationError,
    SecureReport,
)
from s3_integration.aws.permissions import MISSING_PERMISSION
from s3_integration.bucket import secure as securing
from s3_integration.bucket.bucket import Bucket
from s3_integration.bucket.controls import CONTROLS
from s3_integration.bucket.settings import SETTINGS, SettingName
from s3_integration.bucket.statements import with_plain_http_denied
from tests.fixtures.mock_responses import CONFIG, Answer, error_answer
from tests.fixtures.settings_server import ACCOUNT, SettingsServer
from tests.fixtures.settings_server import SETTINGS as QUERIES
from tests.fixtures.transfers import UNKNOWN_SERVER

NAME = "unit-tests"
LOGS = "my-logs"
DENIED = error_answer(403, "AccessDenied")
QUERY_OF = dict(zip(SETTINGS, QUERIES, strict=True))
"""The word in the URL that names a setting."""

ALL_PUT = [
    "publicAccessBlock",
    "ownershipControls",
    "encryption",
    "versioning",
    "policy",
    "lifecycle",
]


@pytest.fixture(autouse=True)
def _no_waiting(slept: list[float]) -> None:
    """Reading back waits in between."""


@pytest.fixture
def asked_sts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """STS says that the credentials are of the account that owns the buckets."""
    asked: list[str] = []

    def account_of(_connection: object, bucket: str) -> str:
        asked.append(bucket)
        return ACCOUNT

    monkeypatch.setattr(securing, "account_of", account_of)
    return asked


@pytest.fixture
def server(asked_sts: list[str]) -> SettingsServer:
    """A server with a bucket of which nothing is set."""
    return SettingsServer({NAME: {}})


def bucket_on(server: SettingsServer, config: S3Config = CONFIG) -> Bucket:
    connection = server.connection(config)
    return Bucket(NAME, lambda: connection)


def secure(server: SettingsServer, config: S3Config = CONFIG, **choices: Any) -> SecureReport:
    return bucket_on(server, config).secure(**choices)


def statuses(report: AuditReport) -> dict[str, str]:
    return {finding.control: finding.status for finding in report.findings}


def names(results: tuple[Any, ...]) -> list[str]:
    return [result.before.control for result in results]


# Auditing


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


# Securing


def test_securing_sets_everything_that_needs_no_choice(server: SettingsServer) -> None:
    report = secure(server)

    assert server.writes == [f"{NAME} PUT {setting}" for setting in ALL_PUT]
    assert names(report.changed) == [
        "public access blocked",
        "owner enforced",
        "default encryption",
        "SSE-C blocked",
        "versioning",
        "plain http denied",
        "unfinished uploads aborted",
    ]
    assert names(report.failed) == ["access logging"]
    assert [p.control for p in bucket_on(server).audit().problems] == ["access logging"]


def test_a_second_run_sends_no_write(server: SettingsServer) -> None:
    choices: dict[str, Any] = {
        "logging_bucket": LOGS,
        "kms_key": "my-key",
        "expire_old_versions_after_days": 90,
    }
    first = secure(server, **choices)
    assert (first.ok, len(first.changed)) == (True, 9)
    server.writes.clear()

    second = secure(server, **choices)

    assert server.writes == []
    assert second.ok
    assert second.changed == ()
    assert bucket_on(server).audit().ok


def test_a_bucket_made_by_this_package_needs_nothing_but_logs(server: SettingsServer) -> None:
    del server.buckets[NAME]
    bucket = bucket_on(server)
    assert bucket.ensure() is True
    assert bucket.ensure() is False
    server.writes.clear()

    report = bucket.secure()

    assert server.writes == []
    assert names(report.failed) == ["access logging"]


def test_a_dry_run_says_the_same_and_sends_no_write(server: SettingsServer) -> None:
    planned = secure(server, logging_bucket=LOGS, dry_run=True)
    assert server.writes == []

    done = secure(server, logging_bucket=LOGS)

    assert planned.dry_run
    assert not done.dry_run
    assert names(planned.changed) == names(done.changed)
    assert [r.after for r in planned.changed] == [r.after for r in done.changed]


STATEMENT = {
    "Sid": "DenyPlainHttp",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/app"},
    "Action": "s3:GetObject",
    "Resource": f"arn:aws:s3:::{NAME}/*",
}
RULES = (
    b"<LifecycleConfiguration><Rule><ID>theirs</ID><Prefix>tmp/</Prefix>"
    b"<Status>Enabled</Status><Expiration><Days>3</Days></Expiration></Rule>"
    b"</LifecycleConfiguration>"
)
ENCRYPTION = (
    b"<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
    b"<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>theirs</KMSMasterKeyID>"
    b"</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled></Rule>"
    b"</ServerSideEncryptionConfiguration>"
)


def test_what_others_have_set_stays(server: SettingsServer) -> None:
    policy = {"Version": "2008-10-17", "Id": "theirs", "Statement": STATEMENT}
    server.buckets[NAME] |= {
        "policy": json.dumps(policy).encode(),
        "lifecycle": RULES,
        "encryption": ENCRYPTION,
    }

    secure(server)

    stored = server.buckets[NAME]
    [denial] = with_plain_http_denied({}, NAME)["Statement"]
    assert json.loads(stored["policy"]) == policy | {
        "Statement": [STATEMENT, denial | {"Sid": "DenyPlainHttp2"}]
    }
    assert b"<ID>theirs</ID>" in stored["lifecycle"]
    assert b"<Prefix>tmp/</Prefix>" in stored["lifecycle"]
    assert b"<Filter>" not in stored["lifecycle"]  # two forms in one are refused
    assert b"<DaysAfterInitiation>7</" in stored["lifecycle"]
    assert b"<KMSMasterKeyID>theirs</" in stored["encryption"]
    assert b"<BucketKeyEnabled>true</" in stored["encryption"]
    assert b"<EncryptionType>SSE-C</" in stored["encryption"]


def test_a_policy_that_may_not_be_read_is_not_replaced(server: SettingsServer) -> None:
    server.faults["GET policy"] = DENIED

    report = secure(server)

    assert f"{NAME} PUT policy" not in server.writes
    assert "plain http denied" in names(report.failed)


def test_a_setting_that_holds_what_botocore_does_not_know_is_left_alone(
    server: SettingsServer,
) -> None:
    newer = RULES.replace(b"<Days>3</Days>", b"<Days>3</Days><Hours>4</Hours>")
    server.buckets[NAME]["lifecycle"] = newer

    report = secure(server)

    assert server.buckets[NAME]["lifecycle"] == newer
    [result] = [r for r in report.failed if r.before.control == "unfinished uploads aborted"]
    assert result.error is not None
    assert "would remove: Hours" in result.error.message
    assert "newer boto3" in result.after.next_step


@pytest.mark.parametrize("setting", ALL_PUT)
def test_one_setting_that_may_not_be_put_stops_no_other(
    server: SettingsServer, setting: str
) -> None:
    server.faults[f"PUT {setting}"] = DENIED

    report = secure(server)

    assert server.writes == [f"{NAME} PUT {each}" for each in ALL_PUT]
    refused = [result for result in report.failed if result.error]
    assert refused
    for result in refused:
        assert isinstance(result.error, S3AccessDeniedError)
        assert "Allow s3:Put" in result.after.next_step
        assert result.after.status == "missing"
    assert len(report.changed) == 7 - len(refused)


def test_a_setting_that_the_server_forgets_has_failed(server: SettingsServer) -> None:
    server.forgets.add("versioning")

    [result] = [r for r in secure(server).failed if r.before.control == "versioning"]

    assert result.error is not None
    assert "does not tell it" in result.error.message


def test_a_statement_that_is_lost_meanwhile_is_told(server: SettingsServer) -> None:
    """Somebody else replaces the policy between the reading and the reading back."""
    server.buckets[NAME]["policy"] = json.dumps({"Statement": [STATEMENT]}).encode()
    overwritten = json.dumps(with_plain_http_denied({}, NAME)).encode()

    class Overtaken(SettingsServer):
        def __call__(self, sent: Any) -> Answer:
            answer = super().__call__(sent)
            if (sent.method, "policy" in sent.query) == ("PUT", True):
                self.buckets[NAME]["policy"] = overwritten
            return answer

    report = secure(Overtaken(server.buckets))

    [result] = [r for r in report.failed if r.before.control == "plain http denied"]
    assert result.error is not None
    assert "no longer in it: DenyPlainHttp" in result.error.message


def test_a_client_that_stores_by_sse_c_does_not_lock_itself_out(server: SettingsServer) -> None:
    key = Encryption(method="SSE-C", customer_key=bytes(32))

    secure(server, dataclasses.replace(CONFIG, encryption=key))

    assert b"SSE-C" not in server.buckets[NAME]["encryption"]


def test_on_plain_http_the_policy_that_would_lock_us_out_is_left_out(
    server: SettingsServer,
) -> None:
    plain_http = dataclasses.replace(CONFIG, endpoint_url="http://127.0.0.1:9")

    report = secure(server, plain_http)

    assert "policy" not in server.buckets[NAME]
    [result] = [r for r in report.failed if r.before.control == "plain http denied"]
    assert (result.after.status, result.error) == ("unsupported", None)


def test_a_kms_key_is_used_with_bucket_keys(server: SettingsServer) -> None:
    secure(server, kms_key="my-key")

    stored = server.buckets[NAME]["encryption"]
    assert b"<SSEAlgorithm>aws:kms</" in stored
    assert b"<KMSMasterKeyID>my-key</" in stored
    assert b"<BucketKeyEnabled>true</" in stored


def test_old_versions_expire_only_where_that_is_asked_for(server: SettingsServer) -> None:
    secure(server)
    assert b"Noncurrent" not in server.buckets[NAME]["lifecycle"]

    secure(server, expire_old_versions_after_days=90)

    assert b"<NoncurrentDays>90</" in server.buckets[NAME]["lifecycle"]


def test_one_line_of_the_log_tells_what_was_done(
    server: SettingsServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "s3_integration.bucket.secure"):
        secure(server)

    [message] = caplog.messages
    assert message.startswith(f"secured bucket '{NAME}': public access blocked, owner enforced")
    assert message.endswith("still open: access logging")


# Whose bucket


def test_every_request_expects_the_owner(server: SettingsServer) -> None:
    server.buckets[LOGS] = {}

    secure(server, logging_bucket=LOGS)

    assert {sent.bucket for sent in server.sent} == {NAME, LOGS}
    owners = {sent.headers.get("x-amz-expected-bucket-owner") for sent in server.sent}
    assert owners == {ACCOUNT}


def test_a_bucket_of_another_account_stays_as_it_is(server: SettingsServer) -> None:
    with pytest.raises(S3BucketError, match="another account than 999999999999") as caught:
        secure(server, expected_owner="999999999999")

    assert isinstance(caught.value, S3AccessDeniedError)
    assert "expected_owner" in caught.value.suggestion
    assert [sent.method for sent in server.sent] == ["HEAD"]


def test_the_credentials_own_account_is_expected_unless_another_is_named(
    server: SettingsServer, asked_sts: list[str]
) -> None:
    secure(server, expected_owner=ACCOUNT)
    assert asked_sts == []

    secure(server)

    assert asked_sts == [NAME]


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


def test_other_servers_have_no_accounts_to_ask_for(
    server: SettingsServer, asked_sts: list[str]
) -> None:
    secure(server, UNKNOWN_SERVER)

    assert asked_sts == []
    assert not any("x-amz-expected-bucket-owner" in sent.headers for sent in server.sent)


def test_where_sts_cannot_be_asked_nothing_is_sent_to_the_bucket(
    server: SettingsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise S3IntegrationError("No way to STS.", retryable=True)

    monkeypatch.setattr(securing, "account_of", fail)

    with pytest.raises(S3IntegrationError, match="could not be asked of AWS STS") as caught:
        secure(server)

    assert "expected_owner" in caught.value.suggestion
    assert server.sent == []


# Logs


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


# Servers that refuse every write once public ACLs are blocked


class StopsWrites(SettingsServer):
    """As Ceph 16: who blocks public ACLs can store nothing any more."""

    def _right_answer(self, sent: Any, name: str) -> Answer:
        if not sent.key:
            return super()._right_answer(sent, name)
        blocks = self.buckets[NAME].get("publicAccessBlock", b"")
        return DENIED if b"<BlockPublicAcls>true" in blocks else Answer()


def test_a_block_under_which_nothing_can_be_written_is_softened_once(
    server: SettingsServer,
) -> None:
    stopping = StopsWrites(server.buckets)

    report = secure(stopping, UNKNOWN_SERVER)

    assert b"<BlockPublicAcls>false</" in server.buckets[NAME]["publicAccessBlock"]
    [result] = [r for r in report.failed if r.before.control == "public access blocked"]
    assert result.after.status == "unsupported"
    stopping.writes.clear()
    secure(stopping, UNKNOWN_SERVER)
    assert stopping.writes == []


def test_who_could_not_write_before_softens_nothing(server: SettingsServer) -> None:
    server.faults["PUT object"] = DENIED

    secure(server, UNKNOWN_SERVER)

    assert b"false" not in server.buckets[NAME]["publicAccessBlock"]


def test_aws_is_not_asked_for_a_write(server: SettingsServer) -> None:
    secure(server)

    assert not any("object" in write for write in server.writes)


# Arguments


@pytest.mark.parametrize(
    "choices",
    [
        {"logging_bucket": NAME},
        {"logging_bucket": "Not_A_Bucket"},
        {"logging_bucket": ""},
        {"kms_key": ""},
        {"kms_key": "a b"},
        {"kms_key": "a\r\nb"},
        {"expected_owner": ""},
        {"expected_owner": "12345678901"},
        {"expected_owner": 123456789012},
        {"expire_old_versions_after_days": 0},
        {"expire_old_versions_after_days": True},
        {"expire_old_versions_after_days": 1.5},
    ],
)
def test_nonsense_is_refused_before_anything_is_sent(
    server: SettingsServer, choices: dict[str, Any]
) -> None:
    with pytest.raises(S3ConfigError, match=next(iter(choices))):
        secure(server, **choices)

    assert server.sent == []


def test_an_audit_refuses_nonsense_too(server: SettingsServer) -> None:
    with pytest.raises(S3ConfigError):
        bucket_on(server).audit(expected_owner="me")

    assert server.sent == []
