"""Presigned links: where they lead, how long they hold, and that nobody tells of them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest

from s3_integration import Encryption, S3ConfigError, S3CredentialsError
from s3_integration.aws.presigned import Permit
from s3_integration.config import resolve_settings
from s3_integration.service import S3Service
from s3_integration.transfer.links import early_end
from tests.fixtures.mock_responses import CONFIG

NOW: Final = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
WEEK: Final = dt.timedelta(days=7)
GET: Final = Permit("GET", "a b/ö", 900)
PUT: Final = Permit("PUT", "k", 900)


def service_with(**settings: Any) -> S3Service:
    """A service without an S3: unit tests have no network, and no link needs one."""
    config = dataclasses.replace(CONFIG, **settings)
    return S3Service(settings=resolve_settings(config=config, environment={}, dotenv={}))


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, True).items()}


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({}, "https://unit-tests.s3.amazonaws.com/a%20b/%C3%B6?"),
        ({"region": "eu-west-1"}, "https://unit-tests.s3.eu-west-1.amazonaws.com/a%20b/%C3%B6?"),
        (
            {"endpoint_url": "http://127.0.0.1:9000"},
            "http://127.0.0.1:9000/unit-tests/a%20b/%C3%B6?",
        ),
        ({"endpoint_url": "https://s3.example"}, "https://s3.example/unit-tests/a%20b/%C3%B6?"),
        ({"bucket_name": "a.b"}, "https://s3.amazonaws.com/a.b/a%20b/%C3%B6?"),
    ],
)
def test_a_link_leads_to_where_the_client_would_go_and_s3_is_not_asked(
    settings: dict[str, str], place: str
) -> None:
    assert service_with(**settings).link(GET).startswith(place)


def test_a_link_has_s3s_time_where_this_machines_clock_is_off() -> None:
    service = service_with()
    service._connection.get().clock.offset = dt.timedelta(days=400)

    stamp = query_of(service.link(GET))["X-Amz-Date"]

    signed_at = dt.datetime.strptime(f"{stamp}+0000", "%Y%m%dT%H%M%SZ%z")
    ahead = signed_at - dt.datetime.now(dt.UTC)
    assert dt.timedelta(days=399) < ahead < dt.timedelta(days=401)


def test_a_link_of_temporary_credentials_carries_their_token() -> None:
    url = service_with(session_token="canary+token/==").link(GET)

    assert query_of(url)["X-Amz-Security-Token"] == "canary+token/=="


def test_the_requester_agrees_to_pay_by_the_link_itself() -> None:
    assert query_of(service_with(request_payer="requester").link(GET))["x-amz-request-payer"]


def test_an_upload_has_to_be_encrypted_as_the_settings_say() -> None:
    encryption = Encryption(method="SSE-KMS", kms_key_id="alias/k", bucket_key=True)
    service = service_with(encryption=encryption)

    prefix = "x-amz-server-side-encryption"
    assert query_of(service.link(PUT))["X-Amz-SignedHeaders"] == (
        f"host;{prefix};{prefix}-aws-kms-key-id;{prefix}-bucket-key-enabled"
    )
    assert query_of(service.link(GET))["X-Amz-SignedHeaders"] == "host"


@pytest.mark.parametrize("permit", [GET, PUT])
def test_a_customer_key_goes_into_no_link(permit: Permit) -> None:
    service = service_with(encryption=Encryption(method="SSE-C", customer_key=bytes(32)))

    with pytest.raises(S3ConfigError, match="SSE-C"):
        service.link(permit)


def test_a_link_needs_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    service = service_with()
    credentials = service._connection.get().credentials
    monkeypatch.setattr(
        type(credentials), "get_frozen_credentials", _fail_with(S3CredentialsError("None."))
    )

    with pytest.raises(S3CredentialsError):
        service.link(GET)


def _fail_with(error: Exception) -> Any:
    def fail(_: object) -> Any:
        raise error

    return fail


# Nobody tells of it


def test_no_log_line_at_any_level_tells_a_link(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    service = service_with(session_token="canary-token")

    url = service.link(GET)

    signature = query_of(url)["X-Amz-Signature"]
    assert "presign done: key 'a b/ö'" in caplog.text
    assert signature not in caplog.text
    assert "X-Amz-Expires" not in caplog.text


# How long it holds


@pytest.mark.parametrize(
    ("seconds", "expires_at", "longest", "told"),
    [
        (900, None, dt.timedelta.max, ""),
        (900, None, dt.timedelta(hours=36), ""),
        (36 * 3600 + 1, None, dt.timedelta(hours=36), "temporary credentials"),
        (900, NOW + dt.timedelta(seconds=900), WEEK, ""),
        (900, NOW + dt.timedelta(seconds=899), WEEK, "expire at 2026-01-31 12:14:59Z"),
        (900, NOW - WEEK, WEEK, "expire at 2026-01-24 12:00:00Z"),
    ],
)
def test_a_link_that_ends_with_its_credentials_is_told(
    seconds: int, expires_at: dt.datetime | None, longest: dt.timedelta, told: str
) -> None:
    early = early_end(seconds, NOW, expires_at, longest)

    assert (told in early) if told else (early == "")


def test_a_link_of_a_role_that_ends_sooner_is_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = service_with()
    found: Any = service._connection.get().credentials._found
    found._expiry_time = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)

    service.link(GET)

    (warning,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert "the link to 'a b/ö' ends before its time" in warning.getMessage()


def test_a_link_of_lasting_credentials_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    service_with().link(dataclasses.replace(GET, seconds=7 * 86400))

    assert [each for each in caplog.records if each.levelno == logging.WARNING] == []


def test_a_link_that_outlives_any_session_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    service_with(session_token="t" * 20).link(dataclasses.replace(GET, seconds=7 * 86400))

    assert "temporary credentials" in caplog.text
