"""One client that gunicorn's master has used before it forks its workers (`preload_app`)."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from s3_integration import S3Client
from s3_integration.config import S3Config
from tests.fixtures.children import environment_of

_APP = """
import os
from s3_integration import S3Client

s3 = S3Client()
s3.write_bytes("by the master", b"m" * 100_000)

def app(environ, start_response):
    key = environ["PATH_INFO"].strip("/")
    s3.write_bytes(key, key.encode() * 1000)
    content = s3.read_bytes(key) + s3.read_bytes("by the master")
    headers = [("Content-Length", str(len(content))), ("X-Process", str(os.getpid()))]
    start_response("200 OK", headers)
    return [content]
"""
WORKERS = 2
REQUESTS = 40


@pytest.fixture(params=["auto", "crt", "boto3"])
def port(request: pytest.FixtureRequest, config: S3Config, tmp_path: Path) -> Iterator[int]:
    """Where gunicorn answers."""
    (tmp_path / "app.py").write_text(_APP)
    S3Client(config=config).write_bytes("the bucket is there", b"")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = (
            *(sys.executable, "-m", "gunicorn", "app:app", "--preload"),
            *("--workers", str(WORKERS), "--threads", "4"),
            *("--bind", f"fd://{listening.fileno()}"),
        )
        with subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment_of(config, S3_INTEGRATION_ENGINE=request.param),
            pass_fds=(listening.fileno(),),
        ) as master:
            try:
                yield listening.getsockname()[1]
            finally:
                master.send_signal(signal.SIGTERM)
                assert master.wait(30) == 0


def asked(port: int, key: str) -> tuple[str, bytes]:
    """The process that answered, and what."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", f"/{key}")
        answer = connection.getresponse()
        return answer.headers["X-Process"], answer.read()
    finally:
        connection.close()


def test_every_worker_stores_and_reads_by_the_masters_client(port: int) -> None:
    keys = [f"by-worker-{number:03}" for number in range(REQUESTS)]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda key: asked(port, key), keys))

    assert [content for _, content in answers] == [
        key.encode() * 1000 + b"m" * 100_000 for key in keys
    ]
    assert len({process for process, _ in answers}) == WORKERS
