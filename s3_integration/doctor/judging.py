"""From what was found to a verdict: settings, credentials, and the way to S3. All pure."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from s3_integration.aws.clock import TOLERANCE, offset_of
from s3_integration.doctor.report import Verdict
from s3_integration.endpoints import is_loopback_url
from s3_integration.transfer.contact import speaks_s3

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from s3_integration.aws.endpoints import EndpointProfile
    from s3_integration.aws.session import Way
    from s3_integration.config import Settings
    from s3_integration.transfer.contact import Contact, Tls

_CLOCK_WARNING = dt.timedelta(minutes=1)
"""A clock that is kept by NTP is off by milliseconds."""

_CERTIFICATE_WARNING = dt.timedelta(days=14)
_SLOW_SECONDS = 0.5
"""A request around the world takes 0.3 s."""

_SOURCES = {
    "env": "the environment",
    "shared-credentials-file": "the shared credentials file",
    "config-file": "the AWS config file",
    "custom-process": "a program that the profile names (credential_process)",
    "assume-role": "a role that the profile assumes",
    "assume-role-with-web-identity": "a role by web identity",
    "sso": "single sign-on (SSO)",
    "login": "'aws login'",
    "container-role": "the container's role",
    "iam-role": "the instance's role",
}
"""What botocore calls each source, and what it is."""


class Identification(NamedTuple):
    """Which credentials won the search."""

    source: str
    """botocore's name of it, or ours."""
    access_key_id: str
    looked_at_before: Sequence[str]


class Validity(NamedTuple):
    """How long credentials are good."""

    ends: dt.datetime | None
    is_temporary: bool
    now: dt.datetime


def judge_settings(found: tuple[Settings, Way]) -> Verdict:
    """What is asked for."""
    settings, way = found
    mocked = "; moto answers in S3's place" if way.is_mocked else ""
    told = f"bucket {settings.bucket_name!r}, region {way.region}, engine {settings.engine}"
    return Verdict("ok", told + mocked)


def judge_secret_files(exposed: Sequence[Path]) -> Verdict:
    """Whether others may read the files that hold secrets."""
    if not exposed:
        return Verdict("ok", "no file with credentials can be read by other users")
    names = ", ".join(repr(str(path)) for path in exposed)
    command = " ".join(f"'{path}'" for path in exposed)
    return Verdict("warning", f"other users may read {names}", f"Run: chmod 600 {command}")


def judge_credentials(found: Identification) -> Verdict:
    """Which source won."""
    source = _SOURCES.get(found.source, found.source)
    before = "; ".join(found.looked_at_before)
    looked = f"; looked at before: {before}" if before else ""
    return Verdict("ok", f"from {source}, access key id {found.access_key_id}{looked}")


def judge_expiry(found: Validity) -> Verdict:
    """Until when they are good."""
    if found.ends is None:
        fact = "temporary, until when is not told" if found.is_temporary else "they do not expire"
        return Verdict("ok", fact)
    told = f"{found.ends.astimezone(dt.UTC):%Y-%m-%d %H:%M:%SZ}"
    if found.ends <= found.now:
        next_step = "Sign in again or fetch new temporary credentials."
        return Verdict("failed", f"they expired at {told}", next_step)
    return Verdict("ok", f"good until {told}, renewed before")


def judge_endpoint(found: tuple[Way, EndpointProfile]) -> Verdict:
    """Where requests go, and what is known of the server there."""
    way, profile = found
    kind = {"aws": "Amazon S3", "cloudflare r2": "Cloudflare R2", "unknown": "not AWS"}
    told = {
        "If-None-Match": profile.conditional_writes,
        "encryption": profile.encryption,
        "checksums": profile.checksums,
    }
    sure = [name for name, state in told.items() if state != "unproven"]
    unsure = [name for name, state in told.items() if state == "unproven"]
    parts = [f"sure of {', '.join(sure)}"] if sure else []
    parts += [f"{', '.join(unsure)}: tried before they are relied on"] if unsure else []
    return Verdict("ok", f"{way.endpoint_url} ({kind[profile.name]}; {'; '.join(parts)})")


def judge_contact(found: Contact) -> Verdict:
    """Whether something answers there that speaks S3."""
    through = f" through the proxy {found.proxy}" if found.proxy else ""
    answered = f"answered HTTP {found.status} in {found.seconds * 1000:.0f} ms{through}"
    if speaks_s3(found):
        return Verdict("ok", answered)
    return Verdict(
        "failed",
        f"{answered}, but not as S3 does",
        "Correct endpoint_url (AWS_ENDPOINT_URL_S3): something else than S3 is there, or a "
        "proxy answers in its place.",
    )


def judge_tls(found: tuple[Tls | None, str, dt.datetime]) -> Verdict:
    """How the way is protected."""
    tls, endpoint_url, now = found
    if tls is None:
        return _judge_plain_http(endpoint_url)
    told = f"{tls.version}, certificate by {tls.issuer or 'an unnamed authority'}"
    if tls.ends is None:
        return Verdict("ok", told)
    left = tls.ends - now
    told += f", good until {tls.ends:%Y-%m-%d}"
    if left > _CERTIFICATE_WARNING:
        return Verdict("ok", told)
    return Verdict("warning", told, "Let whoever runs the server renew its certificate.")


def _judge_plain_http(endpoint_url: str) -> Verdict:
    if is_loopback_url(endpoint_url):
        return Verdict("ok", "none: the server is on this machine")
    return Verdict(
        "warning",
        "none: credentials' signatures and files cross the network in the clear",
        "Use https, unless the network between is yours.",
    )


def judge_clock(found: Contact) -> Verdict:
    """How far this machine's clock is off, by the server's."""
    ahead = offset_of(found.headers.get("date", ""), found.at)
    if ahead is None:
        return Verdict("warning", "the server does not tell its time")
    # Date counts whole seconds (RFC 9110, section 5.6.7).
    seconds = abs(ahead.total_seconds())
    if seconds < _CLOCK_WARNING.total_seconds():
        return Verdict(
            "ok", "as the server's, within a minute" if seconds >= 2 else "as the server's"
        )
    told = f"{_duration(seconds)} {'behind' if ahead > dt.timedelta() else 'ahead of'} the server's"
    next_step = "Set the clock right, for example by switching time synchronisation (NTP) on."
    if abs(ahead) > TOLERANCE:
        return Verdict("failed", f"{told}; S3 refuses more than 15 minutes", next_step)
    return Verdict("warning", told, next_step)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{minutes / 60:.0f} hours" if minutes < 2880 else f"{minutes / 1440:.0f} days"


def judge_round_trip(seconds: float) -> Verdict:
    """How long a small request takes."""
    told = f"{seconds * 1000:.0f} ms for a small request, the median of several"
    if seconds <= _SLOW_SECONDS:
        return Verdict("ok", told)
    return Verdict("warning", told, "Use a bucket in a nearer region, or look at the network.")
