"""s3i doctor on real servers, and before everything that may be wrong with the way to them."""

from __future__ import annotations

import datetime as dt
import os
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from s3_integration import HealthLine, HealthReport, S3Client, S3Config
from tests.docs import doctor_page
from tests.fixtures.ceph import CephServer
from tests.fixtures.certificates import write_certificates
from tests.fixtures.children import PACKAGE_PARENT
from tests.fixtures.memory_server import memory_server
from tests.fixtures.recording_proxy import recording_proxy
from tests.fixtures.servers import ServerUnderTest
from tests.fixtures.shell import PATIENCE_SECONDS, S3I

BUCKET = "agent-notes"


@pytest.fixture
def shows(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Compare a screen with the page's, or write it there."""

    def compare(title: str, screen: str, **names: str) -> None:
        shown = doctor_page.normalised(screen, **names)
        if request.config.getoption("--write-doctor-page"):
            doctor_page.write(title, shown)
        assert doctor_page.screens()[title] == shown, "write the page anew"

    return compare


def run_doctor(config: S3Config, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does, with settings of the environment."""
    told = {
        "AWS_ACCESS_KEY_ID": config.access_key_id,
        "AWS_SECRET_ACCESS_KEY": config.secret_access_key,
        "AWS_ENDPOINT_URL_S3": config.endpoint_url,
        "AWS_REGION": config.region,
        "S3_INTEGRATION_BUCKET": config.bucket_name,
        "PYTHONPATH": str(PACKAGE_PARENT),
        "PYTHONWARNINGS": "error",
    }
    home = {name: "~/.aws/" + rest for name, rest in _FILES.items()}
    environment = os.environ | home | {name: text for name, text in told.items() if text}
    return subprocess.run(
        [*S3I, "doctor", *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


_FILES = {"AWS_CONFIG_FILE": "config", "AWS_SHARED_CREDENTIALS_FILE": "credentials"}


@pytest.fixture
def config(config: S3Config, plain: Any) -> S3Config:
    """Settings with a bucket that is there."""
    plain.create_bucket(Bucket=config.bucket_name)
    return config


def only_on(server: ServerUnderTest, name: str) -> None:
    if server.name != name:
        pytest.skip(f"its screen is that of {name}")


def line(report: HealthReport, name: str) -> HealthLine:
    return next(line for line in report.lines if line.name == name)


def failed(report: HealthReport) -> list[str]:
    return [line.name for line in report.lines if line.status == "failed"]


def test_all_is_well_on_every_server_and_nothing_is_changed(
    server: ServerUnderTest, config: S3Config, plain: Any
) -> None:
    report = S3Client(config=config, create_bucket=False).check()

    assert failed(report) == []
    assert line(report, "may read files").status == "ok"
    assert line(report, "clock").status == "ok"
    assert "Contents" not in plain.list_objects_v2(Bucket=config.bucket_name)


def test_a_real_write_leaves_nothing_in_a_versioned_bucket(
    server: ServerUnderTest, config: S3Config, plain: Any
) -> None:
    server.must_have("versions")
    plain.put_bucket_versioning(
        Bucket=config.bucket_name, VersioningConfiguration={"Status": "Enabled"}
    )

    report = S3Client(config=config, create_bucket=False).check(write="yes")

    assert "stored, read back and deleted" in line(report, "write, read, delete").fact
    left = plain.list_object_versions(Bucket=config.bucket_name)
    assert not {"Versions", "DeleteMarkers"} & left.keys()


def test_who_may_do_nothing_is_told_so_for_each_permission(
    server: ServerUnderTest, config: S3Config, ceph_server: CephServer
) -> None:
    only_on(server, "ceph")
    ceph_server.add_user("doctor", "doctor-key-id", "doctor-secret")
    stranger = replace(config, access_key_id="doctor-key-id", secret_access_key="doctor-secret")

    report = S3Client(config=stranger, create_bucket=False).check()

    assert line(report, "signature").status == "ok"
    assert line(report, "bucket").fact.endswith("is there, and someone else's")
    permissions = [it for it in report.lines if it.name.startswith("may ")]
    untold = {"may read files", "may read versions", "may write files"}
    assert {it.name for it in permissions if "is missing" not in it.fact} <= untold
    assert {it.status for it in permissions} == {"warning", "failed"}


def test_the_screen_on_moto(
    server: ServerUnderTest, config: S3Config, tmp_path: Path, shows: Callable[..., None]
) -> None:
    only_on(server, "moto")

    ran = run_doctor(config, tmp_path)

    shows("On moto", ran.stdout, **{BUCKET: config.bucket_name})
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_screen_on_ceph(
    server: ServerUnderTest, config: S3Config, tmp_path: Path, shows: Callable[..., None]
) -> None:
    only_on(server, "ceph")

    ran = run_doctor(config, tmp_path, "--write")

    shows("On Ceph, with a real write", ran.stdout, **{BUCKET: config.bucket_name})
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_screen_without_credentials(
    server: ServerUnderTest, config: S3Config, tmp_path: Path, shows: Callable[..., None]
) -> None:
    only_on(server, "moto")
    keyless = replace(config, access_key_id=None, secret_access_key=None)

    ran = run_doctor(keyless, tmp_path)

    shows("Without credentials", ran.stdout, **{BUCKET: config.bucket_name})
    assert (ran.returncode, ran.stderr) == (1, "")


def test_the_screen_with_a_wrong_clock(
    server: ServerUnderTest, config: S3Config, tmp_path: Path, shows: Callable[..., None]
) -> None:
    only_on(server, "moto")
    with recording_proxy(config.endpoint_url or "") as relay:
        relay.clock_ahead = dt.timedelta(hours=3)

        ran = run_doctor(replace(config, endpoint_url=relay.endpoint_url), tmp_path)

        assert {seen.status for seen in relay.requests} & {403} == set()
    shows("With a wrong clock", ran.stdout, **{BUCKET: config.bucket_name})
    assert (ran.returncode, ran.stderr) == (1, "")


def test_the_screen_with_a_wrong_region(
    server: ServerUnderTest,
    another_config: S3Config,
    tmp_path: Path,
    plain: Any,
    shows: Callable[..., None],
) -> None:
    only_on(server, "moto")
    bucket_name = another_config.bucket_name
    plain.create_bucket(
        Bucket=bucket_name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )

    ran = run_doctor(another_config, tmp_path)

    shows("With a wrong region", ran.stdout, **{BUCKET: bucket_name})
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_screen_where_nobody_answers(
    server: ServerUnderTest, config: S3Config, tmp_path: Path, shows: Callable[..., None]
) -> None:
    only_on(server, "moto")
    with a_port_that_refuses() as url:
        ran = run_doctor(replace(config, endpoint_url=url), tmp_path)

    shows("Where nobody answers", ran.stdout, **{BUCKET: config.bucket_name})
    assert (ran.returncode, ran.stderr) == (1, "")


@contextmanager
def a_port_that_refuses() -> Iterator[str]:
    """A port that is bound, but not listened at: connections are refused, and nobody gets it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def a_server_that_says(content: bytes) -> Iterator[str]:
    """A server that answers whatever it is asked by `content`, and then says no more."""
    over = threading.Event()

    def serve() -> None:
        with listening:
            while not over.is_set():
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                connection.recv(65536)
                connection.sendall(content)
                open_ones.append(connection)

    open_ones: list[socket.socket] = []
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield url
    finally:
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        for connection in open_ones:
            connection.close()


def local_config(url: str, **settings: Any) -> S3Config:
    return S3Config("notes", "us-east-1", "key-id", "secret-key", endpoint_url=url, **settings)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "timed out"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", "not as S3 does"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://a/\r\nContent-Length: 0\r\n\r\n", "not as S3"),
    ],
    ids=["silence", "another protocol", "a web page", "a redirect"],
)
def test_what_is_no_s3_is_told_within_seconds(content: bytes, told: str) -> None:
    with a_server_that_says(content) as url:
        client = S3Client(config=local_config(url, read_timeout_seconds=0.5))
        began = time.monotonic()

        report = client.check()

    assert time.monotonic() - began < 30
    assert "network" in failed(report)
    assert re.search(told, line(report, "network").fact)


@pytest.mark.parametrize("is_trusted", [True, False])
def test_a_certificate_is_told_of_where_it_is_trusted(tmp_path: Path, is_trusted: bool) -> None:
    write_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    with memory_server("127.0.0.1", context) as server:
        ca_bundle = str(tmp_path / "ca.pem") if is_trusted else None

        report = S3Client(config=local_config(server.url, ca_bundle=ca_bundle)).check()

    if is_trusted:
        assert line(report, "TLS").fact.startswith("TLSv1.3, certificate by s3_integration tests")
        assert line(report, "TLS").status == "warning"  # it is good for a day
    else:
        assert failed(report) == ["network"]
        assert "ca_bundle" in line(report, "network").next_step
