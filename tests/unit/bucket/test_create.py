"""Making sure that the bucket is there, and safe where it is new."""

from __future__ import annotations

import dataclasses
import json
import logging
import re

import pytest

from s3_integration import S3AccessDeniedError, S3BucketError, S3Config, S3IntegrationError
from s3_integration.bucket.create import bucket_exists, ensure_bucket
from s3_integration.bucket.statements import with_plain_http_denied
from tests.fixtures.mock_responses import (
    CONFIG,
    Answer,
    CannedS3,
    Sent,
    connection_to,
    error_answer,
)
from tests.fixtures.transfers import UNKNOWN_SERVER, lost_connection

BUCKET = "unit-tests"
EU = dataclasses.replace(CONFIG, region="eu-central-1")
PLAIN_HTTP = dataclasses.replace(CONFIG, endpoint_url="http://127.0.0.1:9")
SETTINGS = (
    "publicAccessBlock",
    "ownershipControls",
    "encryption",
    "versioning",
    "policy",
    "lifecycle",
)
DENIED = error_answer(403, "AccessDenied")
UNKNOWN = error_answer(501, "NotImplemented")


class Server:
    """A server without the bucket, which keeps what is put into it.

    `faults` answer in place of the right answers: `PUT policy`, `GET policy`, `PUT` (of the
    bucket), `PUT object`. A list is used up, then the right answers come.
    """

    def __init__(self, **faults: Answer | list[Answer | BaseException | None]) -> None:
        self._faults = {name.replace("_", " "): fault for name, fault in faults.items()}
        self.settings: dict[str, bytes] = {}
        self.exists = False

    def __call__(self, sent: Sent) -> Answer:
        prepared = self._faults.get(request_name(sent))
        faults = prepared if isinstance(prepared, list) else [prepared]
        fault = faults.pop(0) if faults else None
        if isinstance(fault, BaseException):
            raise fault
        return fault or self._right_answer(sent)

    def _right_answer(self, sent: Sent) -> Answer:
        name = request_name(sent)
        if name == "HEAD":
            return Answer(200 if self.exists else 404)
        if name in {"PUT", "DELETE"}:
            self.exists = name == "PUT"
        method, _, setting = name.partition(" ")
        if method == "PUT" and setting in SETTINGS:
            self.settings[setting] = sent.body
        if method == "GET":
            return Answer(200, self.settings[setting])
        return Answer(204 if method == "DELETE" else 200)


def request_name(sent: Sent) -> str:
    subject = "object" if sent.key else next(iter(sent.query), "")
    return f"{sent.method} {subject}".strip()


def requests_of(s3: CannedS3) -> list[str]:
    return [request_name(sent) for sent in s3.sent]


def ensure(server: Server, config: S3Config = CONFIG) -> CannedS3:
    s3 = CannedS3(otherwise=server)
    ensure_bucket(connection_to(s3, config), BUCKET)
    return s3


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if "was created without" in r.getMessage()]


# There, or not


def test_a_bucket_that_is_there_stays_as_it_is() -> None:
    server = Server()
    server.exists = True

    s3 = ensure(server)

    assert requests_of(s3) == ["HEAD"]


@pytest.mark.parametrize("status", [200, 404])
def test_only_the_answer_that_it_is_missing_means_so(status: int) -> None:
    assert bucket_exists(connection_to(CannedS3(Answer(status))), BUCKET) is (status == 200)


def test_a_bucket_that_may_not_be_looked_at_is_both_errors() -> None:
    s3 = CannedS3(Answer(403))

    with pytest.raises(S3BucketError, match="belongs to someone else") as caught:
        ensure_bucket(connection_to(s3), BUCKET)

    assert isinstance(caught.value, S3AccessDeniedError)
    assert (caught.value.http_status, caught.value.bucket) == (403, BUCKET)
    assert "s3:ListBucket" in caught.value.suggestion
    assert requests_of(s3) == ["HEAD"]


def test_in_another_of_aws_worlds_what_has_to_be_allowed_has_its_name() -> None:
    in_china = dataclasses.replace(CONFIG, region="cn-north-1")

    with pytest.raises(S3BucketError) as caught:
        ensure_bucket(connection_to(CannedS3(Answer(403)), in_china), BUCKET)

    assert f"allow s3:ListBucket on arn:aws-cn:s3:::{BUCKET}," in caught.value.suggestion


def test_a_bucket_that_lies_elsewhere_is_an_error(slept: list[float]) -> None:
    for headers in ({}, {"x-amz-bucket-region": "us-east-1"}):
        s3 = CannedS3(*[Answer(307, headers=headers)] * 2)
        with pytest.raises(S3BucketError, match="another region"):
            ensure_bucket(connection_to(s3), BUCKET)


