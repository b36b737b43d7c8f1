"""A health check works when nothing else does: what fails is a line, and the rest goes on."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import format_datetime
from pathlib import Path

import pytest

from s3_integration import HealthReport, S3Client, S3Config, S3ConfigError
from s3_integration.aws import probes
from s3_integration.aws.session import Connection, connect
from s3_integration.config import Settings
from s3_integration.doctor import examine as examination
from s3_integration.doctor import visit
from s3_integration.doctor.report import HealthLine
from s3_integration.exceptions import S3IntegrationError
from s3_integration.transfer.contact import Contact
from tests.fixtures.mock_responses import (
    CONFIG,
    Answer,
    CannedS3,
    Sent,
    error_answer,
    etag_of,
    serving,
    take,
)


class Doctored:
    """An S3 that is not there, its first answer included."""

    def __init__(self) -> None:
        self.contact: Contact | Exception = contact_at(dt.timedelta())
        self.s3 = CannedS3(otherwise=self.answer)
        self.answers: dict[str, Answer | Exception] = {}
        """By what is asked for: a method, and the query's first word or `key`."""
        self.identity: probes.Identity | Exception = probes.Identity("arn:aws:iam::1:user/a", "1")
        self.config = CONFIG

    def answer(self, sent: Sent) -> Answer:
        asked = f"{sent.method} {_subject_of(sent)}"
        known = self.answers.get(asked, self.answers.get("*"))
        if isinstance(known, Exception):
            raise known
        return known or _GOOD.get(asked) or Answer()

    def make_contact(self, *_: object) -> Contact:
        if isinstance(self.contact, Exception):
            raise self.contact
        return self.contact

    def connect(self, settings: Settings) -> Connection:
        connection = connect(settings)
        self.s3.attach(connection.client)
        return connection

    def who_asks(self, *_: object) -> probes.Identity:
        if isinstance(self.identity, Exception):
            raise self.identity
        return self.identity

    def check(self, **options: str) -> HealthReport:
        return S3Client(config=self.config, create_bucket=False).check(**options)  # type: ignore[arg-type]  # the tests' own words


def _subject_of(sent: Sent) -> str:
    for name in ("uploadId", "uploads", "versions", "tagging", "list-type"):
        if name in sent.query:
            return name
    return "key" if sent.key else "bucket"


_GOOD = {
    "HEAD bucket": Answer(headers={"x-amz-bucket-region": "us-east-1"}),
    "GET key": error_answer(404, "NoSuchKey"),
    "GET tagging": error_answer(404, "NoSuchKey"),
    "POST uploadId": error_answer(404, "NoSuchUpload"),
    "GET uploadId": error_answer(404, "NoSuchUpload"),
    "DELETE uploadId": error_answer(404, "NoSuchUpload"),
}


def contact_at(ahead: dt.timedelta, **headers: str) -> Contact:
    now = dt.datetime.now(dt.UTC)
    told = {"date": format_datetime(now + ahead, usegmt=True), "x-amz-request-id": "1"}
    return Contact(200, told | headers, b"", 0.01, now, None, "")


@pytest.fixture
def doctored(monkeypatch: pytest.MonkeyPatch) -> Doctored:
    doctored = Doctored()
    monkeypatch.setattr(visit, "make_contact", doctored.make_contact)
    monkeypatch.setattr(visit, "connect", doctored.connect)
    monkeypatch.setattr(visit, "who_asks", doctored.who_asks)
    return doctored


def line(report: HealthReport, name: str) -> HealthLine:
    return next(line for line in report.lines if line.name == name)


def names(report: HealthReport, choose: Callable[[HealthLine], object]) -> list[str]:
    return [line.name for line in report.lines if choose(line)]


def failed(report: HealthReport) -> list[str]:
    return names(report, lambda line: line.status == "failed")


def skipped(report: HealthReport) -> list[str]:
    return names(report, lambda line: line.was_skipped)


def test_where_all_is_well_every_line_is_a_fact(doctored: Doctored) -> None:
    report = doctored.check()

    assert report.ok
    assert failed(report) == []
    assert skipped(report) == ["write, read, delete"]
    assert line(report, "identity").fact == "arn:aws:iam::1:user/a"
    assert line(report, "bucket").fact == "'unit-tests' is there, yours"
    assert line(report, "may write files").fact == "s3:PutObject is allowed"


def test_nothing_is_changed_unless_it_is_asked_for(doctored: Doctored) -> None:
    doctored.check()

    changing = {(it.method, _subject_of(it)) for it in doctored.s3.sent} - {
        ("GET", "list-type"),
        ("HEAD", "bucket"),
    }
    assert not any(method == "PUT" for method, _ in changing)
    # Of an upload that does not exist, nothing can be completed or given up.
    assert {subject for method, subject in changing if method != "GET"} == {"uploadId"}
    ids = {it.query["uploadId"] for it in doctored.s3.sent if "uploadId" in it.query}
    assert ids == {"s3_integration-no-such-upload"}


