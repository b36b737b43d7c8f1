"""The local S3 inside the process: what it gives, and that it keeps to itself."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import s3_integration
from s3_integration.client import S3Client
from s3_integration.config import S3Config
from s3_integration.exceptions import S3BucketError, S3ConfigError, S3IntegrationError
from s3_integration.sandbox import sandbox

PACKAGE_PARENT = Path(s3_integration.__file__).parents[1]


def stored(config: S3Config, key: str, scratch: Path) -> bytes:
    """What is stored under a key."""
    return Path(S3Client(config=config).download_file(key, scratch / "fetched")).read_bytes()


def keys(config: S3Config) -> list[str]:
    return [file["key"] for file in S3Client(config=config).list_files()]


def connect(config: S3Config) -> socket.socket:
    address = urlsplit(config.endpoint_url or "")
    return socket.create_connection((address.hostname or "", address.port or 0), timeout=10)


def test_what_is_uploaded_comes_back(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(os.urandom(20 * 1024 * 1024))  # in parts, too

    with sandbox() as config:
        S3Client(config=config).upload_file(tmp_path / "a.bin", "deep/a.bin")

        assert stored(config, "deep/a.bin", tmp_path) == (tmp_path / "a.bin").read_bytes()


def test_the_settings_are_those_of_the_sandbox() -> None:
    with sandbox(bucket_name="my-notes") as config:
        host = urlsplit(config.endpoint_url or "").hostname

        assert (host, config.bucket_name, config.region) == ("127.0.0.1", "my-notes", "us-east-1")
        assert (config.access_key_id, config.secret_access_key) == ("sandbox", "sandbox")


def test_it_begins_empty_like_a_new_account() -> None:
    with sandbox() as config, pytest.raises(S3BucketError):
        keys(config)


def test_files_are_there_from_the_beginning(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "b.txt").write_bytes(b"in b")
    (tmp_path / "c.txt").write_bytes(b"in c")

    with sandbox(
        files={"a": b"in a", "docs": folder, "c": tmp_path / "c.txt", "d": str(tmp_path / "c.txt")}
    ) as config:
        contents = {key: stored(config, key, tmp_path) for key in keys(config)}

    assert contents == {"a": b"in a", "c": b"in c", "d": b"in c", "docs/sub/b.txt": b"in b"}


def test_one_sandbox_does_not_see_what_another_held(tmp_path: Path) -> None:
    with sandbox(files={"first": b"1"}) as config:
        assert keys(config) == ["first"]

    with sandbox(files={"second": b"2"}) as config:
        assert keys(config) == ["second"]


def test_a_second_one_inside_is_refused_and_leaves_the_first_as_it_is(tmp_path: Path) -> None:
    with sandbox(files={"a": b"1"}) as config:
        with pytest.raises(
            S3ConfigError, match=f"already in this process, at {config.endpoint_url}"
        ):
            sandbox(files={"b": b"2"}).__enter__()

        assert keys(config) == ["a"]


def test_a_block_that_fails_ends_its_sandbox_too() -> None:
    with pytest.raises(KeyError), sandbox() as config:
        raise KeyError

    with pytest.raises(ConnectionRefusedError):
        connect(config)
    with sandbox() as config:
        connect(config).close()


@pytest.mark.parametrize("files", [{"a": Path("missing")}, {"": b"1"}, {"k" * 1025: b"1"}])
def test_files_that_cannot_be_stored_end_the_sandbox_before_its_block(
    files: dict[str, bytes | Path],
) -> None:
    before = set(threading.enumerate())

    with pytest.raises(S3IntegrationError):
        sandbox(files=files).__enter__()

    assert not set(threading.enumerate()) - before  # those of earlier tests may be ending


def test_a_port_can_be_chosen_and_used_again_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    for _ in range(2):
        with sandbox(port=port, files={"a": b""}) as config:
            assert config.endpoint_url == f"http://127.0.0.1:{port}"
            assert keys(config) == ["a"]


def test_a_port_that_is_taken_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        with pytest.raises(S3ConfigError, match=rf"port {port} of 127\.0\.0\.1: Address already"):
            sandbox(port=port).__enter__()


@pytest.mark.parametrize("port", [-1, 65536, 80.5])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(S3ConfigError, match="cannot listen on port"):
        sandbox(port=port).__enter__()


def test_a_bucket_name_that_is_none_is_refused_and_nothing_runs_on() -> None:
    before = set(threading.enumerate())

    with pytest.raises(S3ConfigError):
        sandbox(bucket_name="Not A Bucket").__enter__()

    assert not set(threading.enumerate()) - before  # those of earlier tests may be ending


def test_nothing_is_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "werkzeug")

    with sandbox(files={"a": b"1"}) as config:
        stored(config, "a", tmp_path)

    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.name == "werkzeug"]


def test_its_credentials_stay_out_of_the_environment() -> None:
    before = dict(os.environ)

    with sandbox(files={"a": b"1"}):
        assert dict(os.environ) == before


@pytest.mark.parametrize(
    "surroundings",
    [
        {"AWS_ACCESS_KEY_ID": "AKIAREAL", "AWS_SECRET_ACCESS_KEY": "r", "AWS_SESSION_TOKEN": "r"},
        {"AWS_PROFILE": "missing"},
        {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"},
        {"AWS_ENDPOINT_URL_S3": "https://s3.invalid", "AWS_ENDPOINT_URL": "https://s3.invalid"},
        {"S3_INTEGRATION_BUCKET": "another-bucket"},
        {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"},
    ],
    ids=lambda surroundings: next(iter(surroundings)),
)
def test_nothing_in_the_environment_leads_away_from_it(
    surroundings: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)

    with sandbox(files={"a": b"1"}) as config:
        assert stored(config, "a", tmp_path) == b"1"


def test_a_client_without_settings_never_ends_up_in_the_sandbox(tmp_path: Path) -> None:
    with sandbox(files={"a": b"1"}), pytest.raises(S3IntegrationError):
        S3Client().file_exists("a")  # no credentials here, and no endpoint but AWS' own


def test_a_request_that_outlives_its_sandbox_stores_nothing_in_the_next(tmp_path: Path) -> None:
    with sandbox(files={"a": b"1"}) as config:
        connection = connect(config)
        head = f"PUT /{config.bucket_name}/late HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
        connection.sendall(head.encode() + b"la")
        keys(config)  # by now the server has taken the request up

    with connection, sandbox(files={"a": b"1"}) as config:
        assert connection.recv(1) in {b"", b"H"}  # cut off, or refused
        assert keys(config) == ["a"]


def test_a_forked_child_ends_without_its_parents_sandbox() -> None:
    script = """
import os
from s3_integration.sandbox import sandbox
with sandbox() as config:
    child = os.fork()
    if not child:
        with sandbox() as other:
            assert other.endpoint_url != config.endpoint_url
if not child:
    os._exit(0)
_, status = os.waitpid(child, 0)
print("child ended with", os.waitstatus_to_exitcode(status))
"""
    command = [sys.executable, "-c", script]

    run = subprocess.run(
        command, cwd=PACKAGE_PARENT, capture_output=True, text=True, timeout=60, check=False
    )

    assert (run.stdout, run.stderr) == ("child ended with 0\n", "")
