"""Where requests go, and how a connection to there is opened."""

from __future__ import annotations

import ssl
from base64 import b64encode
from http.client import BadStatusLine
from typing import Any

import pytest
from botocore import exceptions as errors
from urllib3.exceptions import (
    ConnectTimeoutError,
    NewConnectionError,
    ProxyError,
)
from urllib3.exceptions import SSLError as Urllib3SSLError

from s3_integration.transfer import origin as origins
from s3_integration.transfer.http import Connections
from s3_integration.transfer.origin import Origin, connected_socket, proxy_headers
from tests.fixtures.raw_server import HEAD, LIMITS, ORIGIN

NOBODY = NewConnectionError(None, "refused")  # type: ignore[arg-type]  # whose connection is of no matter


class Refused:
    """A connection of urllib3 that can't be made, or is there at once."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error
        self.sock = "a socket"
        self.is_closed = False

    def connect(self) -> None:
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectTimeoutError("slow"), errors.ConnectTimeoutError),
        (ssl.SSLCertVerificationError("unknown"), errors.SSLError),
        (Urllib3SSLError("unknown"), errors.SSLError),
        (NOBODY, errors.EndpointConnectionError),
        (OSError("reset"), errors.EndpointConnectionError),
    ],
    ids=lambda it: type(it).__name__ if isinstance(it, Exception) else "",
)
def test_a_connection_that_fails_is_botocores_error(
    monkeypatch: pytest.MonkeyPatch, error: Exception, expected: type[Exception]
) -> None:
    refused = Refused(error)
    monkeypatch.setattr(origins, "_urllib3_connection", lambda *_: refused)

    with pytest.raises(expected) as caught:
        Connections(ORIGIN, LIMITS).exchange("GET", HEAD)

    assert type(caught.value) is expected
    assert refused.is_closed


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectTimeoutError("slow"), errors.ProxyConnectionError),
        (NOBODY, errors.ProxyConnectionError),
        (ProxyError("no tunnel", OSError()), errors.ProxyConnectionError),
        (OSError("Tunnel connection failed: 407 No"), errors.ProxyConnectionError),
        (BadStatusLine("SSH-2.0"), errors.EndpointConnectionError),
        (OSError("reset"), errors.EndpointConnectionError),
        (ssl.SSLCertVerificationError("unknown"), errors.SSLError),
    ],
    ids=str,
)
def test_what_the_proxy_is_to_blame_for_is_told_of_the_proxy_without_its_password(
    monkeypatch: pytest.MonkeyPatch, error: Exception, expected: type[Exception]
) -> None:
    monkeypatch.setattr(origins, "_urllib3_connection", lambda *_: Refused(error))
    origin = Origin("https", "s3.example.com", 443, "http://me:canary@proxy:3128")

    with pytest.raises(expected) as caught:
        Connections(origin, LIMITS).exchange("GET", HEAD)

    assert type(caught.value) is expected
    assert "canary" not in repr(caught.value)


def test_a_connection_that_is_made_gives_its_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origins, "_urllib3_connection", lambda *_: Refused(None))

    found: Any = connected_socket(ORIGIN, LIMITS)

    assert found == "a socket"


@pytest.mark.parametrize(
    ("origin", "address", "tunnel"),
    [
        (Origin("http", "s3", 9000), ("s3", 9000), None),
        (Origin("https", "s3", 443), ("s3", 443), None),
        (Origin("http", "s3", 80, "http://proxy:3128"), ("proxy", 3128), None),
        (Origin("https", "s3", 443, "http://proxy:3128"), ("proxy", 3128), ("s3", 443)),
        (Origin("http", "s3", 80, "http://proxy"), ("proxy", 80), None),
    ],
    ids=["http", "https", "http by proxy", "https by proxy", "proxy's usual port"],
)
def test_connections_lead_to_the_server_or_its_proxy(
    origin: Origin, address: tuple[str, int], tunnel: tuple[str, int] | None
) -> None:
    opened = origins._urllib3_connection(origin, LIMITS)

    assert (opened.host, opened.port) == address if tunnel is None else True
    found: Any = opened
    assert (found._tunnel_host, found._tunnel_port)[: 2 if tunnel else 1] == (tunnel or (None,))
    assert opened.timeout == LIMITS.connect_seconds


@pytest.mark.parametrize(
    ("origin", "url", "prefix"),
    [
        (Origin("http", "s3", 9000), "http://s3:9000", ""),
        (Origin("http", "::1", 9000), "http://[::1]:9000", ""),
        (Origin("http", "s3", 80, "http://proxy:1"), "http://s3:80", "http://s3:80"),
        (Origin("https", "s3", 443, "http://proxy:1"), "https://s3:443", ""),
    ],
    ids=["http", "ipv6", "by proxy", "tls by proxy"],
)
def test_only_a_plain_proxy_is_given_the_whole_url(origin: Origin, url: str, prefix: str) -> None:
    assert (origin.url, origin.target_prefix) == (url, prefix)


@pytest.mark.parametrize(
    ("auth", "told"),
    [("me:word@", "me:word"), ("me:a%40b%3A%C3%BC@", "me:a@b:ü"), ("me@", "me")],
    ids=["plain", "escaped", "no password"],
)
def test_a_proxy_is_told_who_asks(auth: str, told: str) -> None:
    (header,) = proxy_headers(f"http://{auth}proxy:1").items()

    assert header == ("proxy-authorization", f"Basic {b64encode(told.encode()).decode()}")


def test_a_proxy_that_asks_for_nobodys_name_is_told_none() -> None:
    assert proxy_headers("http://proxy:1") == {}
