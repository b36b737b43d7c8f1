"""Retries: what is sent again and what never is, how often, and after how long.

Requests are counted on the wire, below botocore, whose own retries would show there.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from botocore import exceptions as botocore_errors
from hypothesis import given
from hypothesis import strategies as st

from s3_integration.aws import retries
from s3_integration.aws.errors import translated
from s3_integration.aws.retries import (
    delay_seconds,
    full_jitter,
    no_retries,
    retry_base_seconds,
)
from s3_integration.aws.session import Connection
from s3_integration.aws.tally import counting_retries
from s3_integration.exceptions import S3BucketError, S3IntegrationError
from tests.fixtures.mock_responses import CONFIG, Answer, CannedS3, connection_to, error_answer

URL = "https://s3.us-east-1.amazonaws.com"

AGAIN: list[Answer | Exception] = [
    *(error_answer(400, code) for code in ("BadDigest", "InvalidDigest", "RequestTimeout",
      "RequestTimeoutException", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch",
      "PriorRequestNotComplete",
      "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled",
      "RequestThrottledException", "TooManyRequestsException", "RequestLimitExceeded",
      "BandwidthLimitExceeded", "SlowDown")),
    *(error_answer(409, code) for code in ("OperationAborted", "ConditionalRequestConflict")),
    *(error_answer(status, "Whatever") for status in (429, 500, 502, 503, 504, 507, 520)),
    *(Answer(status) for status in (429, 500, 502, 503, 504)),
    error_answer(200, "InternalError"),
    error_answer(200, "SlowDown"),
    error_answer(503, "ServiceUnavailable"),
    botocore_errors.EndpointConnectionError(endpoint_url=URL),
    botocore_errors.ConnectTimeoutError(endpoint_url=URL),
    botocore_errors.ReadTimeoutError(endpoint_url=URL),
    botocore_errors.ConnectionClosedError(endpoint_url=URL),
    botocore_errors.ProxyConnectionError(proxy_url=URL),
    botocore_errors.HTTPClientError(error="reset"),
]  # fmt: skip

NEVER: list[Answer | Exception] = [
    *(Answer(status) for status in (304, 400, 403, 404, 405, 409, 412, 416, 501, 505)),
    *(error_answer(403, code) for code in ("AccessDenied", "SignatureDoesNotMatch",
      "InvalidAccessKeyId", "AllAccessDisabled")),
    *(error_answer(404, code) for code in ("NoSuchKey", "NoSuchBucket", "NoSuchUpload")),
    error_answer(400, "InvalidArgument"),
    error_answer(409, "BucketAlreadyExists"),
    error_answer(412, "PreconditionFailed"),
    error_answer(501, "NotImplemented"),
    error_answer(505, "HttpVersionNotSupported"),
    botocore_errors.SSLError(endpoint_url=URL, error=OSError("certificate verify failed")),
]  # fmt: skip


def name_of(reply: object) -> str:
    if isinstance(reply, Answer):
        return f"{reply.status}{reply.body.partition(b'<Code>')[2].partition(b'<')[0].decode()}"
    return type(reply).__name__


def put(connection: Connection) -> None:
    with translated("upload", "unit-tests", "a"):
        connection.client.put_object(Bucket="unit-tests", Key="a", Body=b"content")


@pytest.mark.parametrize("failure", AGAIN, ids=name_of)
def test_a_passing_failure_is_tried_five_times_in_all(
    failure: Answer | Exception, slept: list[float]
) -> None:
    s3 = CannedS3(*[failure] * 5)

    with pytest.raises(S3IntegrationError):
        put(connection_to(s3))

    assert s3.methods == ["PUT a"] * 5
    assert {sent.body for sent in s3.sent} == {b"content"}
    assert len(slept) == 4


@pytest.mark.parametrize("failure", AGAIN, ids=name_of)
def test_a_passing_failure_that_passes_is_no_failure(
    failure: Answer | Exception, slept: list[float]
) -> None:
    s3 = CannedS3(failure, Answer())

    put(connection_to(s3))

    assert len(s3.sent) == 2
    assert len(slept) == 1


@pytest.mark.parametrize("failure", NEVER, ids=name_of)
def test_a_failure_that_stays_is_tried_once(failure: Answer | Exception) -> None:
    s3 = CannedS3(failure)

    with pytest.raises(S3IntegrationError):
        put(connection_to(s3))

    assert s3.methods == ["PUT a"]


@pytest.mark.parametrize("failure", AGAIN, ids=name_of)
def test_nothing_is_tried_again_where_a_refusal_is_the_answer(failure: Answer | Exception) -> None:
    s3 = CannedS3(failure)

    with pytest.raises(S3IntegrationError), no_retries():
        put(connection_to(s3))

    assert s3.methods == ["PUT a"]


def test_after_that_failures_are_retried_as_ever(slept: list[float]) -> None:
    s3 = CannedS3(AGAIN[0], Answer())
    with no_retries():
        pass

    put(connection_to(s3))

    assert len(slept) == 1


@pytest.mark.parametrize("total_attempts", [1, 2, 7])
def test_the_number_of_attempts_is_the_setting_and_counts_the_first(
    total_attempts: int, slept: list[float]
) -> None:
    s3 = CannedS3(otherwise=lambda _: Answer(500))
    settings = {name: getattr(CONFIG, name) for name in ("region", "access_key_id")}
    config = type(CONFIG)(
        **settings, secret_access_key="canary-secret-key", total_attempts=total_attempts
    )

    with pytest.raises(S3IntegrationError):
        put(connection_to(s3, config))

    assert len(s3.sent) == total_attempts
    assert len(slept) == total_attempts - 1


@pytest.mark.parametrize("attempts", ["1", "3", "20", "nonsense"])
@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive", "nonsense"])
def test_botocores_own_settings_of_retries_change_nothing(
    mode: str, attempts: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, slept: list[float]
) -> None:
    monkeypatch.setenv("AWS_RETRY_MODE", mode)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", attempts)
    monkeypatch.setenv("AWS_NEW_RETRIES_2026", "true")
    s3 = CannedS3(otherwise=lambda _: Answer(503))

    with pytest.raises(S3IntegrationError):
        put(connection_to(s3))

    assert len(s3.sent) == 5
    assert len(slept) == 4


def test_a_profiles_settings_of_retries_change_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, slept: list[float]
) -> None:
    file = tmp_path / "config"
    file.write_text("[default]\nretry_mode = adaptive\nmax_attempts = 2\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    s3 = CannedS3(otherwise=lambda _: Answer(503))

    with pytest.raises(S3IntegrationError):
        put(connection_to(s3))

    assert len(s3.sent) == 5


@pytest.mark.parametrize(
    ("failure", "longest"),
    [
        (error_answer(400, "SlowDown"), [1.0, 2.0, 4.0, 8.0]),
        (error_answer(503, "ServiceUnavailable"), [1.0, 2.0, 4.0, 8.0]),
        (Answer(503), [1.0, 2.0, 4.0, 8.0]),
        (Answer(429), [1.0, 2.0, 4.0, 8.0]),
        (Answer(500), [0.1, 0.2, 0.4, 0.8]),
        (error_answer(400, "RequestTimeout"), [0.1, 0.2, 0.4, 0.8]),
        (botocore_errors.ReadTimeoutError(endpoint_url=URL), [0.1, 0.2, 0.4, 0.8]),
    ],
    ids=name_of,
)
def test_the_longest_waits_double_from_1_s_under_load_and_from_100_ms_else(
    failure: Answer | Exception,
    longest: list[float],
    monkeypatch: pytest.MonkeyPatch,
    slept: list[float],
) -> None:
    monkeypatch.setattr(retries, "full_jitter", lambda: 1.0)

    with pytest.raises(S3IntegrationError):
        put(connection_to(CannedS3(*[failure] * 5)))

    assert slept == pytest.approx(longest)


def test_waits_are_jittered_so_that_clients_do_not_return_together(slept: list[float]) -> None:
    for _ in range(4):
        with pytest.raises(S3IntegrationError):
            put(connection_to(CannedS3(*[Answer(503)] * 5)))

    assert len(set(slept)) == len(slept) == 16
    assert all(wait <= longest for wait, longest in zip(slept, [1, 2, 4, 8] * 4, strict=True))


def test_jitter_is_full_and_from_0_to_1() -> None:
    drawn = [full_jitter() for _ in range(1000)]

    assert all(0 <= each < 1 for each in drawn)
    assert min(drawn) < 0.1
    assert max(drawn) > 0.9


@given(st.integers(1, 100), st.sampled_from([0.1, 1.0]), st.floats(0, 1), st.text(max_size=9))
def test_no_wait_is_ever_longer_than_20_s(
    attempt: int, base_seconds: float, jitter: float, retry_after: str
) -> None:
    answer = retries.Answer(503, headers={"retry-after": retry_after})

    wait = delay_seconds(answer, attempt, base_seconds=base_seconds, jitter=jitter)

    assert jitter * min(20, base_seconds * 2 ** (attempt - 1)) <= wait <= 20


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        ("7", 7.0),
        ("1.5", 1.5),
        ("0", 0.5),
        ("0.2", 0.5),
        ("-3", 0.5),
        ("3600", 20.0),
        ("inf", 20.0),
        ("nan", 0.5),
        ("soon", 0.5),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 0.5),
    ],
)
def test_s3s_own_wish_for_a_pause_is_respected_up_to_20_s(
    retry_after: str, wait: float, monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    monkeypatch.setattr(retries, "full_jitter", lambda: 0.5)
    s3 = CannedS3(error_answer(503, "SlowDown", headers={"Retry-After": retry_after}), Answer())

    put(connection_to(s3))

    assert slept == [wait]


def test_every_retry_is_logged_and_counted(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    monkeypatch.setattr(retries, "full_jitter", lambda: 0.5)
    refused = botocore_errors.EndpointConnectionError(endpoint_url=URL)
    s3 = CannedS3(error_answer(503, "SlowDown"), Answer(500), refused, Answer())

    with counting_retries() as tally:
        put(connection_to(s3))

    lines = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert lines == [
        "PutObject failed (SlowDown), attempt 1 of 5; trying again in 0.50 s",
        "PutObject failed (500), attempt 2 of 5; trying again in 0.10 s",
        (
            f"PutObject failed (EndpointConnectionError: {refused}), attempt 3 of 5; "
            "trying again in 0.20 s"
        ),
    ]
    assert {each.name for each in caplog.records if each.levelno == logging.WARNING} == {
        "s3_integration.aws.retries"
    }
    assert tally.attempts == 4


def test_a_retry_whose_cause_has_no_code_is_told_by_its_status(
    caplog: pytest.LogCaptureFixture,
) -> None:
    retries.tell_of_retry("GetObject", retries.Answer(206), 1, 5, 0.25)

    assert caplog.messages == [
        "GetObject failed (HTTP 206), attempt 1 of 5; trying again in 0.25 s"
    ]


def test_the_last_failure_is_not_told_as_a_retry(
    caplog: pytest.LogCaptureFixture, slept: list[float]
) -> None:
    with counting_retries() as tally, pytest.raises(S3IntegrationError):
        put(connection_to(CannedS3(*[Answer(500)] * 5)))

    assert tally.attempts == 5
    assert sum("trying again" in line for line in caplog.messages) == 4


@pytest.mark.parametrize("stranger", [RuntimeError("a bug"), OSError("disk"), ValueError("x")])
def test_a_failure_of_this_machine_is_never_retried(stranger: Exception) -> None:
    assert retry_base_seconds(retries.Answer(exception=stranger)) is None


@given(st.integers(100, 499).filter(lambda status: status != 429))
def test_no_status_below_500_but_429_is_retried_for_its_own_sake(status: int) -> None:
    assert retry_base_seconds(retries.Answer(status, "")) is None


def test_a_header_that_is_not_there_is_empty() -> None:
    assert retries.Answer().header("date") == ""
    assert retries.Answer(headers={}).header("date") == ""


def test_a_response_that_was_parsed_to_nothing_keeps_its_status() -> None:
    class Http:
        status_code = 500
        headers: Any = {"Date": "now"}  # noqa: RUF012 - as botocore's

    answer = retries.Answer.from_botocore((Http(), {}), None)

    assert (answer.status, answer.code, answer.header("date")) == (500, "", "now")


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_gateway_that_redirects_everything_to_nowhere_is_an_error_soon(status: int) -> None:
    s3 = CannedS3(otherwise=lambda _: Answer(status))
    connection = connection_to(s3)

    with pytest.raises(S3BucketError), translated("HeadBucket", "unit-tests"):
        connection.client.head_bucket(Bucket="unit-tests")

    assert len(s3.sent) <= 3


def test_a_redirect_that_names_the_buckets_region_is_followed(slept: list[float]) -> None:
    elsewhere = Answer(301, headers={"x-amz-bucket-region": "eu-west-1"})
    s3 = CannedS3(elsewhere, Answer())

    connection_to(s3).client.head_bucket(Bucket="unit-tests")

    assert "/eu-west-1/s3/" in s3.sent[1].headers["authorization"]
