"""A clock that is off: S3's own time is used, once, and it is told when that is no cure."""

from __future__ import annotations

import datetime as dt
from email.utils import format_datetime

import pytest
from botocore.auth import SIGV4_TIMESTAMP
from hypothesis import example, given
from hypothesis import strategies as st

from s3_integration.aws.clock import ServerClock, offset_of
from s3_integration.aws.errors import translated
from s3_integration.aws.session import Connection
from s3_integration.exceptions import S3AccessDeniedError, S3CredentialsError
from tests.fixtures.mock_responses import Answer, CannedS3, Sent, connection_to, error_answer

HOUR = dt.timedelta(hours=1)
A_MINUTE = dt.timedelta(minutes=1)


def date_header(ahead: dt.timedelta) -> dict[str, str]:
    return {"Date": format_datetime(dt.datetime.now(dt.UTC) + ahead, usegmt=True)}


def too_skewed(ahead: dt.timedelta) -> Answer:
    return error_answer(403, "RequestTimeTooSkewed", headers=date_header(ahead))


def signed_at(sent: Sent) -> dt.datetime:
    return dt.datetime.strptime(sent.headers["x-amz-date"] + "+0000", f"{SIGV4_TIMESTAMP}%z")


def ahead_of_here(sent: Sent) -> dt.timedelta:
    return signed_at(sent) - dt.datetime.now(dt.UTC)


def put(connection: Connection) -> None:
    with translated("upload", "unit-tests", "a"):
        connection.client.put_object(Bucket="unit-tests", Key="a", Body=b"content")


def head(connection: Connection) -> None:
    with translated("exists", "unit-tests", "a"):
        connection.client.head_object(Bucket="unit-tests", Key="a")


@pytest.mark.parametrize("ahead", [HOUR, -HOUR, 400 * 24 * HOUR], ids=str)
def test_the_second_request_is_signed_with_s3s_time(
    ahead: dt.timedelta, slept: list[float]
) -> None:
    s3 = CannedS3(too_skewed(ahead), Answer())

    put(connection_to(s3))

    first, second = s3.sent
    assert abs(ahead_of_here(first)) < A_MINUTE
    assert abs(ahead_of_here(second) - ahead) < A_MINUTE
    day = signed_at(second).strftime("%Y%m%d")
    assert f"/{day}/us-east-1/s3/aws4_request" in second.headers["authorization"]
    assert second.headers["authorization"] != first.headers["authorization"]
    assert slept == [0.0]


def test_s3s_time_is_used_for_later_requests_too(slept: list[float]) -> None:
    s3 = CannedS3(too_skewed(HOUR), Answer(), Answer())
    connection = connection_to(s3)

    put(connection)
    put(connection)

    assert len(s3.sent) == 3
    assert abs(ahead_of_here(s3.sent[2]) - HOUR) < A_MINUTE


def test_a_second_refusal_for_the_time_is_an_error_about_the_clock(slept: list[float]) -> None:
    s3 = CannedS3(too_skewed(HOUR), too_skewed(HOUR))

    with pytest.raises(S3CredentialsError) as caught:
        put(connection_to(s3))

    assert caught.value.code == "RequestTimeTooSkewed"
    assert "clock" in caught.value.message
    assert len(s3.sent) == 2


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Foo 2026"])
def test_a_refusal_without_a_usable_date_is_not_tried_again(date: str) -> None:
    s3 = CannedS3(error_answer(403, "RequestTimeTooSkewed", headers={"Date": date}))

    with pytest.raises(S3CredentialsError):
        put(connection_to(s3))

    assert len(s3.sent) == 1


def test_a_refused_head_with_a_far_off_date_is_signed_again_with_s3s_time(
    slept: list[float],
) -> None:
    s3 = CannedS3(Answer(403, headers=date_header(HOUR)), Answer())

    head(connection_to(s3))

    assert abs(ahead_of_here(s3.sent[1]) - HOUR) < A_MINUTE


def test_a_head_that_is_refused_at_s3s_time_too_is_a_missing_permission(
    slept: list[float],
) -> None:
    s3 = CannedS3(*[Answer(403, headers=date_header(HOUR))] * 2)

    with pytest.raises(S3AccessDeniedError):
        head(connection_to(s3))

    assert len(s3.sent) == 2


@pytest.mark.parametrize("ahead", [dt.timedelta(0), 14 * A_MINUTE, -14 * A_MINUTE], ids=str)
def test_a_refused_head_with_a_date_within_tolerance_is_a_missing_permission(
    ahead: dt.timedelta,
) -> None:
    s3 = CannedS3(Answer(403, headers=date_header(ahead)))

    with pytest.raises(S3AccessDeniedError):
        head(connection_to(s3))

    assert len(s3.sent) == 1


def test_a_refusal_with_a_reason_is_not_blamed_on_the_clock() -> None:
    s3 = CannedS3(error_answer(403, "AccessDenied", headers=date_header(HOUR)))

    with pytest.raises(S3AccessDeniedError):
        put(connection_to(s3))

    assert len(s3.sent) == 1


def test_a_presigned_url_is_left_to_botocore(slept: list[float]) -> None:
    connection = connection_to(CannedS3(too_skewed(HOUR), Answer()))
    put(connection)

    url = connection.client.generate_presigned_url(
        "get_object", Params={"Bucket": "unit-tests", "Key": "a"}
    )

    assert "Signature=" in url


def test_a_clock_that_was_never_set_changes_nothing() -> None:
    assert ServerClock()._choose_signer("s3v4", {}) is None


def test_only_requests_of_signature_version_4_are_signed_by_the_clock() -> None:
    clock = ServerClock()
    assert clock.set_from(date_header(HOUR)["Date"])

    assert clock._choose_signer("s3v4", {}) == clock._choose_signer("v4", {}) is not None
    assert clock._choose_signer("s3v4-query", {}) is None
    assert clock._choose_signer("v4a", {}) is None


@pytest.mark.parametrize(
    "date",
    ["Mon, 01 Jan 2035 10:00:00 GMT", "01 Jan 2035 10:00:00 -0000", "1 Jan 2035 12:00:00 +0200"],
)
def test_a_date_is_read_in_every_notation_of_its_time_zone(date: str) -> None:
    ahead = offset_of(date)

    assert ahead is not None
    there = dt.datetime.now(dt.UTC) + ahead
    assert abs(there - dt.datetime(2035, 1, 1, 10, tzinfo=dt.UTC)) < A_MINUTE


@given(
    st.text(max_size=40)
    | st.from_regex(r"Mon, \d{1,30} Jan \d{1,30} \d{1,30}:\d\d:\d\d [+-]\d{1,30}", fullmatch=True)
)
@example("Mon, 01 Jan 99999999999999999999 00:00:00 GMT")
@example("Mon, 01 Jan 2026 00:00:00 +99999999999999999999")
@example("Mon, 01 Jan 0001 00:00:00 +2300")
@example("Fri, 31 Dec 9999 23:59:59 -2300")
def test_whatever_stands_in_the_date_is_a_difference_or_no_date(date: str) -> None:
    assert isinstance(offset_of(date), dt.timedelta | None)
