"""The controls of a bucket: each one as data, for new buckets, for audits and for mending.

A control says why it is there, where AWS describes it, how much it matters, which setting
holds it, when that is right, and how the setting is made right. Nothing here talks to S3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from s3_integration.bucket import judgements, mending
from s3_integration.bucket.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3_integration.bucket.findings import Severity
    from s3_integration.bucket.judgements import Verdict
    from s3_integration.bucket.settings import Document, Setting, SettingName, Snapshot
    from s3_integration.bucket.wanted import Wanted

ForNewBuckets = Literal["always", "on AWS", "never"]
"""Whether buckets that this package makes get a control."""

_DO_IT = "Call bucket.secure()."


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One protection of a bucket."""

    name: str
    why: str
    source: str
    severity: Severity
    setting: SettingName
    judge: Callable[[Snapshot, Wanted], Verdict]
    """How the control stands, told by settings that could be read."""

    mend: Callable[[Document, Wanted], Document] | None = None
    """The setting as it has to be, with all in it that is not the control's business; None
    where the package only reports."""

    instead: SettingName | None = None
    """What tells almost as well where the server has not the setting."""

    next_step: str = _DO_IT
    for_new_buckets: ForNewBuckets = "never"


CONTROLS: tuple[Control, ...] = (
    Control(
        name="public access blocked",
        why="no policy or ACL, written by mistake, can open the bucket to everybody",
        source="User Guide, 'Blocking public access to your Amazon S3 storage'",
        severity="high",
        setting="public access block",
        judge=judgements.of_public_access,
        mend=mending.block_public_access,
        for_new_buckets="always",
    ),
    Control(
        name="owner enforced",
        why="the bucket's owner owns every object, and ACLs are off",
        source="User Guide, 'Controlling ownership of objects and disabling ACLs'",
        severity="medium",
        setting="ownership",
        judge=judgements.of_ownership,
        mend=mending.enforce_owner,
        for_new_buckets="always",
    ),
    Control(
        name="default encryption",
        why="what is stored is encrypted on S3's disks",
        source="User Guide, 'Setting default server-side encryption behavior for Amazon S3 "
        "buckets'",
        severity="high",
        setting="encryption",
        judge=judgements.of_encryption,
        mend=mending.encrypt,
        for_new_buckets="always",
    ),
    Control(
        name="SSE-C blocked",
        why="nobody can store objects under a key that is kept, or lost, outside AWS",
        source="User Guide, 'Blocking or unblocking SSE-C for a general purpose bucket'",
        severity="low",
        setting="encryption",
        judge=judgements.of_customer_keys,
        mend=mending.block_customer_keys,
        for_new_buckets="on AWS",
    ),
    Control(
        name="versioning",
        why="an overwritten or deleted file can be brought back",
        source="User Guide, 'Retaining multiple versions of objects with S3 Versioning'",
        severity="medium",
        setting="versioning",
        judge=judgements.of_versioning,
        mend=mending.keep_versions,
        for_new_buckets="always",
    ),
    Control(
        name="plain http denied",
        why="nobody can read or change files on their way",
        source="User Guide, 'Security best practices for Amazon S3'",
        severity="high",
        setting="policy",
        judge=judgements.of_plain_http,
        mend=mending.deny_plain_http,
        for_new_buckets="always",
    ),
    Control(
        name="no public policy",
        why="a public policy lets everybody in once public access is not blocked",
        source="User Guide, 'Blocking public access to your Amazon S3 storage', 'The meaning "
        'of "public"\'',
        severity="high",
        setting="policy status",
        instead="policy",
        judge=judgements.of_public_policy,
        next_step="Take the statements that allow everybody something out of the bucket's policy.",
    ),
    Control(
        name="no public ACL",
        why="an ACL for all users lets everybody in, unless public access is blocked",
        source="User Guide, 'Access control list (ACL) overview'",
        severity="high",
        setting="acl",
        judge=judgements.of_acl,
        next_step="Take the grants to AllUsers and AuthenticatedUsers out of the bucket's ACL.",
    ),
    Control(
        name="unfinished uploads aborted",
        why="parts of uploads that were never finished are not kept, and billed, for ever",
        source="User Guide, 'Configuring a bucket lifecycle configuration to delete incomplete "
        "multipart uploads'",
        severity="low",
        setting="lifecycle",
        judge=judgements.of_unfinished_uploads,
        mend=mending.abort_unfinished,
        for_new_buckets="always",
    ),
    Control(
        name="old versions expired",
        why="versions that nobody needs any more are not kept, and billed, for ever",
        source="User Guide, 'Lifecycle configuration elements', NoncurrentVersionExpiration",
        severity="low",
        setting="lifecycle",
        judge=judgements.of_old_versions,
        mend=mending.expire_old_versions,
        next_step="Call bucket.secure(expire_old_versions_after_days=90), or what suits.",
    ),
    Control(
        name="access logging",
        why="who read or changed what can be found out afterwards",
        source="User Guide, 'Logging requests with server access logging'",
        severity="medium",
        setting="logging",
        judge=judgements.of_logging,
        mend=mending.log_access,
        next_step="Call bucket.secure(logging_bucket=...) with a bucket for the logs.",
    ),
    Control(
        name="Object Lock",
        why="locked versions cannot be deleted by anybody until their time is over",
        source="User Guide, 'Locking objects with Object Lock'",
        severity="info",
        setting="object lock",
        judge=judgements.of_object_lock,
        next_step="",
    ),
    Control(
        name="MFA delete",
        why="versions can be deleted only with a code of the owner's device",
        source="User Guide, 'Configuring MFA delete'",
        severity="info",
        setting="versioning",
        judge=judgements.of_mfa_delete,
        next_step="",
    ),
)
"""In the order in which they are set and told."""


def new_bucket_controls(wanted: Wanted) -> tuple[Control, ...]:
    """Those that a bucket gets when this package makes it."""
    can_block_keys = wanted.server == "aws" and wanted.customer_keys == "blockable"
    chosen = {"always", "on AWS"} if can_block_keys else {"always"}
    return tuple(control for control in CONTROLS if control.for_new_buckets in chosen)


def settings_of_new_buckets() -> list[Setting]:
    """The settings that hold them, each once."""
    names = [control.setting for control in CONTROLS if control.for_new_buckets != "never"]
    return [SETTINGS[name] for name in dict.fromkeys(names)]
