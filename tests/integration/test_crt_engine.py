"""awscrt itself, on servers of this machine: what no stand-in for it would show."""

from __future__ import annotations

import gc
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import awscrt.s3
import pytest

from s3_integration import S3Client, S3Config, S3IntegrationError
from s3_integration.transfer.crt import CrtAnswer
from s3_integration.transfer.wire import Pieces
from s3_integration.utils import MIB
from tests.fixtures.certificates import write_certificates
from tests.fixtures.children import environment_of, started_child
from tests.fixtures.contract import SMALL_PARTS, moves_there_and_back
from tests.fixtures.memory_server import AWSCRT, MemoryServer, memory_server

CONFIG: Final = S3Config("bucket", "us-east-1", "key-id", "secret", engine="crt")


def client_of(server: MemoryServer, config: S3Config = CONFIG) -> S3Client:
    """A client that needs several parts for a file of 11 MiB."""
    endpoint_url = config.endpoint_url or server.url
    settings = replace(config, endpoint_url=endpoint_url, transfer=SMALL_PARTS)
    return S3Client(config=settings, create_bucket=False)


@pytest.fixture
def large() -> bytes:
    return os.urandom(11 * MIB)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no setting of the machine lead elsewhere."""
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_awscrt_carries_parts_and_ranges(host: str, tmp_path: Path, large: bytes) -> None:
    with memory_server(host) as server:
        assert moves_there_and_back(client_of(server), tmp_path, large)

        assert server.by_awscrt("PUT") == 3
        assert server.by_awscrt("GET") == 1  # the first of two shows that ranges are obeyed


def test_two_servers_on_one_host_are_not_confused(tmp_path: Path) -> None:
    with memory_server() as one, memory_server() as two:
        clients = [(server, client_of(server)) for server in (one, two)]
        for server, client in clients * 2:
            source = tmp_path / "source"
            source.write_text(server.url)
            client.upload_file(source, "key")

        assert [server.by_awscrt("PUT") for server in (one, two)] == [2, 2]
        assert [server.store.get("key") for server in (one, two)] == [
            server.url.encode() for server in (one, two)
        ]


def test_a_private_authority_is_trusted_where_it_is_named(tmp_path: Path, large: bytes) -> None:
    write_certificates(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    with memory_server(tls=tls) as server:
        trusting = replace(CONFIG, ca_bundle=str(tmp_path / "ca.pem"))
        client = client_of(server, trusting)
        assert moves_there_and_back(client, tmp_path, b"small")
        assert moves_there_and_back(client, tmp_path, large)
        # Three parts, and before them the byte whose checksum is wrong (decision 0012).
        assert server.by_awscrt("PUT") == 3 + 1
        assert server.by_awscrt("GET") == 2

        (tmp_path / "source").write_bytes(b"content")
        with pytest.raises(S3IntegrationError, match="SSL validation failed") as caught:
            client_of(server).upload_file(tmp_path / "source", "other")

        assert server.store.get("other") is None
        assert "ca_bundle" in caught.value.suggestion


def test_a_proxy_of_the_environment_is_used_though_not_by_awscrt(
    tmp_path: Path, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = replace(CONFIG, endpoint_url="http://s3.example.com", plain_http="anywhere")
    with memory_server() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)

        assert moves_there_and_back(client_of(proxy, far), tmp_path, large)
        assert proxy.agents
        assert proxy.by_awscrt("PUT") == 0


def test_what_was_carried_is_not_kept_in_memory(tmp_path: Path, large: bytes) -> None:
    before = _kept_bodies()
    with memory_server() as server:
        client = client_of(server)
        assert moves_there_and_back(client, tmp_path, large)

        assert server.by_awscrt("PUT") == 3
        assert ends_as(lambda: _kept_bodies() - before, set())


def test_what_could_not_be_carried_is_not_kept_either(tmp_path: Path) -> None:
    before = _kept_bodies()
    (tmp_path / "source").write_bytes(b"content")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = replace(CONFIG, endpoint_url=url, total_attempts=2)

    with pytest.raises(S3IntegrationError):
        S3Client(config=config, create_bucket=False).upload_file(tmp_path / "source")

    assert ends_as(lambda: _kept_bodies() - before, set())


def test_awscrts_client_goes_with_ours(tmp_path: Path) -> None:
    before = _kept_clients()
    with memory_server() as server:
        client = client_of(server)
        moves_there_and_back(client, tmp_path, b"content")
        while_in_use = _kept_clients() - before
        del client

        assert len(while_in_use) == 1
        assert ends_as(lambda: _kept_clients() - before, set())


_UPLOAD: Final = """
import sys
from s3_integration import S3Client

S3Client(create_bucket=False).upload_file(sys.argv[1], "key")
"""


def test_ctrl_c_ends_a_program_that_waits_for_awscrt(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"content")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        environment = environment_of(replace(CONFIG, endpoint_url=url), S3_INTEGRATION_ENGINE="crt")
        with started_child(_UPLOAD, source, environment=environment) as child:
            connection, _ = silent.accept()
            with connection:
                connection.settimeout(30)
                assert AWSCRT.encode() in connection.recv(65536)

                child.process.send_signal(signal.SIGINT)

                # Python's own status for a KeyboardInterrupt that nobody caught.
                assert child.process.wait(20) == -signal.SIGINT


def _kept_clients() -> set[int]:
    return _kept(awscrt.s3.S3Client)


def _kept_bodies() -> set[int]:
    return _kept(CrtAnswer, Pieces)


def _kept(*kinds: type) -> set[int]:
    """What there is of these kinds, told apart by where it is in memory."""
    gc.collect()
    return {id(it) for it in gc.get_objects() if isinstance(it, kinds)}


def ends_as(look: Callable[[], object], expected: object) -> bool:
    """Whether it comes to that within seconds: awscrt's threads let go of things in their time."""
    deadline = time.monotonic() + 10
    while (found := look()) != expected and time.monotonic() < deadline:
        time.sleep(0.01)
    return found == expected
