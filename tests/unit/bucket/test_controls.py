"""The controls: each one as data, when it holds, and that mending makes it hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from s3_integration.bucket.audit import finding_of
from s3_integration.bucket.controls import CONTROLS, Control, new_bucket_controls
from s3_integration.bucket.findings import FindingStatus
from s3_integration.bucket.settings import (
    SETTINGS,
    Document,
    Reading,
    ReadingState,
    SettingName,
    Snapshot,
    not_set,
)
from s3_integration.bucket.statements import with_plain_http_denied
from s3_integration.bucket.wanted import Wanted
from tests.fixtures.mock_responses import CannedS3, connection_to

BUCKET = "unit-tests"
WANTED = Wanted(
    bucket=BUCKET, logging_bucket="my-logs", expire_old_versions_after_days=90, kms_key="my-key"
)
PLAIN = Wanted(bucket=BUCKET)
OTHER = replace(PLAIN, server="other")
KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234"
BY_NAME = {control.name: control for control in CONTROLS}
MENDED = [control for control in CONTROLS if control.mend]


def status_of(name: str, document: Document, wanted: Wanted = PLAIN) -> FindingStatus:
    control = BY_NAME[name]
    reading = Reading("set" if document else "unset", document)
    return finding_of(
        control, not_set(BUCKET).with_reading(control.setting, reading), wanted
    ).status


def mended(control: Control, document: Document, wanted: Wanted = WANTED) -> Document:
    assert control.mend is not None
    return control.mend(document, wanted)


def test_the_controls_are_what_was_promised() -> None:
    assert list(BY_NAME) == [
        "public access blocked",
        "owner enforced",
        "default encryption",
        "SSE-C blocked",
        "versioning",
        "plain http denied",
        "no public policy",
        "no public ACL",
        "unfinished uploads aborted",
        "old versions expired",
        "access logging",
        "Object Lock",
        "MFA delete",
    ]


def test_new_buckets_get_what_needs_no_choice() -> None:
    on_aws = [control.name for control in new_bucket_controls(PLAIN)]

    assert on_aws == [
        "public access blocked",
        "owner enforced",
        "default encryption",
        "SSE-C blocked",
        "versioning",
        "plain http denied",
        "unfinished uploads aborted",
    ]
    for wanted in (OTHER, replace(PLAIN, customer_keys="unknown")):
        assert [control.name for control in new_bucket_controls(wanted)] == [
            name for name in on_aws if name != "SSE-C blocked"
        ]


@pytest.mark.parametrize("control", CONTROLS, ids=BY_NAME)
def test_every_control_tells_why_and_where_it_is_described(control: Control) -> None:
    assert control.why
    assert control.source.startswith("User Guide, '")
    assert control.next_step or control.severity == "info"


@pytest.mark.parametrize("control", CONTROLS, ids=BY_NAME)
def test_what_is_only_told_is_never_changed(control: Control) -> None:
    assert control.severity != "info" or control.mend is None


def test_every_setting_is_read_and_set_by_requests_that_boto3_knows() -> None:
    client = connection_to(CannedS3()).client
    methods = [each for s in SETTINGS.values() for each in (s.read_by, s.set_by) if each]

    assert all(hasattr(client, method) for method in methods)
    assert list(SETTINGS) == list(get_args(SettingName))


def test_every_control_that_can_be_set_lies_in_a_setting_that_can_be_put() -> None:
    assert all(SETTINGS[control.setting].set_by for control in MENDED)


@pytest.mark.parametrize("control", MENDED, ids=lambda control: control.name)
def test_mending_makes_a_control_hold(control: Control) -> None:
    assert status_of(control.name, {}, WANTED) == "missing"

    document = mended(control, {})

    assert status_of(control.name, document, WANTED) == "ok"


def lifecycle(**actions: Any) -> Document:
    return {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, **actions}]}


def encryption(algorithm: str = "AES256", key: str = "", **more: Any) -> Document:
    default = {"SSEAlgorithm": algorithm} | ({"KMSMasterKeyID": key} if key else {})
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": default, **more}]}


def logs_into(bucket: str) -> Document:
    return {"LoggingEnabled": {"TargetBucket": bucket, "TargetPrefix": ""}}


BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
BLOCKED: dict[str, Any] = {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}


@pytest.mark.parametrize("off", BLOCKS)
def test_three_blocks_of_four_are_not_enough(off: str) -> None:
    document = {name: name != off for name in BLOCKS}

    assert status_of("public access blocked", document) == "wrong"


def test_a_server_that_stops_writes_may_leave_one_block_off_but_aws_may_not() -> None:
    document = {name: name != "BlockPublicAcls" for name in BLOCKS}

    assert status_of("public access blocked", document, OTHER) == "unsupported"
    assert status_of("public access blocked", document, PLAIN) == "wrong"


@pytest.mark.parametrize(
    ("name", "document", "wanted", "status"),
    [
        ("public access blocked", dict.fromkeys(BLOCKS, False), PLAIN, "missing"),
        ("owner enforced", {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}, PLAIN, "wrong"),
        ("default encryption", encryption("aws:kms"), PLAIN, "ok"),
        ("default encryption", encryption("aws:kms:dsse", "k"), PLAIN, "ok"),
        ("default encryption", encryption("none"), PLAIN, "wrong"),
        ("default encryption", {"Rules": [{"BucketKeyEnabled": True}]}, PLAIN, "missing"),
        ("default encryption", encryption(), WANTED, "wrong"),
        ("default encryption", encryption("aws:kms", "my-key"), WANTED, "wrong"),
        (
            "default encryption",
            encryption("aws:kms", "other", BucketKeyEnabled=True),
            WANTED,
            "wrong",
        ),
        ("SSE-C blocked", encryption(**BLOCKED), PLAIN, "ok"),
        ("SSE-C blocked", encryption(**BLOCKED), OTHER, "ok"),
        (
            "SSE-C blocked",
            encryption(BlockedEncryptionTypes={"EncryptionType": ["NONE"]}),
            OTHER,
            "missing",
        ),
        ("SSE-C blocked", encryption(), PLAIN, "missing"),
        ("SSE-C blocked", encryption(), OTHER, "unsupported"),
        ("SSE-C blocked", encryption(), replace(PLAIN, customer_keys="in use"), "off"),
        ("SSE-C blocked", encryption(), replace(PLAIN, customer_keys="unknown"), "unsupported"),
        ("versioning", {"Status": "Suspended"}, PLAIN, "wrong"),
        ("MFA delete", {"Status": "Enabled", "MFADelete": "Enabled"}, PLAIN, "ok"),
        ("MFA delete", {"Status": "Enabled", "MFADelete": "Disabled"}, PLAIN, "off"),
        ("plain http denied", {}, replace(PLAIN, plain_http="in use"), "unsupported"),
        ("plain http denied", {}, replace(PLAIN, plain_http="mocked"), "unsupported"),
        ("plain http denied", with_plain_http_denied({}, "other"), PLAIN, "missing"),
        (
            "plain http denied",
            with_plain_http_denied({}, BUCKET),
            replace(PLAIN, plain_http="in use"),
            "ok",
        ),
        ("no public policy", {"IsPublic": True}, PLAIN, "wrong"),
        ("no public policy", {"IsPublic": False}, PLAIN, "ok"),
        (
            "unfinished uploads aborted",
            lifecycle(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 8}),
            PLAIN,
            "wrong",
        ),
        (
            "unfinished uploads aborted",
            lifecycle(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1}),
            PLAIN,
            "ok",
        ),
        ("unfinished uploads aborted", lifecycle(Expiration={"Days": 7}), PLAIN, "missing"),
        (
            "old versions expired",
            lifecycle(NoncurrentVersionExpiration={"NoncurrentDays": 30}),
            PLAIN,
            "ok",
        ),
        (
            "old versions expired",
            lifecycle(NoncurrentVersionExpiration={"NoncurrentDays": 91}),
            WANTED,
            "wrong",
        ),
        ("old versions expired", {}, PLAIN, "off"),
        ("access logging", logs_into("my-logs"), PLAIN, "ok"),
        ("access logging", logs_into("my-logs"), WANTED, "ok"),
        ("access logging", logs_into("others-logs"), WANTED, "wrong"),
        ("access logging", logs_into(BUCKET), PLAIN, "wrong"),
        ("Object Lock", {"ObjectLockEnabled": "Enabled"}, PLAIN, "ok"),
        ("Object Lock", {}, PLAIN, "off"),
    ],
)
def test_a_control_holds_exactly_where_it_is_right(
    name: str, document: Document, wanted: Wanted, status: FindingStatus
) -> None:
    assert status_of(name, document, wanted) == status


def grant(**grantee: str) -> Document:
    return {"Grants": [{"Grantee": grantee, "Permission": "READ"}]}


@pytest.mark.parametrize("group", ["AllUsers", "AuthenticatedUsers"])
def test_a_grant_to_everybody_is_told(group: str) -> None:
    acl = grant(URI=f"http://acs.amazonaws.com/groups/global/{group}")

    assert status_of("no public ACL", acl) == "wrong"


@pytest.mark.parametrize(
    "grantee", [{"ID": "o"}, {"URI": "http://acs.amazonaws.com/groups/s3/LogDelivery"}]
)
def test_a_grant_to_somebody_is_not_public(grantee: dict[str, str]) -> None:
    assert status_of("no public ACL", grant(**grantee)) == "ok"


def test_a_bucket_that_takes_logs_need_not_be_logged_itself() -> None:
    policy = {
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": "*",
        }
    }
    snapshot = not_set(BUCKET).with_reading("policy", Reading("set", policy))

    assert finding_of(BY_NAME["access logging"], snapshot, PLAIN).status == "off"


def test_where_the_server_has_no_opinion_of_a_policy_its_statements_decide() -> None:
    public = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}]}
    snapshot = not_set(BUCKET).with_reading("policy status", Reading("unsupported"))

    def status(policy: Document) -> FindingStatus:
        read = snapshot.with_reading("policy", Reading("set", policy))
        return finding_of(BY_NAME["no public policy"], read, PLAIN).status

    assert status(public) == "wrong"
    assert status(with_plain_http_denied({}, BUCKET)) == "ok"


@pytest.mark.parametrize("state", ["refused", "unsupported"])
def test_nobody_is_told_that_there_is_no_policy_where_it_could_not_be_read(
    state: ReadingState,
) -> None:
    snapshot = not_set(BUCKET).with_reading("policy status", Reading("set", {"IsPublic": False}))

    unread = snapshot.with_reading("policy", Reading(state))

    assert finding_of(BY_NAME["no public policy"], snapshot, PLAIN).fact == "there is no policy"
    assert finding_of(BY_NAME["no public policy"], unread, PLAIN).fact == "the policy is not public"


@pytest.mark.parametrize(
    ("found", "asked_for", "is_same"),
    [
        (KEY_ARN, KEY_ARN, True),
        (KEY_ARN, "1234", True),
        ("1234", KEY_ARN, True),
        ("arn:aws:kms:eu-west-1:111122223333:alias/files", "alias/files", True),
        (KEY_ARN, KEY_ARN.replace("eu-west-1", "eu-west-2"), False),
        (KEY_ARN, "234", False),
        (KEY_ARN, "alias/1234", False),
    ],
)
def test_a_key_may_be_named_by_its_id_or_by_its_arn(
    found: str, asked_for: str, is_same: bool
) -> None:
    document = encryption("aws:kms", found, BucketKeyEnabled=True)

    status = status_of("default encryption", document, replace(PLAIN, kms_key=asked_for))

    assert status == ("ok" if is_same else "wrong")


@pytest.mark.parametrize(
    ("name", "before", "kept"),
    [
        ("default encryption", encryption("none", **BLOCKED), BLOCKED),
        (
            "SSE-C blocked",
            encryption("aws:kms", "k", BucketKeyEnabled=True),
            {"BucketKeyEnabled": True},
        ),
    ],
)
def test_the_two_controls_of_encryption_leave_each_other_alone(
    name: str, before: Document, kept: dict[str, Any]
) -> None:
    [rule] = mended(BY_NAME[name], before)["Rules"]

    assert rule.items() >= kept.items()


def test_blocking_customer_keys_keeps_how_a_bucket_encrypts() -> None:
    before = encryption("aws:kms", "k")

    [rule] = mended(BY_NAME["SSE-C blocked"], before)["Rules"]

    assert rule == before["Rules"][0] | BLOCKED


def test_logs_that_go_somewhere_stay_where_they_go() -> None:
    before = logs_into("others-logs")

    assert mended(BY_NAME["access logging"], before) == before


def test_versions_are_never_deleted_unasked() -> None:
    assert mended(BY_NAME["old versions expired"], {}, PLAIN) == {}


def test_the_arguments_of_a_put_name_what_the_answer_of_a_get_told() -> None:
    """S3 wraps settings differently on the way in and out; nothing may be lost between."""
    rules = [{"ID": "r"}]
    told = {"Rules": rules, "TransitionDefaultMinimumObjectSize": "varies_by_storage_class"}

    document = SETTINGS["lifecycle"].document_of(told)

    assert document is not None
    assert SETTINGS["lifecycle"].arguments_of(document) == {
        "LifecycleConfiguration": {"Rules": rules},
        "TransitionDefaultMinimumObjectSize": "varies_by_storage_class",
    }


def test_a_snapshot_of_nothing_set_is_missing_everything_that_can_be_set() -> None:
    snapshot: Snapshot = not_set(BUCKET)

    assert {finding_of(control, snapshot, WANTED).status for control in MENDED} == {"missing"}
