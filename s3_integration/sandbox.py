"""A local S3 inside the process, for trying, for demos and for your own tests.

    with sandbox(files={"notes/a.txt": b"hello"}) as config:
        S3Client(config=config).download_file("notes/a.txt", "a.txt")

It is moto's server on 127.0.0.1, in a thread of its own, with its own credentials. Those
are in the yielded settings alone: nothing is exported to the environment, and nothing
but these settings ever leads to a sandbox. Its files are gone when the block ends.

One process has one sandbox at a time, because moto keeps its files in its modules: a
second one inside the first is an `S3ConfigError`, and whatever moto holds of S3 (also for
a `mock_aws` of your own) is emptied when a sandbox begins and when it ends.
"""

from __future__ import annotations

import logging
import os
import socket
import stat
import tempfile
import threading
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from s3_integration.config import DEFAULT_REGION, S3Config
from s3_integration.exceptions import S3ConfigError
from s3_integration.utils import DEFAULT_BUCKET_NAME, key_problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    from werkzeug.serving import BaseWSGIServer

_log = logging.getLogger(__name__)

HOST = "127.0.0.1"
ACCESS_KEY_ID = "sandbox"
SECRET_ACCESS_KEY = "sandbox"  # noqa: S105 - a word for a server that checks none

Seed = bytes | str | os.PathLike[str]
"""What a file of the sandbox holds: the bytes themselves, or the path of a file or folder."""

_STOP_SECONDS = 5.0
"""How long the end waits for requests that are still being answered."""


@contextmanager
def sandbox(
    *,
    bucket_name: str = DEFAULT_BUCKET_NAME,
    files: Mapping[str, Seed] | None = None,
    port: int = 0,
) -> Iterator[S3Config]:
    """Run a local S3 while the block runs, and give the settings that lead to it.

    Args:
        bucket_name: the bucket of the settings. It exists once something is uploaded.
        files: what is stored to begin with, by key. Bytes are stored as they are; text is
            the path of a local file, or of a folder, everything under which is stored
            below the key ("" stands for the top). Links and special files are left out.
        port: where to listen on 127.0.0.1; 0 takes a free one.

    Raises:
        S3ConfigError: moto is not installed, the port is taken, a sandbox runs already in
            this process, or there is nothing under a path of `files`.
    """
    server = _Server(port)
    try:
        config = S3Config(
            bucket_name=bucket_name,
            region=DEFAULT_REGION,
            access_key_id=ACCESS_KEY_ID,
            secret_access_key=SECRET_ACCESS_KEY,
            endpoint_url=server.url,
        )
        _store(config, files or {})
        yield config
    finally:
        server.stop()


@dataclass(frozen=True, slots=True)
class FolderFiles:
    """The regular files under a folder."""

    files: Mapping[str, Path]
    """Local path by the path inside the folder, written with `/`; sorted."""
    skipped: int
    """Links, special files, and names that no key can hold."""


def files_under(folder: Path) -> FolderFiles:
    """Find the regular files under `folder`, without following links.

    Raises:
        S3ConfigError: a folder cannot be read.
    """
    found: dict[str, Path] = {}
    skipped = 0
    for parent, folder_names, file_names in os.walk(folder, onerror=_refuse_unreadable):
        skipped += sum(Path(parent, name).is_symlink() for name in folder_names)
        for path in (Path(parent, name) for name in file_names):
            name = path.relative_to(folder).as_posix()
            if stat.S_ISREG(path.lstat().st_mode) and not key_problem(name):
                found[name] = path
            else:
                skipped += 1
    return FolderFiles(dict(sorted(found.items())), skipped)


def _refuse_unreadable(error: OSError) -> NoReturn:
    message = f"The folder {str(error.filename)!r} cannot be read: {error.strerror}."
    raise S3ConfigError(message, suggestion="Name a folder that you may read.") from error


def _store(config: S3Config, files: Mapping[str, Seed]) -> None:
    """Put the first files into the sandbox, the way that every other upload goes."""
    from s3_integration.client import S3Client  # noqa: PLC0415 - not needed without files

    client = S3Client(config=config)
    with tempfile.TemporaryDirectory(prefix="s3_integration-sandbox-") as scratch:
        for key, path in _local_files(files, Path(scratch, "content")):
            client.upload_file(path, key)


def _local_files(files: Mapping[str, object], content_path: Path) -> Iterator[tuple[str, Path]]:
    """Each key with a local file that holds its bytes; `content_path` is used over and over."""
    for key, seed in files.items():
        if isinstance(seed, bytes):
            content_path.write_bytes(seed)
            yield key, content_path
        elif not isinstance(seed, str | os.PathLike):
            message = f"The file {key!r} of the sandbox is a {type(seed).__name__}."
            raise S3ConfigError(message, suggestion="Give bytes, or the path of a local file.")
        elif (path := Path(seed)).is_dir():
            folder = key if not key or key.endswith("/") else f"{key}/"
            yield from ((folder + name, file) for name, file in files_under(path).files.items())
        elif path.exists():
            yield key, path
        else:
            message = f"There is nothing at {str(path)!r}, the content of {key!r}."
            raise S3ConfigError(message, suggestion="Give bytes, or the path of a local file.")


