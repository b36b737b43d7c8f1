"""From facts to verdicts: what is well, what may be, what keeps the package from working."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from s3_integration.aws.endpoints import AWS, CLOUDFLARE_R2, UNKNOWN, EndpointProfile
from s3_integration.aws.probes import (
    LIST_FILES,
    QUESTIONS,
    READ_FILES,
    READ_VERSIONS,
    Identity,
    Question,
    Reply,
    ask,
)
from s3_integration.aws.session import Way
from s3_integration.bucket.findings import Finding, FindingStatus
from s3_integration.config import resolve_settings
from s3_integration.doctor import judging, judging_access
from s3_integration.doctor.judging import Identification, Validity
from s3_integration.doctor.judging_access import BucketFound, RegionFound
from s3_integration.doctor.report import HealthLine, HealthReport, HealthStatus
from s3_integration.doctor.writing import Written
from s3_integration.exceptions import (
    S3AccessDeniedError,
    S3BucketError,
    S3CredentialsError,
    S3FileNotFoundError,
    S3IntegrationError,
)
from s3_integration.transfer.contact import Contact, Tls
from tests.fixtures.mock_responses import CannedS3, connection_to, error_answer

NOW = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
WAY = Way("https://s3.example.com", "eu-west-1", None, None)
CONTACT = Contact(
    200, {"date": "Sat, 31 Jan 2026 12:00:00 GMT"}, b"<ListBucketResult ", 0.012, NOW, None, ""
)
DENIED = S3AccessDeniedError(
    "Cannot list bucket 'b': no.", code="AccessDenied", http_status=403, suggestion="Allow it."
)
NO_BUCKET = S3BucketError("Cannot list bucket 'b': it is missing.", http_status=404)
NOBODY = S3IntegrationError("No answer.", suggestion="Wait.")


def test_settings_say_what_is_asked_for() -> None:
    settings = resolve_settings("notes", environment={}, dotenv={})

    verdict = judging.judge_settings((settings, WAY))
    mocked = judging.judge_settings((settings, replace(WAY, is_mocked=True)))

    assert verdict.status == "ok"
    assert verdict.fact == "bucket 'notes', region eu-west-1, engine auto"
    assert mocked.fact == f"{verdict.fact}; moto answers in S3's place"


def test_a_file_of_secrets_that_others_may_read_is_a_warning_with_the_command() -> None:
    verdict = judging.judge_secret_files([Path("/home/a b/.env")])

    assert verdict.status == "warning"
    assert verdict.next_step == "Run: chmod 600 '/home/a b/.env'"
    assert judging.judge_secret_files([]).status == "ok"


@pytest.mark.parametrize(
    ("source", "told"),
    [("sso", "single sign-on (SSO)"), ("the .env file", "the .env file"), ("new", "new")],
)
def test_the_source_that_won_is_named(source: str, told: str) -> None:
    verdict = judging.judge_credentials(Identification(source, "AKID", ["a", "b"]))

    assert verdict.status == "ok"
    assert verdict.fact == f"from {told}, access key id AKID; looked at before: a; b"


@pytest.mark.parametrize(
    ("ends", "is_temporary", "status", "told"),
    [
        (None, False, "ok", "they do not expire"),
        (None, True, "ok", "temporary, until when is not told"),
        (NOW + dt.timedelta(hours=1), True, "ok", "good until 2026-01-31 13:00:00Z"),
        (NOW, True, "failed", "they expired at 2026-01-31 12:00:00Z"),
    ],
)
def test_credentials_that_have_expired_are_a_failure(
    ends: dt.datetime | None, is_temporary: bool, status: str, told: str
) -> None:
    verdict = judging.judge_expiry(Validity(ends, is_temporary, NOW))

    assert verdict.status == status
    assert verdict.fact.startswith(told)


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        (AWS, "(Amazon S3; sure of If-None-Match, encryption, checksums)"),
        (
            CLOUDFLARE_R2,
            "(Cloudflare R2; sure of If-None-Match; encryption, checksums: tried before",
        ),
        (UNKNOWN, "(not AWS; If-None-Match, encryption, checksums: tried before"),
    ],
)
def test_an_endpoint_says_what_it_is_known_to_do(profile: EndpointProfile, told: str) -> None:
    assert told in judging.judge_endpoint((WAY, profile)).fact


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (CONTACT, "ok"),
        (replace(CONTACT, status=403, body=b"<?xml?><Error><Code>"), "ok"),
        (replace(CONTACT, status=301, body=b"", headers={"x-amz-bucket-region": "a"}), "ok"),
        (replace(CONTACT, body=b"<html>Welcome"), "failed"),
        (replace(CONTACT, body=b""), "failed"),
        (replace(CONTACT, body=b"<ErrorDocument>"), "failed"),
    ],
)
def test_what_does_not_answer_like_s3_is_a_failure(found: Contact, status: HealthStatus) -> None:
    assert judging.judge_contact(found).status == status


def test_a_proxy_on_the_way_is_named() -> None:
    verdict = judging.judge_contact(replace(CONTACT, proxy="http://proxy:3128"))

    assert verdict.fact == "answered HTTP 200 in 12 ms through the proxy http://proxy:3128"


@pytest.mark.parametrize(
    ("tls", "url", "status", "told"),
    [
        (None, "http://127.0.0.1:9000", "ok", "this machine"),
        (None, "http://10.0.0.1:9000", "warning", "in the clear"),
        (Tls("TLSv1.3", "CA", NOW + dt.timedelta(days=15)), "https://a", "ok", "2026-02-15"),
        (Tls("TLSv1.3", "CA", NOW + dt.timedelta(days=13)), "https://a", "warning", "2026-02-13"),
        (Tls("TLSv1.2", "", None), "https://a", "ok", "TLSv1.2, certificate by an unnamed"),
    ],
)
def test_tls_that_is_missing_or_about_to_end_is_a_warning(
    tls: Tls | None, url: str, status: str, told: str
) -> None:
    verdict = judging.judge_tls((tls, url, NOW))

    assert verdict.status == status
    assert told in verdict.fact
    assert bool(verdict.next_step) == (status != "ok")


@pytest.mark.parametrize(
    ("server_time", "status", "told"),
    [
        ("Sat, 31 Jan 2026 12:00:01 GMT", "ok", "as the server's"),
        ("Sat, 31 Jan 2026 11:59:10 GMT", "ok", "within a minute"),
        ("Sat, 31 Jan 2026 12:05:00 GMT", "warning", "5 minutes behind the server's"),
        ("Sat, 31 Jan 2026 11:55:00 GMT", "warning", "5 minutes ahead of the server's"),
        ("Sat, 31 Jan 2026 15:00:00 GMT", "failed", "3 hours behind the server's"),
        ("Fri, 31 Jan 2025 12:00:00 GMT", "failed", "365 days ahead of the server's"),
        ("soon", "warning", "does not tell its time"),
        ("", "warning", "does not tell its time"),
    ],
)
def test_a_clock_beyond_s3s_tolerance_is_a_failure(
    server_time: str, status: str, told: str
) -> None:
    verdict = judging.judge_clock(replace(CONTACT, headers={"date": server_time}))

    assert verdict.status == status
    assert told in verdict.fact


@pytest.mark.parametrize(("seconds", "status"), [(0.3, "ok"), (0.9, "warning")])
def test_a_slow_way_is_a_warning(seconds: float, status: HealthStatus) -> None:
    assert judging.judge_round_trip(seconds).status == status


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, "ok"),
        (DENIED, "ok"),
        (NO_BUCKET, "ok"),
        (S3CredentialsError("Wrong.", code="InvalidAccessKeyId", http_status=403), "failed"),
        (S3IntegrationError("Why?", code="400", http_status=400), "failed"),
        (NOBODY, "failed"),
    ],
)
def test_only_what_tells_of_the_credentials_tells_against_them(
    error: S3IntegrationError | None, status: HealthStatus
) -> None:
    assert judging_access.judge_signature(Reply(LIST_FILES, error)).status == status


def test_who_asks_is_told_as_far_as_the_server_tells() -> None:
    told = judging_access.judge_identity((Identity("arn:aws:iam::1:user/a", "1"), "AKID"))
    untold = judging_access.judge_identity((Identity("", ""), "AKID"))

    assert told.fact == "arn:aws:iam::1:user/a"
    assert "AKID" in untold.fact


@pytest.mark.parametrize(
    ("found", "status", "told"),
    [
        (BucketFound("b", None, "yours", may_create=True), "ok", "'b' is there, yours"),
        (BucketFound("b", None, "unknown", may_create=True), "ok", "cannot be told"),
        (BucketFound("b", None, "someone else's", may_create=True), "warning", "someone else's"),
        (BucketFound("b", DENIED, "unknown", may_create=True), "warning", "may not be looked at"),
        (BucketFound("b", DENIED, "yours", may_create=True), "warning", "may not be looked at"),
        (BucketFound("b", NO_BUCKET, "unknown", may_create=True), "warning", "does not exist"),
        (BucketFound("b", NO_BUCKET, "unknown", may_create=False), "failed", "does not exist"),
        (
            BucketFound("b", S3BucketError("Elsewhere.", http_status=301), "unknown", True),
            "failed",
            "Elsewhere",
        ),
        (BucketFound("b", NOBODY, "unknown", may_create=True), "failed", "No answer"),
    ],
)
def test_a_missing_bucket_is_a_failure_where_it_may_not_be_created(
    found: BucketFound, status: str, told: str
) -> None:
    verdict = judging_access.judge_bucket(found)

    assert verdict.status == status
    assert told in verdict.fact


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (RegionFound("eu-west-1", "eu-west-1", None), "ok"),
        (RegionFound("eu-west-1", "", None), "ok"),
        (RegionFound("eu-west-1", "us-east-1", None), "warning"),
        (RegionFound("eu-west-1", "us-east-1", DENIED), "warning"),
        (RegionFound("eu-west-1", "us-east-1", S3BucketError("Elsewhere.")), "failed"),
        (RegionFound("eu-west-1", "us-east-1", S3CredentialsError("Signature.")), "failed"),
    ],
)
def test_a_wrong_region_is_a_failure_where_s3_refuses_it(
    found: RegionFound, status: HealthStatus
) -> None:
    verdict = judging_access.judge_region(found)

    assert verdict.status == status
    assert ("us-east-1" in verdict.next_step) == (status != "ok")


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: each.name)
def test_each_permission_is_allowed_missing_or_untold(question: Question) -> None:
    def status_for(error: S3IntegrationError | None) -> HealthStatus:
        return judging_access.judge_permission(Reply(question, error)).status

    assert status_for(None) == "ok"
    for code in question.granted_by:
        assert status_for(S3FileNotFoundError("Not there.", code=code, http_status=404)) == "ok"
    assert status_for(DENIED) == ("failed" if question.needed == "always" else "warning")
    for status in (400, 405, 500, 501):
        assert status_for(S3IntegrationError("?", code="X", http_status=status)) == "warning"
    assert status_for(NOBODY) == "warning"


def test_a_missing_permission_names_the_action_and_what_to_do() -> None:
    verdict = judging_access.judge_permission(Reply(LIST_FILES, DENIED))

    assert verdict == ("failed", "s3:ListBucket is missing", "Allow it.")


@pytest.mark.parametrize("question", [READ_FILES, READ_VERSIONS], ids=lambda each: each.name)
@pytest.mark.parametrize("listing", [None, DENIED], ids=["listed", "not listed"])
def test_what_has_to_be_allowed_is_named_for_all_keys_and_not_for_the_one_that_was_tried(
    question: Question, listing: S3IntegrationError | None
) -> None:
    s3 = CannedS3(error_answer(403, "AccessDenied"))
    reply = ask(connection_to(s3), "notes", question)

    verdict = judging_access.judge_read_permission((Reply(LIST_FILES, listing), reply))

    assert verdict.next_step.startswith(f"Allow {question.action} on arn:aws:s3:::notes/* in")
    assert ".s3_integration-check-" not in verdict.next_step


@pytest.mark.parametrize(
    ("listing", "reading", "status"),
    [
        (None, DENIED, "failed"),
        (DENIED, DENIED, "warning"),
        (DENIED, S3FileNotFoundError("No.", code="NoSuchKey"), "ok"),
    ],
)
def test_reading_cannot_be_told_where_listing_is_refused_too(
    listing: S3IntegrationError | None, reading: S3IntegrationError, status: HealthStatus
) -> None:
    found = (Reply(LIST_FILES, listing), Reply(READ_FILES, reading))

    assert judging_access.judge_read_permission(found).status == status


def problem(control: str, status: FindingStatus) -> Finding:
    return Finding(control, status, "high", "fact", "reason", "", "source")


def test_what_the_bucket_lacks_is_a_warning() -> None:
    found = (problem("versioning", "missing"), problem("encryption", "refused"))

    verdict = judging_access.judge_protection(found)

    assert verdict.status == "warning"
    assert verdict.fact.endswith("versioning, encryption")
    assert "'s3i bucket secure'" in verdict.next_step
    assert judging_access.judge_protection(()).status == "ok"


@pytest.mark.parametrize("status", ["refused", "unsupported"])
def test_nobody_is_sent_to_mend_what_cannot_be_mended(status: FindingStatus) -> None:
    verdict = judging_access.judge_protection((problem("SSE-C blocked", status),))

    assert verdict.next_step == "Look with 's3i bucket audit'."


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (Written("k", "obeyed", left_behind=False), "ok"),
        (Written("k", "unknown", left_behind=False), "ok"),
        (Written("k", "overlooked", left_behind=False), "warning"),
        (Written("k", "obeyed", left_behind=True), "warning"),
    ],
)
def test_a_write_that_leaves_something_or_shows_a_lack_is_a_warning(
    found: Written, status: HealthStatus
) -> None:
    verdict = judging_access.judge_writing(found)

    assert verdict.status == status
    assert bool(verdict.next_step) == (status == "warning")


def test_a_report_is_good_unless_something_failed_and_becomes_plain_values() -> None:
    good = HealthLine("a", "ok", "fine")
    so_so = HealthLine("b", "warning", "not checked: why", "Do it.")
    bad = HealthLine("c", "failed", "broken")

    assert HealthReport((good, so_so)).ok
    assert not HealthReport((good, bad)).ok
    assert str(HealthReport((good, so_so, bad))) == "1 ok, 1 warnings; c: broken"
    assert (good.was_skipped, so_so.was_skipped) == (False, True)
    assert HealthReport((so_so,)).to_dict() == {
        "ok": True,
        "lines": [
            {
                "name": "b",
                "status": "warning",
                "fact": "not checked: why",
                "next_step": "Do it.",
            }
        ],
    }