def test_no_credentials_are_one_failure_and_the_rest_goes_on(doctored: Doctored) -> None:
    doctored.config = S3Config("notes")

    report = doctored.check()

    assert failed(report) == ["credentials"]
    assert "No AWS credentials were found. Looked at: the settings" in (
        line(report, "credentials").fact
    )
    assert line(report, "network").status == "ok"
    assert line(report, "clock").status == "ok"
    assert line(report, "may list files").fact == (
        "not checked: there are no credentials that could be used"
    )
    assert doctored.s3.sent == []


def test_a_network_that_leads_nowhere_is_one_failure_and_nothing_else_waits_for_it(
    doctored: Doctored,
) -> None:
    doctored.contact = S3IntegrationError("Could not connect.", suggestion="Check it.")

    report = doctored.check()

    assert failed(report) == ["network"]
    assert line(report, "network").next_step == "Check it."
    assert line(report, "credentials").status == "ok"
    assert {"TLS", "clock", "signature", "bucket", "round trip"} <= set(skipped(report))
    assert doctored.s3.sent == []


@pytest.mark.parametrize("hours", [3, -3])
def test_a_wrong_clock_is_one_failure_and_what_follows_is_signed_by_s3s(
    doctored: Doctored, hours: int
) -> None:
    doctored.contact = contact_at(dt.timedelta(hours=hours))

    report = doctored.check()

    assert failed(report) == ["clock"]
    assert "3 hours" in line(report, "clock").fact
    signed_at = dt.datetime.strptime(
        doctored.s3.sent[0].headers["x-amz-date"] + "+0000", "%Y%m%dT%H%M%SZ%z"
    )
    off = signed_at - dt.datetime.now(dt.UTC) - dt.timedelta(hours=hours)
    assert abs(off) < dt.timedelta(minutes=5)


def test_a_wrong_region_is_told_with_the_right_one(doctored: Doctored) -> None:
    doctored.contact = contact_at(dt.timedelta(), **{"x-amz-bucket-region": "eu-west-1"})

    report = doctored.check()

    assert report.ok
    assert line(report, "region").status == "warning"
    assert line(report, "region").next_step == "Set region (AWS_REGION) to eu-west-1."


def test_a_region_that_is_refused_is_a_failure(doctored: Doctored) -> None:
    doctored.contact = contact_at(dt.timedelta(), **{"x-amz-bucket-region": "eu-west-1"})
    doctored.answers["GET list-type"] = error_answer(400, "AuthorizationHeaderMalformed")

    report = doctored.check()

    assert failed(report) == ["signature", "region"]
    assert "bucket" in skipped(report)


def test_something_else_than_s3_is_a_failure(doctored: Doctored) -> None:
    now = dt.datetime.now(dt.UTC)
    doctored.contact = Contact(200, {}, b"<html>", 0.01, now, None, "")

    report = doctored.check()

    assert failed(report) == ["network"]
    assert "not as S3 does" in line(report, "network").fact
    assert doctored.s3.sent == []  # whose answers nobody could understand


@pytest.mark.parametrize(
    ("environment", "content", "told"),
    [
        ({"AWS_PROFILE": "nobody"}, None, "nobody"),
        ({}, "[default\nregion", "config"),
        ({}, "[default]\nendpoint_url = http://169.254.169.254\n", "link-local"),
    ],
    ids=["unknown profile", "broken config file", "refused endpoint"],
)
def test_broken_settings_of_aws_are_a_failure_and_the_network_is_looked_at(
    doctored: Doctored,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    content: str | None,
    told: str,
) -> None:
    doctored.config = S3Config("notes")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if content:
        (tmp_path / "config").write_text(content)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

    report = doctored.check()

    assert failed(report) == ["settings"]
    assert told in line(report, "settings").fact
    assert line(report, "network").status == "ok"
    assert line(report, "credentials").fact == "not checked: the settings cannot be used"


def test_settings_that_make_no_client_are_a_failure_too() -> None:
    def resolve() -> Settings:
        raise S3ConfigError("The setting engine='x' cannot be used.", suggestion="Change it.")

    report = examination.examine(resolve, may_create=False)

    assert failed(report) == ["settings"]
    assert line(report, "settings").next_step == "Change it."
    assert line(report, "endpoint").fact == "not checked: the settings cannot be used"


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"])
def test_credentials_that_s3_refuses_are_one_failure(doctored: Doctored, code: str) -> None:
    doctored.answers["*"] = error_answer(403, code)

    report = doctored.check()

    assert failed(report) == ["signature"]
    assert line(report, "bucket").fact == "not checked: S3 does not accept the credentials"


