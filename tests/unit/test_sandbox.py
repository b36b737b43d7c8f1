"""The sandbox without its sockets: what is stored to begin with, and how it ends."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn, Self

import pytest
from moto.s3.models import s3_backends

from s3_integration import sandbox
from s3_integration.config import S3Config
from s3_integration.exceptions import S3ConfigError


def seeds(files: dict[str, Any], scratch: Path) -> dict[str, bytes]:
    return {
        key: path.read_bytes() for key, path in sandbox._local_files(files, scratch / "content")
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    (path / "sub").mkdir(parents=True)
    (path / "b").write_bytes(b"in b")
    (path / "sub" / "ä c").write_bytes(b"in c")
    return path


def test_bytes_are_stored_as_they_are(tmp_path: Path) -> None:
    assert seeds({"a": b"1", "b": b""}, tmp_path) == {"a": b"1", "b": b""}


def test_text_and_paths_name_local_files(folder: Path, tmp_path: Path) -> None:
    assert seeds({"x": folder / "b", "y": str(folder / "b")}, tmp_path) == {
        "x": b"in b",
        "y": b"in b",
    }


@pytest.mark.parametrize(("key", "prefix"), [("", ""), ("p", "p/"), ("p/", "p/"), ("/", "/")])
def test_a_folder_is_stored_below_its_key(
    key: str, prefix: str, folder: Path, tmp_path: Path
) -> None:
    assert seeds({key: folder}, tmp_path) == {f"{prefix}b": b"in b", f"{prefix}sub/ä c": b"in c"}


@pytest.mark.parametrize("seed", [Path("missing"), "missing", 3, None, bytearray(b"x")])
def test_what_holds_no_content_is_refused(seed: object, tmp_path: Path) -> None:
    with pytest.raises(S3ConfigError, match="'key'"):
        seeds({"key": seed}, tmp_path)


def test_links_and_special_files_and_impossible_keys_are_counted_not_followed(
    folder: Path,
) -> None:
    (folder / "link").symlink_to("b")
    (folder / "folder link").symlink_to(".")
    (folder / "dangling").symlink_to("nowhere")
    os.mkfifo(folder / "fifo")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff")).write_bytes(b"")

    found = sandbox.files_under(folder)

    assert list(found.files) == ["b", "sub/ä c"]
    assert found.skipped == 5


def test_a_folder_that_cannot_be_read_is_an_error_never_an_empty_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> NoReturn:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("os.scandir", refuse)

    with pytest.raises(S3ConfigError, match="Permission denied"):
        sandbox.files_under(folder)


@pytest.mark.parametrize("missing", ["moto", "flask"])
def test_a_missing_moto_says_what_to_install(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "moto"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(S3ConfigError) as refusal, sandbox.sandbox():
        pass

    assert 'pip install "s3_integration[sandbox]"' in refusal.value.suggestion


def test_importing_the_module_imports_no_server() -> None:
    script = (
        "import sys, s3_integration.sandbox as _; "
        "print(sorted({'moto', 'werkzeug', 'flask', 'boto3'} & set(sys.modules)))"
    )

    run = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(sandbox.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout == "[]\n"


class FakeConnection:
    """A socket that remembers being cut."""

    def __init__(self, *, is_gone: bool = False) -> None:
        self.cut = threading.Event()
        self._is_gone = is_gone

    def shutdown(self, _how: int) -> None:
        """Stand in for the end of a connection."""
        self.cut.set()
        if self._is_gone:
            raise OSError


def test_the_end_cuts_what_is_still_asked_and_waits_for_it() -> None:
    slow, gone = FakeConnection(), FakeConnection(is_gone=True)
    entered = threading.Barrier(3)

    def moto_application(environ: dict[str, Any], _start_response: Any) -> list[bytes]:
        entered.wait()
        environ["werkzeug.socket"].cut.wait()
        raise ConnectionAbortedError

    application = sandbox._Application(moto_application)
    ended: list[type[BaseException]] = []

    def ask(connection: FakeConnection) -> None:
        try:
            application({"werkzeug.socket": connection}, None)
        except ConnectionAbortedError as error:
            ended.append(type(error))

    threads = [threading.Thread(target=ask, args=[connection]) for connection in (slow, gone)]
    for thread in threads:
        thread.start()
    entered.wait()
    application.close()

    assert application._connections == set()
    for thread in threads:
        thread.join()
    assert ended == [ConnectionAbortedError] * 2


def test_an_ended_sandbox_answers_nothing() -> None:
    application = sandbox._Application(lambda *_: [b"an answer"])
    environ = {"werkzeug.socket": FakeConnection()}
    assert application(environ, None) == [b"an answer"]

    application.close()

    with pytest.raises(ConnectionAbortedError):
        application(environ, None)


class FakeWsgiServer:
    """Serves nothing until it is shut down."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def serve_forever(self, **_: Any) -> None:
        """Wait for the end."""
        self.ended.wait()

    def shutdown(self) -> None:
        """Be the end."""
        self.ended.set()


