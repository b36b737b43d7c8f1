"""Questions that change nothing, and who asks them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from moto import mock_aws

from s3_integration.aws.probes import (
    QUESTIONS,
    READ_FILES,
    READ_VERSIONS,
    Identity,
    ask,
    region_of_bucket,
    round_trip_seconds,
    who_asks,
    whose_bucket,
)
from s3_integration.exceptions import S3IntegrationError
from tests.fixtures.mock_responses import (
    CONFIG,
    Answer,
    CannedS3,
    connection_to,
    error_answer,
    object_answer,
)

ELSEWHERE = replace(CONFIG, endpoint_url="https://s3.example.com")
OWNER = (
    b"<ListAllMyBucketsResult><Owner><ID>id1</ID>%s</Owner>"
    b"<Buckets><Bucket><Name>mine</Name></Bucket></Buckets></ListAllMyBucketsResult>"
)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: each.name)
def test_a_question_is_one_request_about_nothing_that_is_stored(question: object) -> None:
    s3 = CannedS3(otherwise=lambda _: error_answer(403, "AccessDenied"))

    reply = ask(connection_to(s3), "bucket", question)  # type: ignore[arg-type]  # ids need objects

    assert reply.error is not None
    assert reply.error.code == "AccessDenied"
    (sent,) = s3.sent
    assert sent.method != "PUT"
    assert sent.key == "" or sent.key.startswith(".s3_integration-check-")
    assert sent.method == "GET" or sent.query["uploadId"] == "s3_integration-no-such-upload"


def test_versions_are_asked_for_by_an_action_of_their_own() -> None:
    s3 = CannedS3(error_answer(404, "NoSuchVersion"))

    reply = ask(connection_to(s3), "bucket", READ_VERSIONS)

    assert s3.sent[0].query == {"versionId": "null"}
    assert reply.question.action == "s3:GetObjectVersion"
    assert reply.error is not None
    assert reply.error.code in reply.question.granted_by


def test_what_somebody_stored_under_a_reserved_key_is_an_answer_too() -> None:
    reply = ask(connection_to(CannedS3(object_answer(b"x"))), "bucket", READ_FILES)

    assert reply.error is None


def test_on_aws_the_token_service_tells_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")  # given keys have decided already
    with mock_aws():
        found = who_asks(connection_to(CannedS3()), "bucket")

    assert found == Identity("arn:aws:sts::123456789012:user/moto", "123456789012")


@pytest.mark.parametrize(
    ("owner", "name"), [(b"<DisplayName>Ann</DisplayName>", "Ann"), (b"", "id1")]
)
def test_elsewhere_the_owner_of_what_is_listed_does(owner: bytes, name: str) -> None:
    s3 = CannedS3(Answer(200, OWNER % owner))

    assert who_asks(connection_to(s3, ELSEWHERE), "bucket") == Identity(name, "")


def test_who_may_not_list_buckets_stays_unnamed() -> None:
    s3 = CannedS3(error_answer(403, "AccessDenied"))

    assert who_asks(connection_to(s3, ELSEWHERE), "bucket") == Identity("", "")


def test_a_server_that_fails_to_tell_is_an_error() -> None:
    s3 = CannedS3(error_answer(501, "NotImplemented"))

    with pytest.raises(S3IntegrationError):
        who_asks(connection_to(s3, ELSEWHERE), "bucket")


@pytest.mark.parametrize(("status", "whose"), [(200, "yours"), (403, "someone else's")])
def test_on_aws_the_account_of_the_owner_is_asked_for(status: int, whose: str) -> None:
    s3 = CannedS3(Answer(status))

    assert whose_bucket(connection_to(s3), "bucket", Identity("arn", "123456789012")) == whose
    assert s3.sent[0].headers["x-amz-expected-bucket-owner"] == "123456789012"


@pytest.mark.parametrize(
    ("bucket", "answer", "whose"),
    [
        ("mine", Answer(200, OWNER % b""), "yours"),
        ("other", Answer(200, OWNER % b""), "someone else's"),
        ("mine", error_answer(403, "AccessDenied"), "unknown"),
    ],
)
def test_elsewhere_a_bucket_is_ones_own_if_it_is_listed(
    bucket: str, answer: Answer, whose: str
) -> None:
    connection = connection_to(CannedS3(answer), ELSEWHERE)

    assert whose_bucket(connection, bucket, Identity("Ann", "")) == whose


def test_on_aws_nothing_is_concluded_without_an_account() -> None:
    assert whose_bucket(connection_to(CannedS3()), "bucket", Identity("", "")) == "unknown"


def test_the_region_is_what_the_bucket_says() -> None:
    s3 = CannedS3(Answer(headers={"x-amz-bucket-region": "eu-west-1"}))

    assert region_of_bucket(connection_to(s3), "bucket") == "eu-west-1"


@pytest.mark.parametrize("status", [200, 403, 404])
def test_a_round_trip_is_one_whatever_is_answered(status: int) -> None:
    s3 = CannedS3(otherwise=lambda _: Answer(status))

    assert 0 < round_trip_seconds(connection_to(s3), "bucket") < 60
    assert len(s3.sent) > 2