class _Server:
    """moto's server from its start to its stop; the only one of this process.

    moto's own `ThreadedMotoServer` is not used: it waits for ever where the port is taken,
    and it writes a line on standard error for every request.
    """

    _claim = threading.Lock()
    _running: tuple[int, str] | None = None
    """Process id and URL of the sandbox that runs; a forked child has none."""

    def __init__(self, port: int) -> None:
        moto_app = _import_moto()
        with _listen(port) as listener, self._claim:
            self.url = f"http://{HOST}:{listener.getsockname()[1]}"
            self._refuse_a_second()
            _forget_files()
            self._application = _Application(
                moto_app.DomainDispatcherApplication(moto_app.create_backend_app)
            )
            self._wsgi_server = _quiet_server(self._application, listener)
            self._process_id = os.getpid()
            _Server._running = (self._process_id, self.url)
        self._thread = threading.Thread(
            target=self._wsgi_server.serve_forever,
            kwargs={"poll_interval": 0.05},  # seconds until `stop` is noticed
            name="s3_integration-sandbox",
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        """Answer no further request, and forget every file."""
        if os.getpid() != self._process_id:
            return  # a forked child has the object, but not the thread
        self._application.close()
        self._wsgi_server.shutdown()
        self._thread.join(_STOP_SECONDS)
        with self._claim:
            _forget_files()
            _Server._running = None

    def _refuse_a_second(self) -> None:
        process_id, url = self._running or (0, "")
        if process_id == os.getpid():
            raise S3ConfigError(
                f"A sandbox runs already in this process, at {url}.",
                suggestion="Use the settings of that one, or start the other in its own process.",
            )


class _Application:
    """moto's WSGI application for as long as the sandbox lives.

    Requests that outlive their sandbox would store into the next one, since both share
    moto's modules: the end cuts their connections and waits for them.
    """

    def __init__(self, moto_application: Any) -> None:
        self._moto_application = moto_application
        self._condition = threading.Condition()
        self._connections: set[socket.socket] = set()
        self._closed = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        connection = environ["werkzeug.socket"]
        with self._condition:
            if self._closed:
                raise ConnectionAbortedError  # werkzeug drops the connection without an answer
            self._connections.add(connection)
        try:
            return self._moto_application(environ, start_response)
        finally:
            with self._condition:
                self._connections.discard(connection)
                self._condition.notify_all()

    def close(self) -> None:
        """Cut every connection, and wait until moto is at rest."""
        with self._condition:
            self._closed = True
            for connection in self._connections:
                with suppress(OSError):  # the other side was faster
                    connection.shutdown(socket.SHUT_RDWR)
            self._condition.wait_for(lambda: not self._connections, _STOP_SECONDS)


def _import_moto() -> ModuleType:
    """Import moto's server, which takes half a second."""
    try:
        with warnings.catch_warnings():  # moto warns of what the error below says as well
            warnings.simplefilter("ignore")
            from moto.moto_server import werkzeug_app  # noqa: PLC0415 - slow, and optional
    except ImportError as error:
        raise S3ConfigError(
            f"The sandbox needs moto's server, which is not installed ({error}).",
            suggestion='Run: pip install "s3_integration[sandbox]"',
        ) from error
    return werkzeug_app


def _listen(port: object) -> socket.socket:
    """A listening socket, made here so that a taken port is the caller's error."""
    reason = "a port is a whole number from 0 to 65535"
    try:
        if isinstance(port, int) and 0 <= port <= 65535:
            return socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
    raise S3ConfigError(
        f"The sandbox cannot listen on port {port!r} of {HOST}: {reason}.",
        suggestion="Name another port, or none: then a free one is taken.",
    )


def _quiet_server(application: _Application, listener: socket.socket) -> BaseWSGIServer:
    """Make a server over `listener` that writes no line on standard error per request."""
    from moto.moto_server import werkzeug_app  # noqa: PLC0415 - optional
    from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: PLC0415 - optional

    # moto before 5.2 has no handler of its own.
    base = getattr(werkzeug_app, "MotoRequestHandler", WSGIRequestHandler)
    handler = type("SandboxRequestHandler", (base,), {"log": _log_nothing})
    host, port = listener.getsockname()
    server = make_server(
        host, port, application, threaded=True, request_handler=handler, fd=listener.fileno()
    )
    vars(server)["log"] = _log_failure
    return server


def _log_nothing(*_line: object) -> None:
    """Take an access line and drop it: it may hold a presigned query."""


def _log_failure(kind: str, message: str, *arguments: object) -> None:
    """Keep what werkzeug tells of a request that moto stumbled over."""
    _log.warning("%s in the sandbox: %s", kind, message % arguments if arguments else message)


def _forget_files() -> None:
    """Empty moto's S3, which lives in its modules and outlives every server."""
    from moto.core.model_instances import reset_model_data  # noqa: PLC0415 - optional
    from moto.s3.models import s3_backends  # noqa: PLC0415 - optional

    for account in list(s3_backends.values()):
        account.reset()
    s3_backends.clear()
    s3_backends.bucket_accounts.clear()
    reset_model_data()
