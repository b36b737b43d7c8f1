"""From what was found to a verdict: identity, bucket, permissions, protection. All pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from s3_integration.aws.probes import is_refused_for_its_signature
from s3_integration.doctor.report import Verdict
from s3_integration.exceptions import (
    S3AccessDeniedError,
    S3BucketError,
    S3CredentialsError,
    S3IntegrationError,
)

if TYPE_CHECKING:
    from s3_integration.aws.probes import Identity, Ownership, Question, Reply
    from s3_integration.bucket.findings import Finding
    from s3_integration.doctor.report import HealthStatus
    from s3_integration.doctor.writing import Written


_TRY_WRITING = "'s3i doctor --write' finds out."


class BucketFound(NamedTuple):
    """What is known of the bucket."""

    name: str
    error: S3IntegrationError | None
    """Of the first request to it; None where it was answered."""
    ownership: Ownership
    may_create: bool


class RegionFound(NamedTuple):
    """Where the bucket is, and where the settings say that it is."""

    of_settings: str
    of_bucket: str
    """"" where S3 does not tell."""
    error: S3IntegrationError | None
    """Of the first request to the bucket."""


def judge_signature(reply: Reply) -> Verdict:
    """Whether S3 knows the credentials, whatever they allow."""
    error = reply.error
    if error is None or not is_refused_for_its_signature(error):
        return _not_refused(error)
    return Verdict("failed", _sentence(error), error.suggestion)


def _not_refused(error: S3IntegrationError | None) -> Verdict:
    if error is None or error.http_status:
        return Verdict("ok", "S3 accepts them")
    return Verdict("failed", _sentence(error), error.suggestion)


def judge_identity(found: tuple[Identity, str]) -> Verdict:
    """Who it is that asks."""
    identity, access_key_id = found
    if identity.name:
        return Verdict("ok", identity.name)
    return Verdict("ok", f"whoever has the access key id {access_key_id}; the server does not tell")


def judge_bucket(found: BucketFound) -> Verdict:
    """Whether the bucket is there, and whose it is."""
    error = found.error
    if isinstance(error, S3BucketError) and (error.http_status == 404):
        return _judge_missing(found)
    if isinstance(error, S3BucketError):
        return Verdict("failed", _sentence(error), error.suggestion)
    if found.ownership == "someone else's":
        return Verdict(
            "warning",
            f"{found.name!r} is there, and someone else's",
            "Make sure that it is the bucket that you mean before you store anything in it.",
        )
    if isinstance(error, S3AccessDeniedError):
        told = f"{found.name!r} may not be looked at: it is someone else's, or see below"
        return Verdict("warning", told, error.suggestion)
    if error is not None:
        return Verdict("failed", _sentence(error), error.suggestion)
    whose = "yours" if found.ownership == "yours" else "whose it is cannot be told"
    return Verdict("ok", f"{found.name!r} is there, {whose}")


def _judge_missing(found: BucketFound) -> Verdict:
    told = f"{found.name!r} does not exist"
    if found.may_create:
        next_step = "The first upload creates it; check the name if you expected it to be there."
        return Verdict("warning", told, next_step)
    return Verdict("failed", told, "Check the bucket's name, or let an upload create it.")


def judge_region(found: RegionFound) -> Verdict:
    """Whether the settings name the bucket's region."""
    if not found.of_bucket:
        return Verdict("ok", f"{found.of_settings}; the server does not tell the bucket's")
    if found.of_bucket == found.of_settings:
        return Verdict("ok", f"the bucket is in {found.of_bucket}, as the settings say")
    told = f"the bucket is in {found.of_bucket}, but the settings say {found.of_settings}"
    next_step = f"Set region (AWS_REGION) to {found.of_bucket}."
    is_refused = isinstance(found.error, S3BucketError | S3CredentialsError)
    return Verdict("failed" if is_refused else "warning", told, next_step)


def judge_permission(reply: Reply) -> Verdict:
    """Whether one request is allowed."""
    question, error = reply.question, reply.error
    if error is None or error.code in question.granted_by:
        return Verdict("ok", f"{question.action} is allowed")
    if isinstance(error, S3AccessDeniedError):
        status: HealthStatus = "failed" if question.needed == "always" else "warning"
        return Verdict(status, f"{question.action} is missing", _what_to_allow(question, error))
    if error.http_status in {400, 404, 405} or error.http_status >= 500:
        told = f"this server does not tell (it says {error.code})"
        return Verdict("warning", told, _TRY_WRITING if question.is_shown_by_writing else "")
    return Verdict("warning", _sentence(error), error.suggestion)


def judge_read_permission(found: tuple[Reply, Reply]) -> Verdict:
    """Whether reading is allowed: a missing key is a refusal to who may not list."""
    listing, reading = found
    if isinstance(listing.error, S3AccessDeniedError) and isinstance(
        reading.error, S3AccessDeniedError
    ):
        return Verdict(
            "warning",
            "cannot be told: without s3:ListBucket, S3 refuses to speak of missing keys",
            _what_to_allow(reading.question, reading.error),
        )
    return judge_permission(reading)


def _what_to_allow(question: Question, error: S3AccessDeniedError) -> str:
    """What a refusal suggests, for all keys: nobody needs the one that was tried."""
    told = error.suggestion.replace(f"/{error.key} ", "/* ") if error.key else error.suggestion
    if question.asks_for_version:
        told = told.replace("Allow s3:GetObject on", f"Allow {question.action} on")
    return told


def judge_protection(problems: tuple[Finding, ...]) -> Verdict:
    """What the bucket lacks of the baseline."""
    if not problems:
        return Verdict("ok", "the audit of the bucket finds nothing missing")
    may_be_mended = any(finding.status in {"missing", "wrong"} for finding in problems)
    mend = ", mend with 's3i bucket secure'" if may_be_mended else ""
    return Verdict(
        "warning",
        f"missing, or not to be seen: {', '.join(finding.control for finding in problems)}",
        f"Look with 's3i bucket audit'{mend}.",
    )


def judge_writing(found: Written) -> Verdict:
    """What a real write came to."""
    told = "stored, read back and deleted"
    told += {
        "obeyed": "; If-None-Match is obeyed",
        "overlooked": "; If-None-Match is overlooked",
        "unknown": "",
    }[found.conditional_writes]
    if found.left_behind:
        return Verdict(
            "warning",
            f"{told}; old versions of {found.key!r} stay",
            "Allow s3:ListBucketVersions and s3:DeleteObjectVersion, or let a lifecycle rule "
            "remove them.",
        )
    if found.conditional_writes == "overlooked":
        return Verdict(
            "warning",
            told,
            "Do not rely on if_exists='fail' where two programs write at the same moment.",
        )
    return Verdict("ok", told)


def _sentence(error: S3IntegrationError) -> str:
    return error.message.rstrip(".")
