"""S3's settings of a bucket: documents, each of which is read and replaced as a whole.

Nothing here talks to S3; `exchange.py` does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from s3_integration.aws.permissions import operation_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Document = dict[str, Any]
"""What a setting says, in the words of botocore's answers; a bucket policy as its JSON says it."""

SettingName = Literal[
    "public access block",
    "ownership",
    "encryption",
    "versioning",
    "policy",
    "policy status",
    "acl",
    "lifecycle",
    "logging",
    "object lock",
]

ReadingState = Literal["set", "unset", "refused", "unsupported"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading one setting."""

    state: ReadingState
    document: Document = field(default_factory=dict)
    told: str = ""
    """Why there is no document, in a few words."""
    next_step: str = ""
    unknown: tuple[str, ...] = ()
    """Elements of the setting that the document lacks: this botocore does not know them."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All settings of a bucket as they were read."""

    bucket: str
    readings: Mapping[SettingName, Reading]

    def with_reading(self, name: SettingName, reading: Reading) -> Snapshot:
        """The same with another reading of one setting."""
        return Snapshot(self.bucket, {**self.readings, name: reading})

    def document(self, name: SettingName) -> Document:
        """What the setting says; empty where it is not set or could not be read."""
        return self.readings[name].document


@dataclass(frozen=True, slots=True)
class Setting:
    """How one setting is read, understood and replaced.

    `read_by` and `set_by` are names of boto3 client methods; `arguments_of` makes those of
    the latter, beside `Bucket`.
    """

    name: SettingName
    read_by: str
    document_of: Callable[[Mapping[str, Any]], Document | None]
    """From the answer; None where it is no answer to this question, as rclone's, which takes
    the question for a listing, or Ceph's, which sends an empty element for what it has not."""
    unset_codes: tuple[str, ...] = ()
    """S3's error codes where nothing was ever set."""
    set_by: str = ""
    """"" where this package only looks."""
    arguments_of: Callable[[Document], Mapping[str, Any]] = dict

    @property
    def read_operation(self) -> str:
        """S3's name of the request that reads it."""
        return operation_of(self.read_by)

    @property
    def set_operation(self) -> str:
        """S3's name of the request that replaces it."""
        return operation_of(self.set_by)


def reading_of(setting: Setting, answer: Mapping[str, Any]) -> Reading:
    """What an answer of S3 says of a setting."""
    document = setting.document_of(answer)
    if document is None:
        return Reading("unsupported", told="this server does not know it")
    return Reading("set" if document else "unset", document)


def believable(readings: Mapping[SettingName, Reading]) -> Mapping[SettingName, Reading]:
    """The readings without those that mean nothing.

    A server that answers no policy where one is asked for, and no error either, knows no
    settings: rclone's lists the bucket instead. Its empty answers are not "not set".
    """
    if readings["policy"].state != "unsupported":
        return readings
    told = readings["policy"].told
    return {
        name: Reading("unsupported", told=told) if reading.state == "unset" else reading
        for name, reading in readings.items()
    }


def _within(outer: str, inner: str) -> Callable[[Mapping[str, Any]], Document | None]:
    def document_of(answer: Mapping[str, Any]) -> Document | None:
        document = answer.get(outer, {})
        return dict(document) if inner in document else None

    return document_of


def _having(wanted: str, *names: str) -> Callable[[Mapping[str, Any]], Document | None]:
    def document_of(answer: Mapping[str, Any]) -> Document | None:
        document = {name: answer[name] for name in (wanted, *names) if name in answer}
        return document if wanted in document else None

    return document_of


def _any_of(*names: str) -> Callable[[Mapping[str, Any]], Document | None]:
    return lambda answer: {name: answer[name] for name in names if name in answer}


def _policy_of(answer: Mapping[str, Any]) -> Document | None:
    try:
        policy = json.loads(answer.get("Policy", ""))
    except (ValueError, RecursionError):  # no JSON, or far too deep
        return None
    return policy if isinstance(policy, dict) else None


def _put_lifecycle(document: Document) -> Mapping[str, Any]:
    # Left out, S3 sets it to its default (API Reference, "PutBucketLifecycleConfiguration").
    size = "TransitionDefaultMinimumObjectSize"
    kept = {size: document[size]} if size in document else {}
    return {"LifecycleConfiguration": {"Rules": document["Rules"]}, **kept}


def not_set(bucket: str) -> Snapshot:
    """The settings of a bucket that nobody has ever set anything of."""
    return Snapshot(bucket, dict.fromkeys(SETTINGS, Reading("unset")))


SETTINGS: Mapping[SettingName, Setting] = {
    setting.name: setting
    for setting in (
        Setting(
            "public access block",
            read_by="get_public_access_block",
            document_of=_within("PublicAccessBlockConfiguration", "BlockPublicAcls"),
            unset_codes=("NoSuchPublicAccessBlockConfiguration",),
            set_by="put_public_access_block",
            arguments_of=lambda document: {"PublicAccessBlockConfiguration": document},
        ),
        Setting(
            "ownership",
            read_by="get_bucket_ownership_controls",
            document_of=_within("OwnershipControls", "Rules"),
            unset_codes=("OwnershipControlsNotFoundError",),
            set_by="put_bucket_ownership_controls",
            arguments_of=lambda document: {"OwnershipControls": document},
        ),
        Setting(
            "encryption",
            read_by="get_bucket_encryption",
            document_of=_within("ServerSideEncryptionConfiguration", "Rules"),
            unset_codes=("ServerSideEncryptionConfigurationNotFoundError",),
            set_by="put_bucket_encryption",
            arguments_of=lambda document: {"ServerSideEncryptionConfiguration": document},
        ),
        Setting(
            "versioning",
            read_by="get_bucket_versioning",
            document_of=_any_of("Status", "MFADelete"),
            set_by="put_bucket_versioning",
            # MFADelete may only be named together with a code of the owner's device; left
            # out, it stays as it is (API Reference, "PutBucketVersioning").
            arguments_of=lambda document: {
                "VersioningConfiguration": {"Status": document["Status"]}
            },
        ),
        Setting(
            "policy",
            read_by="get_bucket_policy",
            document_of=_policy_of,
            unset_codes=("NoSuchBucketPolicy",),
            set_by="put_bucket_policy",
            arguments_of=lambda document: {"Policy": json.dumps(document)},
        ),
        Setting(
            "policy status",
            read_by="get_bucket_policy_status",
            document_of=_within("PolicyStatus", "IsPublic"),
            unset_codes=("NoSuchBucketPolicy",),
        ),
        Setting("acl", read_by="get_bucket_acl", document_of=_having("Owner", "Grants")),
        Setting(
            "lifecycle",
            read_by="get_bucket_lifecycle_configuration",
            document_of=_having("Rules", "TransitionDefaultMinimumObjectSize"),
            unset_codes=("NoSuchLifecycleConfiguration",),
            set_by="put_bucket_lifecycle_configuration",
            arguments_of=_put_lifecycle,
        ),
        Setting(
            "logging",
            read_by="get_bucket_logging",
            document_of=_any_of("LoggingEnabled"),
            set_by="put_bucket_logging",
            arguments_of=lambda document: {"BucketLoggingStatus": document},
        ),
        Setting(
            "object lock",
            read_by="get_object_lock_configuration",
            document_of=_within("ObjectLockConfiguration", "ObjectLockEnabled"),
            unset_codes=("ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration"),
        ),
    )
}
