"""The controls that every new bucket gets."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from s3_integration.bucket.controls import BASELINE, Control, deny_plain_http
from tests.fixtures.mock_responses import CannedS3, connection_to

BUCKET = "unit-tests"
CONTROLS = {control.set_by.removeprefix("put_"): control for control in BASELINE}


def right_answer(control: Control) -> dict[str, Any]:
    """What S3 answers where the control is set: what was put, but for a wrapping or two."""
    arguments = copy.deepcopy(dict(control.arguments(BUCKET)))
    if control.read_by in {"get_bucket_versioning", "get_bucket_lifecycle_configuration"}:
        [arguments] = arguments.values()
    return arguments


def test_the_baseline_is_what_was_promised() -> None:
    assert list(CONTROLS) == [
        "public_access_block",
        "bucket_ownership_controls",
        "bucket_encryption",
        "bucket_versioning",
        "bucket_policy",
        "bucket_lifecycle_configuration",
    ]


@pytest.mark.parametrize("control", CONTROLS.values(), ids=CONTROLS)
def test_every_control_tells_why_and_where_it_is_described(control: Control) -> None:
    assert control.name
    assert control.why
    assert control.source.startswith("User Guide, '")


@pytest.mark.parametrize("control", CONTROLS.values(), ids=CONTROLS)
def test_every_control_holds_where_s3_tells_what_was_put(control: Control) -> None:
    assert control.holds(right_answer(control), BUCKET)
    assert not control.holds({}, BUCKET)


def test_every_control_is_a_pair_of_requests_that_boto3_knows() -> None:
    client = connection_to(CannedS3()).client

    assert all(hasattr(client, method) for c in BASELINE for method in (c.set_by, c.read_by))


def open_one(answer: dict[str, Any]) -> None:
    answer["PublicAccessBlockConfiguration"]["BlockPublicPolicy"] = False


def lose_one(answer: dict[str, Any]) -> None:
    del answer["PublicAccessBlockConfiguration"]["RestrictPublicBuckets"]


def let_writers_own(answer: dict[str, Any]) -> None:
    answer["OwnershipControls"]["Rules"][0]["ObjectOwnership"] = "BucketOwnerPreferred"


def encrypt_otherwise(answer: dict[str, Any]) -> None:
    [rule] = answer["ServerSideEncryptionConfiguration"]["Rules"]
    rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] = "none"


def encrypt_nothing(answer: dict[str, Any]) -> None:
    answer["ServerSideEncryptionConfiguration"]["Rules"] = [{"BucketKeyEnabled": True}]


def suspend(answer: dict[str, Any]) -> None:
    answer["Status"] = "Suspended"


def allow_http(answer: dict[str, Any]) -> None:
    answer["Policy"] = answer["Policy"].replace('"false"', '"true"')


def answer_nonsense(answer: dict[str, Any]) -> None:
    answer["Policy"] = "<policy>"


def abort_later(answer: dict[str, Any]) -> None:
    answer["Rules"][0]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] = 8


def abort_never(answer: dict[str, Any]) -> None:
    answer["Rules"][0]["Status"] = "Disabled"


def expire_only(answer: dict[str, Any]) -> None:
    answer["Rules"] = [{"Status": "Enabled", "Expiration": {"Days": 7}}]


@pytest.mark.parametrize(
    ("control", "spoil"),
    [
        ("public_access_block", open_one),
        ("public_access_block", lose_one),
        ("bucket_ownership_controls", let_writers_own),
        ("bucket_encryption", encrypt_otherwise),
        ("bucket_encryption", encrypt_nothing),
        ("bucket_versioning", suspend),
        ("bucket_policy", allow_http),
        ("bucket_policy", answer_nonsense),
        ("bucket_lifecycle_configuration", abort_later),
        ("bucket_lifecycle_configuration", abort_never),
        ("bucket_lifecycle_configuration", expire_only),
    ],
)
def test_less_than_the_whole_control_does_not_hold(
    control: str, spoil: Callable[[dict[str, Any]], None]
) -> None:
    answer = right_answer(CONTROLS[control])
    spoil(answer)

    assert not CONTROLS[control].holds(answer, BUCKET)


def test_a_rule_beside_others_is_enough() -> None:
    lifecycle = CONTROLS["bucket_lifecycle_configuration"]
    answer = right_answer(lifecycle)
    answer["Rules"].insert(0, {"Status": "Enabled", "Expiration": {"Days": 7}})

    assert lifecycle.holds(answer, BUCKET)


def test_the_policy_denies_plain_http_to_everybody_on_bucket_and_objects() -> None:
    [statement] = deny_plain_http(BUCKET)["Statement"]

    assert statement["Effect"] == "Deny"
    assert (statement["Principal"], statement["Action"]) == ("*", "s3:*")
    assert statement["Resource"] == [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_policy_of_another_bucket_does_not_hold() -> None:
    answer = {"Policy": json.dumps(deny_plain_http("other"))}

    assert not CONTROLS["bucket_policy"].holds(answer, BUCKET)


def test_only_the_policy_is_left_out_on_plain_http() -> None:
    assert [c.set_by for c in BASELINE if c.needs_https] == ["put_bucket_policy"]


def test_only_the_block_of_public_access_has_a_milder_form() -> None:
    [control] = [control for control in BASELINE if control.milder]

    assert control.set_by == "put_public_access_block"
    assert control.milder == {
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": False,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        }
    }
