"""The controls that every bucket made by this package gets: each one as data.

A control says why it is there, where AWS describes it, how it is set and read, and when
what was read is right. Nothing here talks to S3.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ABORT_UNFINISHED_AFTER_DAYS = 7

_PUBLIC_ACCESS_BLOCKS = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
_OWNERSHIP = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
_ENCRYPTION = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
_LIFECYCLE = {
    "Rules": [
        {
            "ID": "abort-unfinished-uploads",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": ABORT_UNFINISHED_AFTER_DAYS},
        }
    ]
}


@dataclass(frozen=True, slots=True)
class Control:
    """One protection of a bucket.

    `set_by` and `read_by` are names of boto3 client methods; `arguments` are those of the
    first beside `Bucket`, `holds` judges the answer of the second.
    """

    name: str
    why: str
    source: str
    set_by: str
    read_by: str
    arguments: Callable[[str], Mapping[str, Any]]
    holds: Callable[[Mapping[str, Any], str], bool]

    milder: Mapping[str, Any] | None = None
    """Arguments for servers on which the full ones refuse every write afterwards."""

    needs_https: bool = False
    """It would lock out a client whose endpoint is plain http."""

    undone_by: str = ""
    """The method that takes it back where moto answers in AWS' place: it reads policies without
    their conditions, and so would refuse every write (measured with 5.2)."""


def deny_plain_http(bucket: str) -> dict[str, Any]:
    """A bucket policy that refuses every request that does not come by TLS."""
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "DenyPlainHttp",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": resources,
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def _encrypts(answer: Mapping[str, Any]) -> bool:
    rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    defaults = [rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in rules]
    return any(default.get("SSEAlgorithm") == "AES256" for default in defaults)


def _policy_of(answer: Mapping[str, Any]) -> Any:
    try:
        return json.loads(answer.get("Policy", ""))
    except ValueError:
        return None


def _aborts(answer: Mapping[str, Any]) -> bool:
    key, wanted = "AbortIncompleteMultipartUpload", ABORT_UNFINISHED_AFTER_DAYS
    return any(
        rule.get("Status") == "Enabled" and rule.get(key, {}).get("DaysAfterInitiation") == wanted
        for rule in answer.get("Rules", [])
    )


BASELINE: tuple[Control, ...] = (
    Control(
        name="public access blocked",
        why="no policy or ACL, written by mistake, can open the bucket to everybody",
        source="User Guide, 'Blocking public access to your Amazon S3 storage'",
        set_by="put_public_access_block",
        read_by="get_public_access_block",
        arguments=lambda _: {"PublicAccessBlockConfiguration": _PUBLIC_ACCESS_BLOCKS},
        holds=lambda answer, _: answer.get("PublicAccessBlockConfiguration")
        == _PUBLIC_ACCESS_BLOCKS,
        # Ceph 16 answers 403 to every PUT of an object, its owner's too, once public ACLs are
        # blocked (measured with 16.2.15).
        milder={
            "PublicAccessBlockConfiguration": {**_PUBLIC_ACCESS_BLOCKS, "BlockPublicAcls": False}
        },
    ),
    Control(
        name="owner enforced",
        why="the bucket's owner owns every object, and ACLs are off",
        source="User Guide, 'Controlling ownership of objects and disabling ACLs'",
        set_by="put_bucket_ownership_controls",
        read_by="get_bucket_ownership_controls",
        arguments=lambda _: {"OwnershipControls": _OWNERSHIP},
        holds=lambda answer, _: answer.get("OwnershipControls") == _OWNERSHIP,
    ),
    Control(
        name="encryption (AES-256)",
        why="what is stored is encrypted on S3's disks",
        source="User Guide, 'Using server-side encryption with Amazon S3 managed keys (SSE-S3)'",
        set_by="put_bucket_encryption",
        read_by="get_bucket_encryption",
        arguments=lambda _: {"ServerSideEncryptionConfiguration": _ENCRYPTION},
        holds=lambda answer, _: _encrypts(answer),
    ),
    Control(
        name="versioning",
        why="an overwritten or deleted file can be brought back",
        source="User Guide, 'Retaining multiple versions of objects with S3 Versioning'",
        set_by="put_bucket_versioning",
        read_by="get_bucket_versioning",
        arguments=lambda _: {"VersioningConfiguration": {"Status": "Enabled"}},
        holds=lambda answer, _: answer.get("Status") == "Enabled",
    ),
    Control(
        name="plain http denied",
        why="nobody can read or change files on their way",
        source="User Guide, 'Security best practices for Amazon S3'",
        set_by="put_bucket_policy",
        read_by="get_bucket_policy",
        arguments=lambda bucket: {"Policy": json.dumps(deny_plain_http(bucket))},
        holds=lambda answer, bucket: _policy_of(answer) == deny_plain_http(bucket),
        needs_https=True,
        undone_by="delete_bucket_policy",
    ),
    Control(
        name="unfinished uploads aborted",
        why="parts of uploads that were never finished are not kept, and billed, for ever",
        source="User Guide, 'Configuring a bucket lifecycle configuration to delete incomplete "
        "multipart uploads'",
        set_by="put_bucket_lifecycle_configuration",
        read_by="get_bucket_lifecycle_configuration",
        arguments=lambda _: {"LifecycleConfiguration": _LIFECYCLE},
        holds=lambda answer, _: _aborts(answer),
    ),
)
