"""Which IAM action each of S3's operations needs, on what, and what a refusal says of it.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3",
and the permissions named on each operation's page of the API Reference.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Place = Literal["bucket", "object", "key of KMS"]
"""What an action is allowed on: the ARN of the bucket, of objects in it, or of a KMS key."""


class Permission(NamedTuple):
    """What one operation needs."""

    action: str
    also: str = ""
    """What else may be missing where S3 does not say what is. It is a sentence with
    `{bucket_arn}` in it, or none."""


_READS = (
    "If a version was asked for, it is s3:GetObjectVersion; if nothing is stored under the key, "
    "s3:ListBucket on {bucket_arn}."
)
_STORES = "With tags, s3:PutObjectTagging is needed too, and with a KMS key kms:GenerateDataKey."
_COPIES = (
    "Its source needs s3:GetObject, or s3:GetObjectVersion for a version of it; tags need "
    "s3:GetObjectTagging there and s3:PutObjectTagging here."
)


def _of_version(action: str) -> str:
    return f"If a version was named, it is {action} in its place."


PERMISSIONS: Mapping[str, Permission] = {
    "HeadObject": Permission("s3:GetObject", _READS),
    "GetObject": Permission("s3:GetObject", _READS),
    "PutObject": Permission("s3:PutObject", _STORES),
    "CreateMultipartUpload": Permission("s3:PutObject", _STORES),
    "UploadPart": Permission("s3:PutObject", "With a KMS key, kms:Decrypt is needed too."),
    "CompleteMultipartUpload": Permission(
        "s3:PutObject", "With a KMS key, kms:Decrypt is needed too."
    ),
    "CopyObject": Permission("s3:PutObject", _COPIES),
    "UploadPartCopy": Permission("s3:PutObject", _COPIES),
    "AbortMultipartUpload": Permission("s3:AbortMultipartUpload"),
    "ListParts": Permission("s3:ListMultipartUploadParts"),
    "ListMultipartUploads": Permission("s3:ListBucketMultipartUploads"),
    "DeleteObject": Permission("s3:DeleteObject", _of_version("s3:DeleteObjectVersion")),
    "DeleteObjects": Permission("s3:DeleteObject", _of_version("s3:DeleteObjectVersion")),
    "GetObjectTagging": Permission(
        "s3:GetObjectTagging",
        _of_version("s3:GetObjectVersionTagging"),
    ),
    "PutObjectTagging": Permission(
        "s3:PutObjectTagging",
        _of_version("s3:PutObjectVersionTagging"),
    ),
    "DeleteObjectTagging": Permission(
        "s3:DeleteObjectTagging",
        _of_version("s3:DeleteObjectVersionTagging"),
    ),
    "ListObjectsV2": Permission("s3:ListBucket"),
    "ListObjectVersions": Permission("s3:ListBucketVersions"),
    "HeadBucket": Permission("s3:ListBucket"),
    "CreateBucket": Permission("s3:CreateBucket"),
    "DeleteBucket": Permission("s3:DeleteBucket"),
    "GetBucketLocation": Permission("s3:GetBucketLocation"),
    "PutPublicAccessBlock": Permission("s3:PutBucketPublicAccessBlock"),
    "GetPublicAccessBlock": Permission("s3:GetBucketPublicAccessBlock"),
    "PutBucketOwnershipControls": Permission("s3:PutBucketOwnershipControls"),
    "GetBucketOwnershipControls": Permission("s3:GetBucketOwnershipControls"),
    "PutBucketEncryption": Permission("s3:PutEncryptionConfiguration"),
    "GetBucketEncryption": Permission("s3:GetEncryptionConfiguration"),
    "PutBucketVersioning": Permission("s3:PutBucketVersioning"),
    "GetBucketVersioning": Permission("s3:GetBucketVersioning"),
    "PutBucketPolicy": Permission("s3:PutBucketPolicy"),
    "GetBucketPolicy": Permission("s3:GetBucketPolicy"),
    "DeleteBucketPolicy": Permission("s3:DeleteBucketPolicy"),
    "GetBucketPolicyStatus": Permission("s3:GetBucketPolicyStatus"),
    "GetBucketAcl": Permission("s3:GetBucketAcl"),
    "PutBucketLogging": Permission("s3:PutBucketLogging"),
    "GetBucketLogging": Permission("s3:GetBucketLogging"),
    "PutBucketLifecycleConfiguration": Permission("s3:PutLifecycleConfiguration"),
    "GetBucketLifecycleConfiguration": Permission("s3:GetLifecycleConfiguration"),
    "GetObjectLockConfiguration": Permission("s3:GetBucketObjectLockConfiguration"),
}
"""By operation. HEAD of either kind has no action of its own."""

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


def refusal_of(operation: str, said: str, *, bucket: str, key: str) -> Refusal:
    """What S3's answer `said` to a call that it refused, and what the operation tells."""
    is_explicit = "with an explicit deny" in said
    bucket_arn = f"arn:aws:s3:::{bucket}"
    object_arn = f"{bucket_arn}/{key}" if key else bucket_arn
    found = _SAID.search(said)
    if found:
        action = found["action"]
        resource = found["quoted"] or found["bare"]
        own = bucket_arn if place_of(action) == "bucket" else object_arn
        return Refusal(action, resource or own, "", is_explicit)
    action, also = PERMISSIONS.get(operation, Permission(f"s3:{operation}"))
    also = also.replace("{bucket_arn}", bucket_arn)
    # An operation outside the table is about what it was called with.
    is_known_bucket = operation in PERMISSIONS and place_of(action) == "bucket"
    return Refusal(action, bucket_arn if is_known_bucket else object_arn, also, is_explicit)
