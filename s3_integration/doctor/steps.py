"""What a health check looks at: a table of what to ask, and who judges what was found."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s3_integration.aws import probes
from s3_integration.aws.credentials import looked_at_before
from s3_integration.aws.endpoints import EndpointProfile, profile_of
from s3_integration.bucket.secure import audit_bucket
from s3_integration.doctor import judging, judging_access
from s3_integration.doctor.visit import NotAskedError, Visit
from s3_integration.doctor.writing import Written, try_writing
from s3_integration.exceptions import S3AccessDeniedError
from s3_integration.surroundings import exposed_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3_integration.aws.session import Way
    from s3_integration.bucket.findings import Finding
    from s3_integration.config import Settings
    from s3_integration.doctor.judging import Identification, Validity
    from s3_integration.doctor.judging_access import BucketFound, RegionFound
    from s3_integration.doctor.report import HealthStatus, Verdict
    from s3_integration.transfer.contact import Contact, Tls


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the report."""

    name: str
    find: Callable[[Visit], Any]
    """Finds out the facts, or raises what keeps it from doing so."""
    judge: Callable[[Any], Verdict]
    """Judges these facts; pure."""
    where_unknown: HealthStatus = "failed"
    """What it means that the facts cannot be found out."""


def _settings(visit: Visit) -> tuple[Settings, Way]:
    return visit.settings.get(), visit.way.get()


def _secret_files(_: Visit) -> list[Path]:
    return exposed_files(Path(), os.environ)


def _credentials(visit: Visit) -> Identification:
    credentials = visit.connection.get().credentials
    source = str(credentials.method)
    before = looked_at_before(source, visit.settings.get().profile_name, os.environ)
    return judging.Identification(source, str(credentials.access_key), before)


def _expiry(visit: Visit) -> Validity:
    visit.need_connection()
    credentials = visit.connection.get().credentials
    is_temporary = bool(credentials.get_frozen_credentials().token)
    return judging.Validity(credentials.expires_at, is_temporary, dt.datetime.now(dt.UTC))


def _endpoint(visit: Visit) -> tuple[Way, EndpointProfile]:
    way = visit.likely_way()
    return way, profile_of(way.endpoint_url)


def _contact(visit: Visit) -> Contact:
    return visit.contact.get()


def _tls(visit: Visit) -> tuple[Tls | None, str, dt.datetime]:
    contact = visit.reached()
    return contact.tls, visit.likely_way().endpoint_url, dt.datetime.now(dt.UTC)


def _clock(visit: Visit) -> Contact:
    return visit.reached()


def _signature(visit: Visit) -> probes.Reply:
    return visit.reply(probes.LIST_FILES)


def _identity(visit: Visit) -> tuple[probes.Identity, str]:
    connection = visit.signed()
    return visit.identity(), str(connection.credentials.access_key)


def _bucket(visit: Visit) -> BucketFound:
    visit.signed()
    error = visit.reply(probes.LIST_FILES).error
    ownership: probes.Ownership = "unknown"
    if error is None or isinstance(error, S3AccessDeniedError):
        ownership = visit.ownership()
    return judging_access.BucketFound(visit.bucket, error, ownership, visit.may_create)


def _region(visit: Visit) -> RegionFound:
    contact = visit.reached()
    way, told = visit.likely_way(), contact.headers.get("x-amz-bucket-region", "")
    error = None
    if visit.connection.failure is None:
        error = visit.reply(probes.LIST_FILES).error
        if not told and error is None:
            connection = visit.signed()
            told = visit.once(lambda: probes.region_of_bucket(connection, visit.bucket)).get()
    return judging_access.RegionFound(way.region, told, error)


def _reply(question: probes.Question) -> Callable[[Visit], probes.Reply]:
    def find(visit: Visit) -> probes.Reply:
        visit.existing_bucket()
        return visit.reply(question)

    return find


def _read_permission(
    question: probes.Question,
) -> Callable[[Visit], tuple[probes.Reply, probes.Reply]]:
    def find(visit: Visit) -> tuple[probes.Reply, probes.Reply]:
        visit.existing_bucket()
        return visit.reply(probes.LIST_FILES), visit.reply(question)

    return find


_READS = (probes.READ_FILES, probes.READ_VERSIONS)


def _protection(visit: Visit) -> tuple[Finding, ...]:
    connection = visit.existing_bucket()
    return visit.once(lambda: audit_bucket(connection, visit.bucket, None)).get().problems


def _written(visit: Visit) -> Written:
    connection, settings = visit.existing_bucket(), visit.settings.get()
    return visit.once(lambda: try_writing(connection, settings)).get()


def _not_written(_: Visit) -> Written:
    raise NotAskedError("it would change the bucket; 's3i doctor --write' does it")


def _round_trip(visit: Visit) -> float:
    connection = visit.signed()
    return visit.once(lambda: probes.round_trip_seconds(connection, visit.bucket)).get()


STEPS = (
    Step("settings", _settings, judging.judge_settings),
    Step("secret files", _secret_files, judging.judge_secret_files, "warning"),
    Step("credentials", _credentials, judging.judge_credentials),
    Step("expiry", _expiry, judging.judge_expiry),
    Step("endpoint", _endpoint, judging.judge_endpoint),
    Step("network", _contact, judging.judge_contact),
    Step("TLS", _tls, judging.judge_tls),
    Step("clock", _clock, judging.judge_clock),
    Step("signature", _signature, judging_access.judge_signature),
    Step("identity", _identity, judging_access.judge_identity, "warning"),
    Step("bucket", _bucket, judging_access.judge_bucket),
    Step("region", _region, judging_access.judge_region, "warning"),
    *(
        Step(
            f"may {question.name}",
            _read_permission(question) if question in _READS else _reply(question),
            (
                judging_access.judge_read_permission
                if question in _READS
                else judging_access.judge_permission
            ),
        )
        for question in probes.QUESTIONS
    ),
    Step("protection", _protection, judging_access.judge_protection, "warning"),
    Step("round trip", _round_trip, judging.judge_round_trip, "warning"),
)

NOT_WRITTEN = Step("write, read, delete", _not_written, judging_access.judge_writing)
WRITTEN = Step("write, read, delete", _written, judging_access.judge_writing)