def test_missing_permissions_name_their_actions(doctored: Doctored) -> None:
    doctored.answers["*"] = error_answer(403, "AccessDenied")

    report = doctored.check()

    assert failed(report) == ["may list files", "may write files"]
    assert line(report, "may write files").fact == "s3:PutObject is missing"
    assert line(report, "may write files").next_step.startswith(
        "Allow s3:PutObject on arn:aws:s3:::unit-tests/* in"
    )
    assert line(report, "may read tags").status == "warning"
    assert "not to be seen: " in line(report, "protection").fact


def test_a_missing_bucket_leaves_nothing_to_ask_of_it(doctored: Doctored) -> None:
    doctored.answers["*"] = error_answer(404, "NoSuchBucket")

    report = doctored.check()

    assert failed(report) == ["bucket"]
    assert line(report, "protection").fact == "not checked: the bucket does not exist"
    assert line(report, "round trip").status == "ok"


def test_an_identity_that_cannot_be_had_is_a_warning(doctored: Doctored) -> None:
    doctored.identity = S3IntegrationError("STS is not there.")

    report = doctored.check()

    assert report.ok
    assert line(report, "identity").status == "warning"
    assert line(report, "bucket").fact == "'unit-tests' is there, whose it is cannot be told"


def test_a_mistake_of_the_package_is_a_line_without_secrets(
    doctored: Doctored, monkeypatch: pytest.MonkeyPatch
) -> None:
    doctored.contact = RuntimeError("aws_secret_access_key=hunter2")

    report = doctored.check()

    assert line(report, "network").fact == "unexpected RuntimeError: aws_secret_access_key=***"


def test_whatever_does_not_answer_is_given_up() -> None:
    released = threading.Event()
    asking = visit.Once(released.wait, ends_at=time.monotonic() + 0.01)

    with pytest.raises(S3IntegrationError, match="No answer within"):
        asking.get()

    released.set()
    assert asking.failure is not None  # an answer that comes later is none


def test_what_comes_after_the_time_for_all_is_not_asked(
    doctored: Doctored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit, "ALL_SECONDS", -1.0)

    report = doctored.check()

    assert doctored.s3.sent == []
    assert line(report, "network").fact == "not checked: the time for all checks was up"


def test_patience_is_short_whatever_the_settings_say(
    doctored: Doctored, monkeypatch: pytest.MonkeyPatch
) -> None:
    doctored.config = replace(CONFIG, total_attempts=50, read_timeout_seconds=900.0)
    doctored.answers["*"] = error_answer(503, "SlowDown")

    began = time.monotonic()
    doctored.check()

    assert time.monotonic() - began < visit.ALL_SECONDS
    asked = [_subject_of(sent) for sent in doctored.s3.sent if sent.method == "GET"]
    assert asked.count("list-type") == 1


def test_writing_stores_reads_and_deletes_a_key_of_its_own(doctored: Doctored) -> None:
    stored: dict[str, bytes] = {}

    def answer(sent: Sent) -> Answer:
        if sent.method == "PUT":
            if "if-none-match" in sent.headers:
                return error_answer(412, "PreconditionFailed")
            stored[sent.key] = sent.body
            return take(sent)
        if sent.method == "DELETE" and sent.key in stored and "uploadId" not in sent.query:
            del stored[sent.key]
            return Answer(204)
        if sent.method == "GET" and sent.key in stored and "tagging" not in sent.query:
            return serving(stored[sent.key], etag=etag_of(stored[sent.key]))(sent)
        return doctored.answer(sent)

    doctored.s3.otherwise = answer
    doctored.config = replace(CONFIG, engine="boto3")

    report = doctored.check(write="yes")

    assert line(report, "write, read, delete").fact == (
        "stored, read back and deleted; If-None-Match is obeyed"
    )
    assert stored == {}
    keys = {sent.key for sent in doctored.s3.sent if sent.method in {"PUT", "DELETE"}}
    assert all(key.startswith(".s3_integration-check-") for key in keys)


def test_a_write_that_is_refused_is_a_failure_that_names_the_action(doctored: Doctored) -> None:
    doctored.answers["PUT key"] = error_answer(403, "AccessDenied")
    doctored.config = replace(CONFIG, engine="boto3")

    report = doctored.check(write="yes")

    assert "s3:PutObject" in line(report, "write, read, delete").next_step


def test_nonsense_about_writing_is_refused(doctored: Doctored) -> None:
    with pytest.raises(S3ConfigError, match="write="):
        doctored.check(write="maybe")
