"""Which IAM action each of S3's operations needs, on what, and what a refusal says of it.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3",
and the permissions named on each operation's page of the API Reference.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3.client import S3Client as Boto3Client

Place = Literal["bucket", "object", "key of KMS", "everything"]
"""What an action is allowed on: the ARN of the bucket, of objects in it, or of a KMS key; or
`*`, where it is about none of them."""


def operation_of(method: str) -> str:
    """S3's name of what a boto3 method does: `put_bucket_policy` is `PutBucketPolicy`."""
    return "".join(word.capitalize() for word in method.split("_"))


MISSING_PERMISSION: Mapping[str, str] = {
    "HeadObject": "s3:GetObject",
    "GetObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "ListParts": "s3:ListMultipartUploadParts",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "DeleteObject": "s3:DeleteObject",
    "ListObjectsV2": "s3:ListBucket",
    "HeadBucket": "s3:ListBucket",
    "ListBuckets": "s3:ListAllMyBuckets",
    "CreateBucket": "s3:CreateBucket",
    "PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "PutBucketOwnershipControls": "s3:PutBucketOwnershipControls",
    "GetBucketOwnershipControls": "s3:GetBucketOwnershipControls",
    "PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "PutBucketVersioning": "s3:PutBucketVersioning",
    "GetBucketVersioning": "s3:GetBucketVersioning",
    "PutBucketPolicy": "s3:PutBucketPolicy",
    "GetBucketPolicy": "s3:GetBucketPolicy",
    "PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "PutBucketLogging": "s3:PutBucketLogging",
    "GetBucketLogging": "s3:GetBucketLogging",
    "GetBucketPolicyStatus": "s3:GetBucketPolicyStatus",
    "GetBucketAcl": "s3:GetBucketAcl",
    "GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "GetBucketLocation": "s3:GetBucketLocation",
    "CopyObject": "s3:PutObject",
    "UploadPartCopy": "s3:PutObject",
    "DeleteObjects": "s3:DeleteObject",
    "GetObjectTagging": "s3:GetObjectTagging",
    "PutObjectTagging": "s3:PutObjectTagging",
    "DeleteObjectTagging": "s3:DeleteObjectTagging",
    "ListObjectVersions": "s3:ListBucketVersions",
    "DeleteBucket": "s3:DeleteBucket",
    "DeleteBucketPolicy": "s3:DeleteBucketPolicy",
}
"""The IAM action that each operation of this package needs. HEAD of either kind has none of its
own."""

_READS = (
    "If a version was asked for, it is s3:GetObjectVersion; if nothing is stored under the key, "
    "s3:ListBucket on {bucket_arn}."
)
_STORES = "With tags, s3:PutObjectTagging is needed too, and with a KMS key kms:GenerateDataKey."
_JOINS = "With a KMS key, kms:Decrypt is needed too."
_COPIES = (
    "Its source needs s3:GetObject, or s3:GetObjectVersion for a version of it; tags need "
    "s3:GetObjectTagging there and s3:PutObjectTagging here."
)


def _of_version(action: str) -> str:
    return f"If a version was named, it is {action} in its place."


OR_ELSE: Mapping[str, str] = {
    "HeadObject": _READS,
    "GetObject": _READS,
    "PutObject": _STORES,
    "CreateMultipartUpload": _STORES,
    "UploadPart": _JOINS,
    "CompleteMultipartUpload": _JOINS,
    "CopyObject": _COPIES,
    "UploadPartCopy": _COPIES,
    "DeleteObject": _of_version("s3:DeleteObjectVersion"),
    "DeleteObjects": _of_version("s3:DeleteObjectVersion"),
    "GetObjectTagging": _of_version("s3:GetObjectVersionTagging"),
    "PutObjectTagging": _of_version("s3:PutObjectVersionTagging"),
    "DeleteObjectTagging": _of_version("s3:DeleteObjectVersionTagging"),
}
"""What else a refused operation may lack, as a sentence: S3 does not always say."""

_ON_OBJECTS = frozenset(
    {
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:DeleteObjectTagging",
        "s3:DeleteObjectVersion",
        "s3:DeleteObjectVersionTagging",
        "s3:GetObject",
        "s3:GetObjectTagging",
        "s3:GetObjectVersion",
        "s3:GetObjectVersionTagging",
        "s3:ListMultipartUploadParts",
        "s3:PutObject",
        "s3:PutObjectTagging",
        "s3:PutObjectVersionTagging",
    }
)


def place_of(action: str) -> Place:
    """What the action is allowed on."""
    if action.startswith("kms:"):
        return "key of KMS"
    if action == "s3:ListAllMyBuckets":
        return "everything"
    return "object" if action in _ON_OBJECTS else "bucket"


class Refusal(NamedTuple):
    """What a refused call lacks."""

    action: str
    resource: str
    """An ARN."""
    also: str
    """A sentence on what it may be instead, where S3 has not said what it is."""
    is_explicit: bool
    """A policy denies it in so many words; none that allows it will help."""


# User Guide, "Troubleshoot access denied (403 Forbidden) errors in Amazon S3": S3 says so to
# callers of the bucket owner's own account or organisation, and to HEAD nobody says anything.
_SAID = re.compile(
    r"not authorized to perform: (?P<action>[a-z0-9-]+:\w+)"
    r'(?: on resource: (?:"(?P<quoted>[^"]+)"|(?P<bare>arn:\S+)))?'
)


def refusal_of(
    operation: str, said: str, *, bucket: str, key: str, partition: str = "aws"
) -> Refusal:
    """What S3's answer `said` to a call that it refused, and what the operation tells."""
    is_explicit = "with an explicit deny" in said
    bucket_arn = f"arn:{partition}:s3:::{bucket}"
    object_arn = f"{bucket_arn}/{key}" if key else bucket_arn
    found = _SAID.search(said)
    if found:
        action = found["action"]
        resource = found["quoted"] or found["bare"]
        own = bucket_arn if place_of(action) == "bucket" else object_arn
        return Refusal(action, resource or own, "", is_explicit)
    action = MISSING_PERMISSION.get(operation, f"s3:{operation}")
    also = OR_ELSE.get(operation, "").replace("{bucket_arn}", bucket_arn)
    # An operation outside the table is about what it was called with.
    if place_of(action) == "everything":
        return Refusal(action, "*", also, is_explicit)
    is_known_bucket = operation in MISSING_PERMISSION and place_of(action) == "bucket"
    return Refusal(action, bucket_arn if is_known_bucket else object_arn, also, is_explicit)


_PARTITION = "S3IntegrationPartition"


def tell_partition(client: Boto3Client) -> None:
    """Have every answer to this client tell which of AWS' worlds it came from."""
    partition = client.meta.partition

    def note(parsed: dict[str, Any], **_: object) -> None:
        note_partition(parsed, partition)

    if partition != "aws":  # what is understood where nobody says so
        client.meta.events.register("after-call.s3", note)


def note_partition(answer: dict[str, Any], partition: str) -> None:
    """Write into an answer which of AWS' worlds, whose name is in every ARN, it came from."""
    answer.setdefault("ResponseMetadata", {})[_PARTITION] = partition


def partition_of(metadata: Mapping[str, Any]) -> str:
    """The world that an answer with this metadata came from."""
    return str(metadata.get(_PARTITION, "aws"))
