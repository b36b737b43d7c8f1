"""The smallest IAM policy that lets a program do what it needs: pure, from a table.

The table says which IAM actions each call of this package needs, because of the requests that
it sends (`aws/permissions.py` knows those). Nothing here talks to S3.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, NoReturn, get_args

from s3_integration.aws.permissions import MISSING_PERMISSION, place_of
from s3_integration.bucket.controls import settings_of_new_buckets
from s3_integration.bucket.settings import SETTINGS
from s3_integration.bucket.statements import arn_of
from s3_integration.exceptions import S3ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

Feature = Literal[
    "read",
    "write",
    "delete",
    "list",
    "multipart",
    "resume",
    "copy",
    "versions",
    "restore",
    "tags",
    "presign",
    "bulk",
    "create",
    "audit",
    "secure",
    "kms",
]
"""What a program may be let do; `NEEDS` says by which calls."""

RECOMMENDED: tuple[Feature, ...] = ("read", "write", "delete", "list")
"""Enough for files in a bucket that is there."""


_NEW_BUCKET_ACTIONS = tuple(
    MISSING_PERMISSION[operation]
    for setting in settings_of_new_buckets()
    for operation in (setting.set_operation, setting.read_operation)
)

_READING_ACTIONS = tuple(MISSING_PERMISSION[each.read_operation] for each in SETTINGS.values())
_SETTING_ACTIONS = tuple(
    MISSING_PERMISSION[each.set_operation] for each in SETTINGS.values() if each.set_by
)

NEEDS: Mapping[Feature, Mapping[str, tuple[str, ...]]] = {
    # HEAD needs s3:GetObject. Without s3:ListBucket, S3 answers 403 where a key is missing
    # (API Reference, "HeadObject", Permissions), and nobody could tell that from a refusal.
    "read": {
        "download_file": ("s3:GetObject",),
        "file_info": ("s3:GetObject",),
        "read_bytes": ("s3:GetObject",),
        "open (to read)": ("s3:GetObject",),
        "file_exists": ("s3:GetObject", "s3:ListBucket"),
    },
    # HeadBucket, which needs s3:ListBucket, goes before the first upload unless
    # create_bucket=False.
    "write": {
        "upload_file": ("s3:PutObject", "s3:ListBucket"),
        "write_bytes": ("s3:PutObject", "s3:ListBucket"),
        "open (to write)": ("s3:PutObject", "s3:ListBucket"),
    },
    # It looks first, because S3 says the same of a key that was there and of one that was not.
    "delete": {"delete_file": ("s3:GetObject", "s3:DeleteObject", "s3:ListBucket")},
    "list": {
        "list_files": ("s3:ListBucket",),
        "iter_files": ("s3:ListBucket",),
        "list_folder": ("s3:ListBucket",),
    },
    # Starting, sending parts and completing are s3:PutObject. Who began an upload may abort it
    # unless a policy says otherwise; others' leftovers take the action (User Guide,
    # "Multipart upload API and permissions").
    "multipart": {
        "upload_file (large)": ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListBucket"),
        'upload_file (large, if_exists="fail")': (
            "s3:PutObject",
            "s3:AbortMultipartUpload",
            "s3:ListBucket",
        ),
        "bucket.abort_stale_uploads": (
            "s3:ListBucketMultipartUploads",
            "s3:AbortMultipartUpload",
        ),
    },
    "resume": {
        "upload_file (killed before)": (
            "s3:PutObject",
            "s3:AbortMultipartUpload",
            "s3:ListBucket",
            "s3:ListBucketMultipartUploads",
            "s3:ListMultipartUploadParts",
        ),
    },
    # HEAD tells what is copied and, of the copy, that it is one. Larger files go in parts,
    # which take tags only as a list, and so have to ask for them.
    "copy": {
        "copy_file": ("s3:GetObject", "s3:PutObject"),
        'copy_file (if_exists="fail")': ("s3:GetObject", "s3:PutObject"),
        "copy_file (larger than 5 GiB)": (
            "s3:GetObject",
            "s3:PutObject",
            "s3:AbortMultipartUpload",
            "s3:GetObjectTagging",
        ),
        "move_file": ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
    },
    # With a version, s3:GetObject does not count (API Reference, "GetObject", Permissions).
    "versions": {
        "list_versions": ("s3:ListBucketVersions",),
        "download_file (version_id)": ("s3:GetObjectVersion",),
        "file_info (version_id)": ("s3:GetObjectVersion",),
    },
    "restore": {
        "restore_file": (
            "s3:ListBucketVersions",
            "s3:GetObjectVersion",
            "s3:PutObject",
            "s3:GetObject",
        ),
    },
    # CopyObject takes the tags along, unless it may not: then it is refused (API Reference,
    # "CopyObject", Permissions).
    "tags": {
        "get_tags": ("s3:GetObjectTagging",),
        "get_tags (version_id)": ("s3:GetObjectVersionTagging",),
        "set_tags": ("s3:PutObjectTagging",),
        "upload_file (tags)": ("s3:PutObjectTagging",),
        "copy_file (with tags)": ("s3:GetObjectTagging", "s3:PutObjectTagging"),
        "restore_file (with tags)": ("s3:GetObjectVersionTagging", "s3:PutObjectTagging"),
    },
    # To make a link sends nothing. Whoever uses it may do what its maker may at that moment.
    "presign": {
        "presigned_download_url": ("s3:GetObject",),
        "presigned_upload_url": ("s3:PutObject",),
    },
    # Each file as by itself; deletes are sent together, and allowed or refused key by key.
    "bulk": {
        "upload_directory": ("s3:PutObject", "s3:ListBucket"),
        "upload_directory (delete_extra)": ("s3:PutObject", "s3:ListBucket", "s3:DeleteObject"),
        "download_directory": ("s3:GetObject", "s3:ListBucket"),
        "copy_directory": ("s3:GetObject", "s3:PutObject", "s3:ListBucket"),
        "delete_directory": ("s3:DeleteObject", "s3:ListBucket"),
    },
    # A bucket that cannot be made safe is removed again only where s3:DeleteBucket is allowed,
    # which is left out here: whoever has it can remove any bucket of that name that is empty.
    "create": {"bucket.ensure": ("s3:ListBucket", "s3:CreateBucket", *_NEW_BUCKET_ACTIONS)},
    "audit": {"bucket.audit": _READING_ACTIONS},
    # A bucket for access logs is another bucket: it takes a policy of its own. Asking AWS STS
    # who one is takes no permission (API Reference of AWS STS, "GetCallerIdentity").
    "secure": {"bucket.secure": ("s3:ListBucket", *_READING_ACTIONS, *_SETTING_ACTIONS)},
    # Parts are encrypted with a data key that S3 has to decrypt for each (User Guide, "Using
    # server-side encryption with AWS KMS keys"). What it comes on top of is not repeated.
    "kms": {
        "upload_file (SSE-KMS)": ("kms:GenerateDataKey", "kms:Decrypt"),
        "download_file (SSE-KMS)": ("kms:Decrypt",),
    },
}
"""By feature and call, the IAM actions that the call takes."""

_FIRST = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket")

_BY_PREFIX = frozenset({"s3:ListBucket", "s3:ListBucketVersions"})
"""The actions on a bucket that a condition can bind to keys (Service Authorization Reference:
the condition key s3:prefix)."""


def policy_document(
    bucket: str,
    features: Iterable[Feature] = RECOMMENDED,
    *,
    prefix: str = "",
    region: str = "",
    kms_key_id: str | None = None,
) -> dict[str, Any]:
    """The IAM policy that allows these features on that bucket, and nothing more.

    Args:
        bucket: the bucket's name.
        features: what is to be allowed.
        prefix: what all keys begin with that it is for; "" for all keys.
        region: where the bucket is; it tells the partition that ARNs begin with.
        kms_key_id: the key of AWS KMS that encrypts, where one was chosen.

    Raises:
        S3ConfigError: there is no such feature, or none was named.
    """
    actions = actions_of(features)
    partition = _partition_of(region)
    bucket_arn = arn_of(bucket, partition)
    objects_arn = f"{bucket_arn}/{_literal(prefix)}*"
    statements = _of_s3(actions, bucket_arn, objects_arn, prefix)
    if of_kms := [action for action in actions if place_of(action) == "key of KMS"]:
        # S3 gives the object's ARN, or the bucket's where bucket keys are on, as context.
        context = {"kms:EncryptionContext:aws:s3:arn": [bucket_arn, objects_arn]}
        key_arn = _key_arn(kms_key_id, partition, region)
        statements.append(_allow(of_kms, [key_arn], {"StringLike": context}))
    return {"Version": "2012-10-17", "Statement": statements}


def actions_of(features: Iterable[Feature]) -> list[str]:
    """The IAM actions that the features take, each once.

    Raises:
        S3ConfigError: there is no such feature, or none was named.
    """
    wanted = _checked(features)
    needed = {
        action for feature in wanted for actions in NEEDS[feature].values() for action in actions
    }
    # In one order whatever the features: policies are compared by people and programs.
    every = [action for row in NEEDS.values() for actions in row.values() for action in actions]
    return [action for action in dict.fromkeys([*_FIRST, *every]) if action in needed]


def _checked(features: Iterable[Feature]) -> list[Feature]:
    if isinstance(features, str) or not isinstance(features, Iterable):
        _refuse(features, "it has to be several names")
    wanted = list(features)
    if not wanted:
        _refuse(features, "it names none")
    for feature in wanted:
        if feature not in get_args(Feature):
            _refuse(features, f"there is no feature {feature!r}")
    return wanted


def _refuse(features: object, problem: str) -> NoReturn:
    raise S3ConfigError(
        f"The argument features={features!r} cannot be used: {problem}.",
        suggestion=f"Name some of {', '.join(get_args(Feature))}.",
    )


def _of_s3(
    actions: list[str], bucket_arn: str, objects_arn: str, prefix: str
) -> list[dict[str, Any]]:
    on_objects = [action for action in actions if place_of(action) == "object"]
    on_bucket = [action for action in actions if place_of(action) == "bucket"]
    if not prefix:
        places = [bucket_arn] * bool(on_bucket) + [objects_arn] * bool(on_objects)
        both = [action for action in actions if action in {*on_objects, *on_bucket}]
        return [_allow(both, places)] if both else []
    bound = [action for action in on_bucket if action in _BY_PREFIX]
    unbound = [action for action in on_bucket if action not in _BY_PREFIX]
    under_prefix = {"StringLike": {"s3:prefix": [f"{_literal(prefix)}*"]}}
    statements = [
        _allow(on_objects, [objects_arn]),
        _allow(bound, [bucket_arn], under_prefix),
        _allow(unbound, [bucket_arn]),
    ]
    return [statement for statement in statements if statement["Action"]]


def _allow(
    actions: list[str], resources: list[str], condition: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return statement | {"Condition": dict(condition)} if condition else statement


def _literal(prefix: str) -> str:
    """A prefix as policies write it: `*`, `?` and `$` stand for themselves.

    IAM User Guide, "IAM policy elements: Variables and tags", "Specifying special characters".
    """
    return "".join(f"${{{letter}}}" if letter in "*?$" else letter for letter in prefix)


# IAM User Guide, "Amazon Resource Names (ARNs)", and the regions of botocore's partitions.
_PARTITIONS = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
    ("eusc-", "aws-eusc"),
)


def _partition_of(region: str) -> str:
    return next((name for start, name in _PARTITIONS if region.startswith(start)), "aws")


def _key_arn(key_id: str | None, partition: str, region: str) -> str:
    if key_id and key_id.startswith("arn:") and ":key/" in key_id:
        return key_id
    # An alias is no resource of policies for the use of a key.
    name = key_id if key_id and "alias/" not in key_id else "*"
    return f"arn:{partition}:kms:{region or '*'}:*:key/{name}"
