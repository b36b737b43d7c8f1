"""Every engine gets to S3 by each way that programs need, and stands back for those who mock it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from botocore.stub import Stubber

from s3_integration import S3Client, S3Config, S3DownloadError, S3IntegrationError, S3UploadError
from s3_integration.config import EngineName
from s3_integration.utils import MIB
from tests.fixtures.certificates import write_certificates
from tests.fixtures.children import environment_of, run_child
from tests.fixtures.contract import SMALL_PARTS, content_of, moves_there_and_back
from tests.fixtures.dripping import dripping_server
from tests.fixtures.memory_server import memory_server
from tests.fixtures.tunnel_proxy import tunnel_proxy

CONFIG: Final = S3Config(
    "bucket", "us-east-1", "key-id", "secret-key", transfer=SMALL_PARTS, plain_http="anywhere"
)
SIZES: Final = [1000, 7 * MIB]
"""By one request, and by parts."""


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no setting of the machine lead elsewhere."""
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """The server's side, with a certificate of an authority that nobody knows."""
    write_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    return context


def client_of(config: S3Config, **settings: Any) -> S3Client:
    return S3Client(config=replace(config, **settings), create_bucket=False)


def moves_both_sizes(client: S3Client, folder: Path) -> bool:
    """Whether files of both sizes come back as they were, twice."""
    return all(moves_there_and_back(client, folder, content_of(size)) for size in SIZES * 2)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_private_authority_is_trusted_where_it_is_named(
    tmp_path: Path, tls: ssl.SSLContext, engine: EngineName, host: str
) -> None:
    with memory_server(host, tls) as server:
        there = replace(CONFIG, endpoint_url=server.url, engine=engine)
        assert moves_both_sizes(client_of(there, ca_bundle=str(tmp_path / "ca.pem")), tmp_path)
        (tmp_path / "secret").write_bytes(b"not for strangers")

        with pytest.raises(S3IntegrationError, match="SSL validation failed"):
            client_of(there, total_attempts=1).upload_file(tmp_path / "secret", "other")

        assert server.store.get("other") is None


def test_ipv6_leads_to_loopback(tmp_path: Path, engine: EngineName) -> None:
    with memory_server("::1") as server:
        client = client_of(CONFIG, endpoint_url=server.url, engine=engine)

        assert moves_both_sizes(client, tmp_path)


def by_path(monkeypatch: pytest.MonkeyPatch, url: str) -> S3Config:
    del monkeypatch
    return replace(CONFIG, endpoint_url=url)


def by_virtual_host(monkeypatch: pytest.MonkeyPatch, url: str) -> S3Config:
    """The settings of somebody whose endpoint, told in AWS' own file, has a host per bucket."""
    monkeypatch.setenv("AWS_CONFIG_FILE", "aws-config")
    virtual = "s3 =\n  addressing_style = virtual\n"
    Path("aws-config").write_text(f"[default]\nendpoint_url = {url}\n{virtual}")
    return CONFIG


ADDRESSING: Final = [(by_path, "s3.example.com"), (by_virtual_host, "bucket.s3.example.com")]

Settings = Callable[[pytest.MonkeyPatch, str], S3Config]


@pytest.mark.parametrize(("settings", "host"), ADDRESSING)
def test_a_proxy_of_the_environment_leads_to_either_kind_of_address(
    tmp_path: Path,
    engine: EngineName,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    host: str,
) -> None:
    with memory_server() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        config = settings(monkeypatch, "http://s3.example.com")

        assert moves_both_sizes(client_of(config, engine=engine), tmp_path)
        assert proxy.hosts == {host}


@pytest.mark.parametrize(("settings", "host"), ADDRESSING)
def test_so_does_one_that_cannot_read_what_passes(
    tmp_path: Path,
    tls: ssl.SSLContext,
    engine: EngineName,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    host: str,
) -> None:
    with memory_server(tls=tls) as server, tunnel_proxy(server.server_port) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        config = settings(monkeypatch, "https://s3.example.com")
        ca_bundle = str(tmp_path / "ca.pem")

        assert moves_both_sizes(client_of(config, engine=engine, ca_bundle=ca_bundle), tmp_path)
        assert proxy.asked_for == {f"{host}:443"}
        assert server.hosts == {host}


IMPATIENT: Final = replace(
    CONFIG,
    total_attempts=1,
    connect_timeout_seconds=1,
    transfer=replace(SMALL_PARTS, stall_timeout_seconds=1, slowest_bytes_per_second=100),
)


def test_nobody_waits_long_for_a_proxy_whose_answer_drips(
    tmp_path: Path, tls: ssl.SSLContext, engine: EngineName, monkeypatch: pytest.MonkeyPatch
) -> None:
    with memory_server(tls=tls) as server, tunnel_proxy(server.server_port, 100) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        config = replace(IMPATIENT, endpoint_url="https://s3.example.com", engine=engine)

        with pytest.raises(S3UploadError) as caught:  # in 20 s it would lead on, and all be well
            client_of(config, ca_bundle=str(tmp_path / "ca.pem")).write_bytes("k", b"content")

        assert caught.value.retryable
        assert proxy.asked_for == {"s3.example.com:443"}
        assert not server.hosts


