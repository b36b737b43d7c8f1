"""When a control holds: one pure function for each, from settings to a verdict and a fact.

They are asked only about settings that could be read; an unset one is empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from s3_integration.bucket import rules, statements

if TYPE_CHECKING:
    from s3_integration.bucket.findings import FindingStatus
    from s3_integration.bucket.settings import Snapshot
    from s3_integration.bucket.wanted import Wanted

PUBLIC_ACCESS_BLOCKS = (
    "BlockPublicAcls",
    "IgnorePublicAcls",
    "BlockPublicPolicy",
    "RestrictPublicBuckets",
)

_EVERYBODY = (
    "http://acs.amazonaws.com/groups/global/AllUsers",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
)
_ENCRYPTIONS = {
    "AES256": "AES-256",
    "aws:kms": "KMS",
    "aws:kms:dsse": "KMS, two layers",
}


class Verdict(NamedTuple):
    """How a control stands, and what the bucket's setting says."""

    status: FindingStatus
    fact: str
    next_step: str = ""
    """Where it is not the control's own."""


def of_public_access(snapshot: Snapshot, wanted: Wanted) -> Verdict:
    """All four blocks have to be on."""
    blocks = snapshot.document("public access block")
    off = [name for name in PUBLIC_ACCESS_BLOCKS if not blocks.get(name)]
    if not off:
        return Verdict("ok", "all four blocks are on")
    if len(off) == len(PUBLIC_ACCESS_BLOCKS):
        return Verdict("missing", "nothing is blocked")
    if off == ["BlockPublicAcls"] and wanted.server == "other":
        # Where secure() and new buckets leave it off; on AWS it works.
        return Verdict(
            "unsupported", "all but BlockPublicAcls, under which some refuse every write"
        )
    return Verdict("wrong", f"off: {', '.join(off)}")


def of_ownership(snapshot: Snapshot, _wanted: Wanted) -> Verdict:
    """ACLs have to be off."""
    found = [
        rule.get("ObjectOwnership") for rule in snapshot.document("ownership").get("Rules", [])
    ]
    if not found:
        return Verdict("missing", "never set")
    is_enforced = found == ["BucketOwnerEnforced"]
    return Verdict("ok" if is_enforced else "wrong", ", ".join(map(str, found)))


def of_encryption(snapshot: Snapshot, wanted: Wanted) -> Verdict:
    """New objects have to be encrypted, and by the key that was asked for."""
    rule = _encryption_rule(snapshot)
    default = rule.get("ApplyServerSideEncryptionByDefault", {})
    algorithm = default.get("SSEAlgorithm")
    if algorithm is None:
        return Verdict("missing", "none")
    if algorithm not in _ENCRYPTIONS:
        return Verdict("wrong", str(algorithm))
    key, has_bucket_key = default.get("KMSMasterKeyID", ""), rule.get("BucketKeyEnabled", False)
    told = " ".join(filter(None, (_ENCRYPTIONS[algorithm], key)))
    if wanted.kms_key and not (_is_same_key(key, wanted.kms_key) and has_bucket_key):
        return Verdict("wrong", f"{told}, not bucket keys of {wanted.kms_key}")
    return Verdict("ok", f"{told} with bucket keys" if key and has_bucket_key else told)


def _is_same_key(found: str, wanted: str) -> bool:
    """Whether two names are of one key: one may be an ARN, and the other what it ends with."""
    if found.startswith("arn:") and wanted.startswith("arn:"):
        return found == wanted
    short, shorter = (name.rpartition(":")[2].removeprefix("key/") for name in (found, wanted))
    return short == shorter


def of_customer_keys(snapshot: Snapshot, wanted: Wanted) -> Verdict:
    """Writes by SSE-C have to be refused, unless this client lives on them."""
    blocked = _encryption_rule(snapshot).get("BlockedEncryptionTypes", {})
    if "SSE-C" in blocked.get("EncryptionType", []):
        return Verdict("ok", "SSE-C is refused")
    if wanted.customer_keys == "in use":
        return Verdict("off", "SSE-C is allowed, and this client uses it")
    if wanted.customer_keys == "unknown":
        told = "this botocore cannot ask for it"
        return Verdict("unsupported", told, "Install a newer boto3, then call bucket.secure().")
    if wanted.server == "other" and not blocked:
        return Verdict("unsupported", "the server says nothing of it")
    return Verdict("missing", "SSE-C is allowed")


def _encryption_rule(snapshot: Snapshot) -> dict[str, Any]:
    found: list[dict[str, Any]] = snapshot.document("encryption").get("Rules", [])
    return found[0] if found else {}


