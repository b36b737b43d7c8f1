"""What a refusal lacks: by S3's own words, else by the table of operations."""

from __future__ import annotations

import re
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

import s3_integration
from s3_integration.aws.errors import translate
from s3_integration.aws.permissions import MISSING_PERMISSION, OR_ELSE, place_of
from s3_integration.exceptions import S3AccessDeniedError, S3IntegrationError

MODEL = botocore.session.Session().get_service_model("s3")
BUCKET = "arn:aws:s3:::unit-tests"
WHO = "User: arn:aws:iam::111122223333:user/agent is not authorized to perform: "


def refused(operation: str, *, key: str = "a/b", message: str = "") -> S3IntegrationError:
    """The error for a 403 of S3."""
    response = {
        "Error": {"Code": "AccessDenied", "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": 403},
    }
    error = ClientError(response, operation)  # type: ignore[arg-type]  # as much as S3 sends
    return translate(error, operation="upload", bucket="unit-tests", key=key)


def test_a_refusal_names_the_permission_and_what_it_is_needed_on() -> None:
    of_object = refused("PutObject")
    of_bucket = refused("ListObjectsV2", key="")

    assert "s3:PutObject" in of_object.message
    assert f"Allow s3:PutObject on {BUCKET}/a/b in" in of_object.suggestion
    assert f"Allow s3:ListBucket on {BUCKET} in" in of_bucket.suggestion


def test_a_permission_on_the_bucket_is_asked_for_there_though_a_key_was_at_work() -> None:
    error = refused("ListMultipartUploads", key="a/b")

    assert f"Allow s3:ListBucketMultipartUploads on {BUCKET} in" in error.suggestion


def test_a_refusal_of_an_operation_outside_the_table_names_it_as_the_permission() -> None:
    error = refused("RestoreObject")

    assert "the permission s3:RestoreObject is missing" in error.message
    assert f"on {BUCKET}/a/b in" in error.suggestion


@pytest.mark.parametrize(
    ("operation", "others"),
    [
        ("HeadObject", ["s3:GetObject ", "s3:GetObjectVersion", f"s3:ListBucket on {BUCKET}."]),
        ("PutObject", ["s3:PutObject ", "s3:PutObjectTagging", "kms:GenerateDataKey"]),
        ("CopyObject", ["s3:PutObject ", "s3:GetObject,", "s3:GetObjectVersion"]),
        ("DeleteObject", ["s3:DeleteObject ", "s3:DeleteObjectVersion "]),
    ],
)
def test_where_s3_does_not_say_what_is_missing_all_that_it_may_be_is_named(
    operation: str, others: list[str]
) -> None:
    error = refused(operation)

    assert [action for action in others if action not in error.suggestion] == []


@pytest.mark.parametrize(
    ("said", "action", "resource"),
    [
        (f'{WHO}s3:ListBucket on resource: "{BUCKET}" because no', "s3:ListBucket", BUCKET),
        (f'{WHO}s3:GetObject on resource: "{BUCKET}/a b" because', "s3:GetObject", f"{BUCKET}/a b"),
        (
            f"{WHO}kms:Decrypt on resource: arn:aws:kms:eu-west-1:111122223333:key/1 because",
            "kms:Decrypt",
            "arn:aws:kms:eu-west-1:111122223333:key/1",
        ),
        (
            f'{WHO}s3:GetObject on resource: "arn:aws-cn:s3:::unit-tests/a/b"',
            "s3:GetObject",
            "arn:aws-cn:s3:::unit-tests/a/b",
        ),
        (f"{WHO}s3:GetObjectTagging", "s3:GetObjectTagging", f"{BUCKET}/a/b"),
        (f"{WHO}s3:ListBucket", "s3:ListBucket", BUCKET),
    ],
)
@pytest.mark.promise(6)
def test_s3s_own_words_decide_which_permission_is_missing_on_what(
    said: str, action: str, resource: str
) -> None:
    error = refused("GetObject", message=said)

    assert isinstance(error, S3AccessDeniedError)
    assert f"the permission {action} is missing" in error.message
    assert error.suggestion == (
        f"Allow {action} on {resource} in the IAM policy of these credentials, "
        "and check that the bucket's policy does not deny it."
    )


def test_nobody_is_told_to_allow_what_a_policy_denies() -> None:
    said = (
        f'{WHO}s3:PutObject on resource: "{BUCKET}/a/b" with an explicit deny in a '
        "resource-based policy"
    )

    error = refused("PutObject", message=said)

    assert isinstance(error, S3AccessDeniedError)
    assert "a policy denies s3:PutObject in so many words" in error.message
    assert "resource-based policy" in error.message
    assert f"Take the denial of s3:PutObject on {BUCKET}/a/b out" in error.suggestion
    assert "Allow s3:" not in error.suggestion


def test_who_may_not_list_buckets_needs_it_for_everything() -> None:
    error = refused("ListBuckets")

    assert "Allow s3:ListAllMyBuckets on *" in error.suggestion


def test_words_that_only_look_like_s3s_are_no_permission() -> None:
    error = refused("GetObject", message="You are not authorized to perform: this")

    assert "Allow s3:GetObject on" in error.suggestion


@pytest.mark.parametrize("operation", sorted(MISSING_PERMISSION))
def test_every_operation_with_a_permission_is_one_of_s3s(operation: str) -> None:
    action, also = MISSING_PERMISSION[operation], OR_ELSE.get(operation, "")

    assert operation in MODEL.operation_names
    assert re.fullmatch(r"s3:[A-Z][A-Za-z]+", action)
    assert re.fullmatch(r"|[A-Z].*[^\s.]\.", also)
    assert set(re.findall(r"\{(.*?)\}", also)) <= {"bucket_arn"}
    assert place_of(action) in {"bucket", "object", "everything"}
    assert OR_ELSE.keys() <= MISSING_PERMISSION.keys()


def test_every_operation_that_the_package_sends_has_its_permission() -> None:
    operations = {xform_name(name): name for name in MODEL.operation_names}
    sources = Path(s3_integration.__file__).parent.rglob("*.py")
    words = {
        word
        for path in sources
        for word in re.findall(r"(?:\.|\")(\w+)(?:\(|\")", path.read_text(encoding="utf-8"))
    }

    sent = {operations[word] for word in words if word in operations}
    sent |= words & set(operations.values())

    assert {"PutObject", "HeadObject", "PutBucketPolicy", "ListParts"} <= sent
    assert sent - set(MISSING_PERMISSION) == set()
