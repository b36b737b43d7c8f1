"""Auditing and securing a bucket over a server that keeps settings and counts what is sent."""

from __future__ import annotations

import dataclasses
import json
import logging
from typing import Any

import pytest

from s3_integration import (
    Encryption,
    S3AccessDeniedError,
    S3BucketError,
    S3ConfigError,
    S3IntegrationError,
)
from s3_integration.bucket import secure as securing
from s3_integration.bucket.statements import with_plain_http_denied
from tests.fixtures.mock_responses import CONFIG, Answer
from tests.fixtures.secured import (
    DENIED,
    ENCRYPTION,
    LOGS,
    NAME,
    STATEMENT,
    bucket_on,
    names,
    no_waiting,
    secure,
    server_with_nothing_set,
    sts_that_is_asked,
)
from tests.fixtures.settings_server import ACCOUNT, REGION, SettingsServer
from tests.fixtures.transfers import UNKNOWN_SERVER

_no_waiting = pytest.fixture(autouse=True)(no_waiting)
asked_sts = pytest.fixture(sts_that_is_asked)
server = pytest.fixture(server_with_nothing_set)

ALL_PUT = [
    "publicAccessBlock",
    "ownershipControls",
    "encryption",
    "versioning",
    "policy",
    "lifecycle",
]


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


RULES = (
    b"<LifecycleConfiguration><Rule><ID>theirs</ID><Prefix>tmp/</Prefix>"
    b"<Status>Enabled</Status><Expiration><Days>3</Days></Expiration></Rule>"
    b"</LifecycleConfiguration>"
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


def test_a_key_that_s3_cannot_use_in_the_buckets_region_is_refused(server: SettingsServer) -> None:
    near, far = (f"arn:aws:kms:{region}:{ACCOUNT}:key/1" for region in (REGION, "eu-west-1"))
    server.regions[NAME] = "eu-west-1"

    with pytest.raises(S3ConfigError, match="'unit-tests' is in eu-west-1") as caught:
        secure(server, kms_key=near)

    assert "Name a key in eu-west-1." in caught.value.suggestion
    assert server.writes == []
    secure(server, kms_key=far)
    assert f"<KMSMasterKeyID>{far}</".encode() in server.buckets[NAME]["encryption"]


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


def test_in_another_of_aws_worlds_what_has_to_be_allowed_has_its_name(
    server: SettingsServer,
) -> None:
    in_china = dataclasses.replace(CONFIG, region="cn-north-1")

    with pytest.raises(S3BucketError) as caught:
        secure(server, in_china, expected_owner="999999999999")

    assert f"allow s3:ListBucket on arn:aws-cn:s3:::{NAME}." in caught.value.suggestion


def test_the_credentials_own_account_is_expected_unless_another_is_named(
    server: SettingsServer, asked_sts: list[str]
) -> None:
    secure(server, expected_owner=ACCOUNT)
    assert asked_sts == []

    secure(server)

    assert asked_sts == [NAME]


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