class FakeListener:
    """A listening socket without a port."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing."""

    def getsockname(self) -> tuple[str, int]:
        """Name an address that nothing listens on."""
        return "127.0.0.1", 4321


@pytest.fixture
def without_sockets(monkeypatch: pytest.MonkeyPatch) -> FakeWsgiServer:
    server = FakeWsgiServer()
    monkeypatch.setattr(sandbox, "_listen", lambda _port: FakeListener())
    monkeypatch.setattr(sandbox, "_quiet_server", lambda *_: server)
    return server


def test_the_settings_lead_to_the_sandbox_until_it_ends(without_sockets: FakeWsgiServer) -> None:
    with sandbox.sandbox(bucket_name="my-notes") as config:
        assert config.endpoint_url == "http://127.0.0.1:4321"
        assert not without_sockets.ended.is_set()

    assert without_sockets.ended.is_set()


@pytest.mark.usefixtures("without_sockets")
def test_a_process_has_one_sandbox_at_a_time() -> None:
    with sandbox.sandbox(), pytest.raises(S3ConfigError, match=r"at http://127\.0\.0\.1:4321"):
        sandbox.sandbox().__enter__()

    with sandbox.sandbox():
        pass


def test_a_forked_child_neither_has_nor_ends_the_sandbox_of_its_parent(
    without_sockets: FakeWsgiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sandbox.sandbox():
        parent = sandbox._Server._running
        with monkeypatch.context() as child:
            child.setattr(os, "getpid", lambda: 1)
            server = sandbox._Server(0)
        server.stop()  # by the parent, whose it is not

        assert not without_sockets.ended.is_set()
        monkeypatch.setattr(sandbox._Server, "_running", parent)


@pytest.mark.usefixtures("without_sockets")
def test_what_moto_held_of_s3_is_forgotten_at_both_ends() -> None:
    def buckets() -> list[str]:
        return list(s3_backends["123456789012"]["aws"].buckets)

    s3_backends["123456789012"]["aws"].create_bucket("left-over", "us-east-1")
    with sandbox.sandbox():
        assert buckets() == []
        s3_backends["123456789012"]["aws"].create_bucket("its-own", "us-east-1")

    assert buckets() == []
    assert s3_backends.bucket_accounts == {}


@pytest.mark.usefixtures("without_sockets")
def test_first_files_go_the_way_of_every_upload(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    uploaded: dict[str, bytes] = {}
    endpoints: list[str | None] = []

    class FakeClient:
        def __init__(self, *, config: S3Config) -> None:
            endpoints.append(config.endpoint_url)

        def upload_file(self, path: Path, key: str) -> None:
            uploaded[key] = path.read_bytes()

    monkeypatch.setattr("s3_integration.client.S3Client", FakeClient)

    with sandbox.sandbox(files={"a": b"1", "b": b"2"}):
        assert uploaded == {"a": b"1", "b": b"2"}
        assert endpoints == ["http://127.0.0.1:4321"]


@pytest.mark.parametrize("port", [-1, 65536, 80.5, "80", None])
def test_a_port_that_is_none_is_refused(port: object) -> None:
    with pytest.raises(S3ConfigError, match="from 0 to 65535"):
        sandbox._listen(port)


def test_a_port_that_is_taken_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.EADDRINUSE, "in use (while attempting to bind)")

    monkeypatch.setattr("socket.create_server", taken)

    with pytest.raises(S3ConfigError, match=r"port 80 of 127\.0\.0\.1: Address already in use"):
        sandbox._listen(80)


def test_moto_stumbling_goes_to_the_log_and_its_access_lines_nowhere(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sandbox._log_failure("error", "Error on request: %s", "x")
    sandbox._log_failure("error", "100 %")
    sandbox._log_nothing("info", "GET /?X-Amz-Signature=x")

    assert [record.getMessage() for record in caplog.records] == [
        "error in the sandbox: Error on request: x",
        "error in the sandbox: 100 %",
    ]
