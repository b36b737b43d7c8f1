"""Proxies that lead nobody to S3, as both wires meet them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
import urllib3.util.connection
from botocore.exceptions import ProxyConnectionError

from s3_integration.aws.errors import translate
from s3_integration.aws.retries import Answer, retry_base_seconds
from s3_integration.aws.session import connect
from s3_integration.config import EngineName, resolve_settings
from s3_integration.exceptions import S3IntegrationError
from s3_integration.transfer.wires import Wires
from tests.fixtures.mock_responses import CONFIG


class Proxy:
    """Answers each connection by the same words, written before anybody asks."""

    def __init__(self) -> None:
        self.words = b""
        self._ends: list[socket.socket] = []

    def connect(self, *_: object, **__: object) -> socket.socket:
        """See urllib3's `create_connection`."""
        ours, theirs = socket.socketpair()
        theirs.sendall(self.words)
        self._ends += [ours, theirs]
        return ours

    @property
    def connections(self) -> int:
        """How many were opened."""
        return len(self._ends) // 2

    def close(self) -> None:
        """End everything."""
        for end in self._ends:
            end.close()


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The proxy that the environment names."""
    monkeypatch.setenv("HTTPS_PROXY", "http://somebody:canary@proxy.example:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    proxy = Proxy()
    monkeypatch.setattr(urllib3.util.connection, "create_connection", proxy.connect)
    yield proxy
    proxy.close()


def refusal_through(engine: EngineName) -> S3IntegrationError:
    """How an upload by `engine` is refused."""
    settings = resolve_settings(
        config=replace(CONFIG, engine=engine, total_attempts=3), environment={}, dotenv={}
    )
    route = Wires(lambda: connect(settings), settings).choose("unit-tests")
    with pytest.raises(ProxyConnectionError) as caught:
        route.wire.put_object(b"x", Bucket="unit-tests", Key="k")
    return translate(caught.value, operation="PutObject", bucket="unit-tests", key="k")


@pytest.mark.parametrize("engine", ["direct", "boto3"])
@pytest.mark.parametrize(
    ("status", "phrase", "advice"),
    [
        (407, " Proxy Authentication Required", "HTTPS_PROXY"),
        (403, " Forbidden", "NO_PROXY"),
        (499, "", "NO_PROXY"),
    ],
    ids=str,
)
def test_a_proxy_that_refuses_is_told_as_such_and_asked_once(
    proxy: Proxy, engine: EngineName, status: int, phrase: str, advice: str
) -> None:
    proxy.words = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()

    error = refusal_through(engine)

    told = f"the proxy 'proxy.example:3128' refused to lead there (HTTP {status}{phrase})."
    assert error.message == f"Cannot upload 'k' to bucket 'unit-tests': {told}"
    assert advice in error.suggestion
    assert "canary" not in str(error)
    assert not error.retryable
    assert proxy.connections == 1


@pytest.mark.parametrize("engine", ["direct", "boto3"])
def test_a_proxy_that_cannot_reach_s3_now_is_asked_again(
    proxy: Proxy, engine: EngineName, slept: list[float]
) -> None:
    proxy.words = b"HTTP/1.1 503 Service Unavailable\r\n\r\n"

    error = refusal_through(engine)

    assert "(HTTP 503 Service Unavailable)" in error.message
    assert error.retryable
    assert proxy.connections == 3


def test_a_proxy_that_is_not_there_has_refused_nothing() -> None:
    error = ProxyConnectionError(proxy_url="http://proxy:1", error=OSError("no route"))

    told = translate(error, operation="PutObject", bucket="unit-tests", key="k")

    assert 'Failed to connect to proxy URL: "http://proxy:1"' in told.message
    assert retry_base_seconds(Answer(exception=error)) is not None
