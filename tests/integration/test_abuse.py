"""A server that leads elsewhere is not followed: no credentials get to another host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest

from s3_integration import S3Client, S3Config, S3IntegrationError
from s3_integration.config import EngineName
from tests.fixtures.answering import answering

_REDIRECT: Final = (
    '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>Go there.</Message>'
    "<Endpoint>{host}</Endpoint><Region>evil</Region><RequestId>1</RequestId></Error>"
)


@dataclass
class Told:
    """What a server does, and what it has been asked."""

    location: str = ""
    status: int = 307
    requests: list[str] = field(default_factory=list)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str) -> None:
        super().__init__((host, 0), _Handler)
        self.told = Told()
        self.url = f"http://{host}:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30

    def answer(self) -> None:
        told = self.server.told
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        told.requests.append(f"{self.requestline}\n{self.headers}")
        host = told.location.partition("//")[2]
        code = {301: "PermanentRedirect", 307: "TemporaryRedirect"}.get(told.status, "Found")
        body = _REDIRECT.format(code=code, host=host).encode()
        self.send_response(told.status)
        self.send_header("Location", f"{told.location}{self.path}")
        self.send_header("x-amz-bucket-region", "evil")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - http.server's names

    def log_message(self, *_line: object) -> None:
        """Keep quiet."""


def upload(client: S3Client, folder: Path) -> object:
    (folder / "a").write_bytes(b"content")
    return client.upload_file(folder / "a")


OPERATIONS: Final[dict[str, Callable[[S3Client, Path], object]]] = {
    "upload": upload,
    "download": lambda client, folder: client.download_file("a", folder / "b"),
    "list": lambda client, _: client.list_files(),
    "exists": lambda client, _: client.file_exists("a"),
    "delete": lambda client, _: client.delete_file("a"),
    "ensure": lambda client, _: client.bucket.ensure(),
    "check": lambda client, _: client.check(write="yes"),
}


@pytest.mark.promise(7)
@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_takes_no_credentials_to_another_host(
    status: int, engine: EngineName, tmp_path: Path
) -> None:
    with answering(_Server("127.0.0.1")) as asked, answering(_Server("127.0.0.2")) as elsewhere:
        asked.told.location, asked.told.status = elsewhere.url, status
        config = S3Config(
            "bucket", "us-east-1", "key-id", "secret-key", session_token="session-token",
            endpoint_url=asked.url, total_attempts=2, engine=engine,
        )  # fmt: skip
        client = S3Client(config=config, create_bucket=False)

        for operation in OPERATIONS.values():
            try:
                operation(client, tmp_path)
            except S3IntegrationError:
                continue

    assert len(asked.told.requests) >= len(OPERATIONS)
    assert any("session-token" in request for request in asked.told.requests)
    assert elsewhere.told.requests == []