def test_a_bucket_of_another_region_is_found_there(slept: list[float]) -> None:
    s3 = CannedS3(Answer(301, headers={"x-amz-bucket-region": "eu-west-1"}), Answer(200))

    ensure_bucket(connection_to(s3), BUCKET)

    assert "/eu-west-1/s3/" in s3.sent[1].headers["authorization"]


@pytest.mark.parametrize(
    "failure", [Answer(500), Answer(503), lost_connection()], ids=["500", "503", "lost"]
)
def test_a_bucket_is_not_created_because_nobody_answers(
    slept: list[float], failure: Answer | Exception
) -> None:
    s3 = CannedS3(*[failure] * 5)

    with pytest.raises(S3IntegrationError):
        ensure_bucket(connection_to(s3), BUCKET)

    assert requests_of(s3) == ["HEAD"] * 5


# Created


def test_a_missing_bucket_is_created_with_every_control_read_back(
    slept: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    server = Server()

    with caplog.at_level(logging.INFO, "s3_integration"):
        s3 = ensure(server)

    pairs = [f"{method} {setting}" for setting in SETTINGS for method in ("PUT", "GET")]
    assert requests_of(s3) == ["HEAD", "PUT", *pairs]
    assert caplog.messages == [f"created bucket '{BUCKET}' in us-east-1"]
    assert sum(slept) == 0


def test_the_controls_say_what_was_promised(slept: list[float]) -> None:
    server = Server()

    ensure(server)

    stored = {name: body.decode() for name, body in server.settings.items()}
    blocks = re.findall(r"<(\w+)>true</", stored["publicAccessBlock"])
    assert sorted(blocks) == [
        "BlockPublicAcls",
        "BlockPublicPolicy",
        "IgnorePublicAcls",
        "RestrictPublicBuckets",
    ]
    assert "<ObjectOwnership>BucketOwnerEnforced</" in stored["ownershipControls"]
    assert "<SSEAlgorithm>AES256</" in stored["encryption"]
    assert "<Status>Enabled</" in stored["versioning"]
    assert json.loads(stored["policy"]) == with_plain_http_denied({}, BUCKET)
    assert "<DaysAfterInitiation>7</" in stored["lifecycle"]


def test_in_the_default_region_no_location_may_be_named(slept: list[float]) -> None:
    s3 = ensure(Server())

    assert s3.sent[1].body == b""


def test_in_any_other_region_the_bucket_is_created_there(slept: list[float]) -> None:
    s3 = ensure(Server(), EU)

    assert b"<LocationConstraint>eu-central-1</LocationConstraint>" in s3.sent[1].body


def test_a_bucket_that_another_process_just_made_is_used(slept: list[float]) -> None:
    s3 = ensure(Server(PUT=error_answer(409, "BucketAlreadyOwnedByYou")))

    assert requests_of(s3) == ["HEAD", "PUT"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (error_answer(409, "BucketAlreadyExists"), S3BucketError),
        (DENIED, S3AccessDeniedError),
        (error_answer(400, "TooManyBuckets"), S3BucketError),
        (error_answer(418, "Odd"), S3BucketError),
    ],
)
def test_a_bucket_that_may_not_be_created_is_an_error(
    answer: Answer, error: type[S3IntegrationError]
) -> None:
    server = Server(PUT=answer)

    with pytest.raises(error) as caught:
        ensure(server)

    assert isinstance(caught.value, S3BucketError)
    assert caught.value.operation == "CreateBucket"
    assert not server.settings


