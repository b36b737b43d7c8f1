"""How a control is set: pure functions, from a setting as it is to one as it has to be.

S3 replaces a setting as a whole, so each of them gives back everything that it was given
and that is not its control's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3_integration.bucket import rules, statements
from s3_integration.bucket.judgements import PUBLIC_ACCESS_BLOCKS

if TYPE_CHECKING:
    from s3_integration.bucket.settings import Document
    from s3_integration.bucket.wanted import Wanted


def block_public_access(blocks: Document, _wanted: Wanted) -> Document:
    """Switch all four blocks on."""
    return {**blocks, **dict.fromkeys(PUBLIC_ACCESS_BLOCKS, True)}


def block_all_but_public_acls(blocks: Document) -> Document:
    """Switch the other three on; see `exchange.soften_public_access`."""
    return {**blocks, **dict.fromkeys(PUBLIC_ACCESS_BLOCKS, True), "BlockPublicAcls": False}


def enforce_owner(_ownership: Document, _wanted: Wanted) -> Document:
    """Switch ACLs off; there is one rule only."""
    return {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def encrypt(encryption: Document, wanted: Wanted) -> Document:
    """Encrypt by the KMS key that was asked for, else by S3's own."""
    if not wanted.kms_key:
        return _with_encryption(encryption, {_DEFAULT: {"SSEAlgorithm": "AES256"}})
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": wanted.kms_key}
    return _with_encryption(encryption, {_DEFAULT: default, "BucketKeyEnabled": True})


def block_customer_keys(encryption: Document, _wanted: Wanted) -> Document:
    """Refuse writes by SSE-C; a rule has to say how to encrypt, too."""
    blocked = {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}
    if encryption.get("Rules"):
        return _with_encryption(encryption, blocked)
    return _with_encryption({}, {_DEFAULT: {"SSEAlgorithm": "AES256"}, **blocked})


_DEFAULT = "ApplyServerSideEncryptionByDefault"


def _with_encryption(encryption: Document, more: dict[str, Any]) -> Document:
    """The configuration with more in its rule; S3 has one rule only."""
    first, *others = encryption.get("Rules") or [{}]
    return {**encryption, "Rules": [{**first, **more}, *others]}


def keep_versions(versioning: Document, _wanted: Wanted) -> Document:
    """Switch versioning on."""
    return {**versioning, "Status": "Enabled"}


def deny_plain_http(policy: Document, wanted: Wanted) -> Document:
    """Add the statement that refuses what comes without TLS."""
    return statements.with_plain_http_denied(policy, wanted.bucket, wanted.partition)


def abort_unfinished(lifecycle: Document, wanted: Wanted) -> Document:
    """Add the rule that aborts unfinished uploads."""
    return rules.with_uploads_aborted(lifecycle, wanted.abort_unfinished_after_days)


def expire_old_versions(lifecycle: Document, wanted: Wanted) -> Document:
    """Add the rule that deletes old versions, where that was asked for."""
    days = wanted.expire_old_versions_after_days
    return lifecycle if days is None else rules.with_versions_expired(lifecycle, days)


def log_access(logging: Document, wanted: Wanted) -> Document:
    """Name the bucket for logs where one was given and none is named.

    Logs that go somewhere are somebody's, and stay as they are.
    """
    if wanted.logging_bucket is None or logging:
        return logging
    target = {
        "TargetBucket": wanted.logging_bucket,
        "TargetPrefix": statements.log_prefix(wanted.bucket),
    }
    return {**logging, "LoggingEnabled": target}