def of_versioning(snapshot: Snapshot, _wanted: Wanted) -> Verdict:
    """Versions have to be kept."""
    status = snapshot.document("versioning").get("Status")
    if status is None:
        return Verdict("missing", "never switched on")
    return Verdict("ok" if status == "Enabled" else "wrong", str(status).lower())


def of_mfa_delete(snapshot: Snapshot, _wanted: Wanted) -> Verdict:
    """Told only: the account's root user alone may change it."""
    is_on = snapshot.document("versioning").get("MFADelete") == "Enabled"
    return Verdict("ok", "on") if is_on else Verdict("off", "off")


def of_plain_http(snapshot: Snapshot, wanted: Wanted) -> Verdict:
    """A statement has to refuse everybody everything without TLS."""
    policy = snapshot.document("policy")
    if statements.denies_plain_http(policy, wanted.bucket, wanted.partition):
        return Verdict("ok", "the policy denies it")
    if wanted.plain_http == "in use":
        told = "this endpoint is plain http itself"
        return Verdict("unsupported", told, "Use an https endpoint, then call bucket.secure().")
    if wanted.plain_http == "mocked":
        return Verdict("unsupported", "moto would refuse every write")
    return Verdict("missing", "the policy does not deny it" if policy else "there is no policy")


def of_public_policy(snapshot: Snapshot, _wanted: Wanted) -> Verdict:
    """No statement may let everybody in, by S3's own judgement where there is one."""
    status, policy = snapshot.document("policy status"), snapshot.document("policy")
    if status.get("IsPublic", statements.lets_everybody_in(policy)):
        return Verdict("wrong", "the policy is public")
    is_known = snapshot.readings["policy"].state in {"set", "unset"}
    told = "there is no policy" if is_known and not policy else "the policy is not public"
    return Verdict("ok", told)


def of_acl(snapshot: Snapshot, _wanted: Wanted) -> Verdict:
    """No grant may be to everybody, or to everybody with an AWS account."""
    grants = snapshot.document("acl").get("Grants", [])
    given = [
        f"{grant.get('Permission')} to {uri.rpartition('/')[2]}"
        for grant in grants
        if (uri := grant.get("Grantee", {}).get("URI", "")) in _EVERYBODY
    ]
    return Verdict("wrong", ", ".join(given)) if given else Verdict("ok", "nothing is public")


def of_unfinished_uploads(snapshot: Snapshot, wanted: Wanted) -> Verdict:
    """A rule has to abort them soon enough, whatever their keys."""
    return _within_days(
        rules.days_until_aborted(snapshot.document("lifecycle")),
        wanted.abort_unfinished_after_days,
    )


def of_old_versions(snapshot: Snapshot, wanted: Wanted) -> Verdict:
    """They are deleted only where somebody asked for that."""
    days = rules.days_until_expired(snapshot.document("lifecycle"))
    if wanted.expire_old_versions_after_days is None:
        return Verdict("off", "kept for ever") if days is None else Verdict("ok", _after(days))
    return _within_days(days, wanted.expire_old_versions_after_days)


def _within_days(found: int | None, wanted: int) -> Verdict:
    if found is None:
        return Verdict("missing", "no rule")
    return Verdict("ok" if found <= wanted else "wrong", _after(found))


def _after(days: int) -> str:
    return f"after {days} day{'' if days == 1 else 's'}"


def of_logging(snapshot: Snapshot, wanted: Wanted) -> Verdict:
    """Requests have to be logged, into another bucket; one that takes logs need not be."""
    target = snapshot.document("logging").get("LoggingEnabled", {}).get("TargetBucket")
    if target == wanted.bucket:
        told = "into itself: each log makes another one"
        return Verdict("wrong", told, "Change the bucket's logging by hand.")
    if target and wanted.logging_bucket not in {None, target}:
        by_hand = "Leave logging_bucket out; or, if nobody needs those logs, change it by hand."
        return Verdict("wrong", f"into {target}", by_hand)
    if target:
        return Verdict("ok", f"into {target}")
    if statements.takes_logs(snapshot.document("policy")) and not wanted.logging_bucket:
        return Verdict("off", "none: it takes logs of others itself")
    return Verdict("missing", "none")


def of_object_lock(snapshot: Snapshot, _wanted: Wanted) -> Verdict:
    """Told only: it cannot be undone."""
    lock = snapshot.document("object lock")
    if lock.get("ObjectLockEnabled") != "Enabled":
        return Verdict("off", "off")
    default = lock.get("Rule", {}).get("DefaultRetention", {})
    unit = next((unit for unit in ("Days", "Years") if unit in default), "")
    kept = f", {default.get('Mode')} for {default[unit]} {unit.lower()}" if unit else ""
    return Verdict("ok", f"on{kept}")