def test_a_setting_may_take_a_moment_to_show(
    slept: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    nothing_yet = error_answer(404, "NoSuchPublicAccessBlockConfiguration")
    before = Answer(200, b"<VersioningConfiguration/>")
    server = Server(
        GET_publicAccessBlock=[nothing_yet, nothing_yet], GET_versioning=[before, before, before]
    )

    ensure(server)

    assert server.exists
    assert warnings_of(caplog) == []
    assert [seconds for seconds in slept if seconds] == [0.2, 1.0, 0.2, 1.0, 3.0]


# Not to be had


@pytest.mark.parametrize("method", ["PUT", "GET"])
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize(
    ("config", "answer"),
    [(CONFIG, DENIED), (CONFIG, UNKNOWN), (UNKNOWN_SERVER, DENIED)],
    ids=["AWS denies", "AWS does not know", "server denies"],
)
def test_a_bucket_that_cannot_be_made_safe_is_removed_again(
    slept: list[float],
    caplog: pytest.LogCaptureFixture,
    config: S3Config,
    answer: Answer,
    setting: str,
    method: str,
) -> None:
    server = Server(**{f"{method}_{setting}": answer})

    with pytest.raises(S3IntegrationError) as caught:
        ensure(server, config)

    assert caught.value.http_status == answer.status
    assert not server.exists
    assert "removed again" in caplog.text


def test_a_setting_that_never_shows_on_aws_is_an_error(slept: list[float]) -> None:
    missing = error_answer(404, "NoSuchPublicAccessBlockConfiguration")
    server = Server(GET_publicAccessBlock=missing)

    with pytest.raises(S3BucketError, match="no such setting"):
        ensure(server)

    assert not server.exists
    assert slept == [0.0, 0.2, 1.0, 3.0]


@pytest.mark.parametrize(
    "unknown",
    [
        UNKNOWN,
        error_answer(400, "InvalidArgument"),
        error_answer(404, "NoSuchKey"),
        error_answer(405, "MethodNotAllowed"),
        error_answer(409, "BucketAlreadyExists"),
        error_answer(409, "BucketAlreadyOwnedByYou"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_controls_that_another_server_does_not_know_are_named_in_one_warning(
    slept: list[float], caplog: pytest.LogCaptureFixture, unknown: Answer, method: str
) -> None:
    server = Server(**{f"{method}_encryption": unknown, f"{method}_ownershipControls": unknown})

    ensure(server, UNKNOWN_SERVER)

    [warning] = warnings_of(caplog)
    assert re.findall(r"(owner enforced|default encryption) \(this server", warning) == [
        "owner enforced",
        "default encryption",
    ]
    assert warning.count("(this server does not know it: ") == 2
    assert server.exists


@pytest.mark.parametrize("config", [CONFIG, UNKNOWN_SERVER], ids=["AWS", "another server"])
def test_a_setting_that_the_server_forgets_is_named(
    slept: list[float], caplog: pytest.LogCaptureFixture, config: S3Config
) -> None:
    forgotten = Answer(200, b"<VersioningConfiguration/>")
    server = Server(GET_versioning=forgotten)

    ensure(server, config)

    [warning] = warnings_of(caplog)
    assert warning.endswith("without: versioning (the server took it and forgot it)")


def test_on_plain_http_the_policy_that_would_lock_us_out_is_left_out(
    slept: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    server = Server()

    ensure(server, PLAIN_HTTP)

    assert sorted(server.settings) == sorted(set(SETTINGS) - {"policy"})
    [warning] = warnings_of(caplog)
    assert warning.endswith("without: plain http denied (this endpoint is plain http itself)")


def test_a_block_under_which_nothing_can_be_written_is_softened(
    slept: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    server = Server(PUT_object=DENIED)

    ensure(server, UNKNOWN_SERVER)

    softened = server.settings["publicAccessBlock"]
    assert re.findall(rb"<(\w+)>false</", softened) == [b"BlockPublicAcls"]
    assert softened.count(b">true</") == 3
    [warning] = warnings_of(caplog)
    assert "public access blocked (in part: in full, this server refuses every write)" in warning


def test_a_block_under_which_files_can_be_written_stays(
    slept: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    server = Server()

    s3 = ensure(server, UNKNOWN_SERVER)

    assert b"false" not in server.settings["publicAccessBlock"]
    # Before versioning is on, so that no version of it stays.
    assert requests_of(s3)[4:6] == ["PUT object", "DELETE object"]
    assert warnings_of(caplog) == []


def test_a_write_that_fails_otherwise_proves_nothing_of_the_block(slept: list[float]) -> None:
    server = Server(PUT_object=error_answer(500, "InternalError"))

    with pytest.raises(S3IntegrationError, match="internal failure"):
        ensure(server, UNKNOWN_SERVER)

    assert not server.exists


def test_aws_is_not_asked_for_a_write(slept: list[float]) -> None:
    s3 = ensure(Server())

    assert "PUT object" not in requests_of(s3)


def test_an_interrupt_leaves_no_bucket_without_controls(slept: list[float]) -> None:
    server = Server(GET_versioning=[KeyboardInterrupt()])

    with pytest.raises(KeyboardInterrupt):
        ensure(server)

    assert not server.exists


def test_a_bucket_that_cannot_be_removed_again_hides_no_error(slept: list[float]) -> None:
    server = Server(PUT_policy=DENIED, DELETE=error_answer(409, "BucketNotEmpty"))

    with pytest.raises(S3AccessDeniedError, match="s3:PutBucketPolicy"):
        ensure(server)
