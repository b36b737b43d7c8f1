"""The first question to an endpoint: what is answered, by whom, and that nothing is signed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from s3_integration.aws.session import Way
from s3_integration.exceptions import S3IntegrationError
from s3_integration.transfer import contact
from s3_integration.transfer.contact import make_contact
from tests.fixtures.raw_server import HASTY, LIMITS, RawServer, Script, http_answer

WAY = Way("http://s3.example.com:9000/base", "us-east-1", {}, None)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RawServer]:
    server = RawServer()
    monkeypatch.setattr(contact, "connected_socket", server.connect)
    yield server
    server.close()


def test_whatever_is_answered_is_told(server: RawServer) -> None:
    server.answers(http_answer(403, b"<Error>", Date="Sat, 31 Jan 2026 12:00:00 GMT"))

    found = make_contact(WAY, "bucket", LIMITS)

    assert (found.status, found.body, found.tls) == (403, b"<Error>", None)
    assert found.headers["date"] == "Sat, 31 Jan 2026 12:00:00 GMT"
    assert abs(found.at - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)


def test_the_bucket_is_asked_for_without_any_signature(server: RawServer) -> None:
    server.answers(http_answer())

    make_contact(WAY, "bucket", LIMITS)

    asked = server.heard().decode().lower()
    assert asked.startswith("get /base/bucket?list-type=2&max-keys=1 http/1.1\r\n")
    assert "\r\nhost: s3.example.com:9000\r\n" in asked
    assert "authorization" not in asked
    assert server.is_closed()


def test_a_long_answer_is_not_read_to_its_end(server: RawServer) -> None:
    server.answers(http_answer(200, b"x" * 100_000))

    assert len(make_contact(WAY, "bucket", LIMITS).body) == 65536


@pytest.mark.parametrize("content", [b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 ", b"\0" * 100])
def test_what_is_no_http_is_an_error_of_the_network(server: RawServer, content: bytes) -> None:
    server.answers(Script(content, ends=True))

    with pytest.raises(S3IntegrationError, match="does not speak HTTP") as caught:
        make_contact(WAY, "bucket", LIMITS)

    assert caught.value.suggestion


def test_silence_is_an_error(server: RawServer) -> None:
    server.answers(b"")

    with pytest.raises(S3IntegrationError):
        make_contact(WAY, "bucket", HASTY)


def test_nobody_there_is_an_error_with_advice(server: RawServer) -> None:
    server.answers(EndpointConnectionError(endpoint_url="http://s3.example.com:9000"))

    with pytest.raises(S3IntegrationError, match="Could not connect") as caught:
        make_contact(WAY, "bucket", LIMITS)

    assert "Check the network" in caught.value.suggestion


def test_a_proxy_for_plain_http_is_asked_and_told_of_without_its_password(
    server: RawServer,
) -> None:
    server.answers(http_answer())
    way = replace(WAY, proxies={"http": "http://user:secret@proxy:3128"})

    found = make_contact(way, "bucket", LIMITS)

    assert found.proxy == "http://proxy:3128"
    asked = server.heard().decode()
    assert asked.startswith("GET http://s3.example.com:9000/base/bucket?")
    assert "proxy-authorization: Basic" in asked


def test_a_proxy_that_is_spoken_to_by_tls_is_not_looked_through() -> None:
    way = replace(WAY, proxies={"http": "https://proxy"})

    with pytest.raises(S3IntegrationError, match="proxy that is spoken to by TLS"):
        make_contact(way, "bucket", LIMITS)


def test_a_bundle_of_authorities_that_cannot_be_read_is_an_error() -> None:
    way = replace(WAY, endpoint_url="https://s3.example.com", ca_bundle="/no/such/file")

    with pytest.raises(S3IntegrationError, match="No such file"):
        make_contact(way, "bucket", LIMITS)


@pytest.mark.parametrize(
    ("certificate", "issuer", "ends"),
    [
        (
            {
                "issuer": ((("organizationName", "Trust"),), (("commonName", "Root"),)),
                "notAfter": "Feb  1 00:00:00 2027 GMT",
            },
            "Trust",
            dt.datetime(2027, 2, 1, tzinfo=dt.UTC),
        ),
        ({"issuer": ((("commonName", "Root"),),)}, "Root", None),
        ({}, "", None),
    ],
)
def test_a_certificate_tells_who_gave_it_and_when_it_ends(
    certificate: dict[str, Any], issuer: str, ends: dt.datetime | None
) -> None:
    found = contact.tls_told("TLSv1.3", certificate)

    assert found == contact.Tls("TLSv1.3", issuer, ends)