def test_nobody_waits_long_for_a_server_whose_tls_drips(
    tmp_path: Path, tls: ssl.SSLContext, engine: EngineName
) -> None:
    del tls
    record = b"\x16\x03\x03\x40\x00" + bytes(100)  # of 16 KiB, which would take an hour
    with dripping_server(record) as port:
        config = replace(IMPATIENT, endpoint_url=f"https://127.0.0.1:{port}", engine=engine)

        with pytest.raises(S3UploadError) as caught:
            client_of(config, ca_bundle=str(tmp_path / "ca.pem")).write_bytes("k", b"content")

        assert caught.value.retryable


def test_no_proxy_is_asked_for_hosts_that_need_none(
    tmp_path: Path, engine: EngineName, monkeypatch: pytest.MonkeyPatch
) -> None:
    with memory_server() as proxy, memory_server() as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        client = client_of(CONFIG, endpoint_url=server.url, engine=engine)

        assert moves_both_sizes(client, tmp_path)
        assert not proxy.agents


# Names of servers


@pytest.mark.parametrize("size_bytes", SIZES)
def test_a_name_that_nobody_knows_for_a_moment_is_looked_up_again(
    tmp_path: Path, engine: EngineName, monkeypatch: pytest.MonkeyPatch, size_bytes: int
) -> None:
    look_up = socket.getaddrinfo
    failures = [socket.gaierror(socket.EAI_AGAIN, "Temporary failure")] * 2

    def fails_at_first(*asked: Any, **more: Any) -> Any:
        if failures:
            raise failures.pop()
        return look_up(*asked, **more)

    with memory_server() as server:
        client = client_of(CONFIG, endpoint_url=f"http://localhost:{server.server_port}",
                           engine=engine)  # fmt: skip
        monkeypatch.setattr(socket, "getaddrinfo", fails_at_first)

        assert moves_there_and_back(client, tmp_path, content_of(size_bytes))
    assert not failures


def test_a_name_that_nobody_knows_is_an_error_that_tells_it(
    engine: EngineName, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for: list[str] = []

    def fails(host: str, *_: Any, **__: Any) -> None:
        asked_for.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    client = client_of(CONFIG, endpoint_url="http://s3.nowhere.invalid", total_attempts=3,
                       engine=engine)  # fmt: skip

    with pytest.raises(S3DownloadError, match=r"s3\.nowhere\.invalid") as caught:
        client.read_bytes("k")

    assert caught.value.retryable
    assert asked_for == ["s3.nowhere.invalid"] * 3  # each attempt looks it up anew


# Who pays


def test_whoever_agrees_to_pay_says_so_with_each_request(
    tmp_path: Path, engine: EngineName
) -> None:
    with memory_server() as server:
        client = client_of(CONFIG, endpoint_url=server.url, engine=engine,
                           request_payer="requester")  # fmt: skip

        assert moves_both_sizes(client, tmp_path)
        with pytest.raises(RuntimeError, match="enough"):
            client.upload_file(tmp_path / "there", "k", progress=enough)

        methods = {method for method, _ in server.agents}
    assert methods >= {"DELETE", "GET", "POST", "PUT"}
    assert server.payers == ["requester"] * len(server.agents)


def enough(*_: int) -> None:
    raise RuntimeError("enough")


# Those who mock S3

_MOCKED: Final = """
import sys
from pathlib import Path
from moto import mock_aws
from s3_integration import S3Client, S3Config, TransferConfig

folder = Path(sys.argv[1])
parts = TransferConfig(part_size_bytes=5 * 2**20, multipart_threshold_bytes=6 * 2**20)
config = S3Config(transfer=parts)

def move(client, size_bytes):
    source = folder / "source"
    source.write_bytes(b"x" * size_bytes)
    client.upload_file(source, "key", metadata={"a": "b"})
    client.download_file("key", folder / "back")
    assert (folder / "back").read_bytes() == source.read_bytes()
    assert client.delete_file("key") and not client.file_exists("key")

@mock_aws
def test_mine(made_before):
    for client in (made_before, S3Client("made-inside", config=config)):
        for size_bytes in (0, 10, 7 * 2**20):
            move(client, size_bytes)

for bucket_name in ("first", "second"):  # each test begins with an account that is empty
    test_mine(S3Client(bucket_name, config=config))
print("passed")
"""


@pytest.mark.parametrize("chosen", ["auto", "direct", "crt", "boto3"])
def test_users_tests_under_motos_mock_work(tmp_path: Path, chosen: str) -> None:
    environment = environment_of(CONFIG, S3_INTEGRATION_ENGINE=chosen)
    # Whatever moto did not catch would have nowhere to go.
    environment |= {"https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    del environment["S3_INTEGRATION_BUCKET"]

    child = run_child(_MOCKED, tmp_path, environment=environment, timeout_seconds=100)

    assert (child.stdout, child.returncode) == ("passed\n", 0), child.stderr


@pytest.mark.parametrize("chosen", ["auto", "direct", "crt", "boto3"])
def test_users_tests_with_botocores_stubber_work(tmp_path: Path, chosen: EngineName) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"content")
    client = client_of(CONFIG, engine=chosen)
    service: Any = client._service.get()
    told = {"ETag": '"9a0364b9e99bb480dd25e1f0284c8555"'}  # the MD5 of b"content"

    with Stubber(service._get_s3_client()) as stubber:
        stubber.add_response("put_object", told)
        client.upload_file(source, "k")

        stubber.assert_no_pending_responses()
