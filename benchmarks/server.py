"""A local S3 that is no bottleneck: nginx, with files in memory, and uploads thrown away.

By hand: `python -m benchmarks.server` prints its endpoints, and runs until Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmarks.folders import make_folders
from benchmarks.scenarios import FULL, Sizes
from benchmarks.served import Served, make_huge, make_served, write_listing, write_listings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.folders import Kept

Profile = Literal["near", "capped", "far"]

PROFILES: dict[Profile, str] = {
    "near": "as fast as it can",
    "capped": "85 MB/s per connection on downloads",
    "far": "30 ms before the first byte of every answer",
}
BUCKET = "bench"
HOW_TO_INSTALL = "apt-get install --no-install-recommends nginx libnginx-mod-http-perl"

_TEMPLATES = ("nginx.conf", "objects.conf", "delayed.conf", "answers.pm")
_READY_SECONDS = 10
_STOP_SECONDS = 5

# Bodies come and go by the megabyte: returned to the system each time, their memory would
# cost a page fault per 4 KiB.
_KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 31),
    "MALLOC_TOP_PAD_": str(64 << 20),
}


class ServerError(RuntimeError):
    """nginx is not installed, or did not start."""


@dataclass(frozen=True, slots=True)
class NginxServer:
    """An nginx that runs, and what it holds."""

    folder: Path
    ports: dict[Profile, int]
    served: Served
    folders: dict[str, Kept]
    pid: int

    def endpoint_url(self, profile: Profile) -> str:
        """Where that profile answers."""
        return f"http://127.0.0.1:{self.ports[profile]}"

    @property
    def access_log(self) -> Path:
        """One line per request, in the format of nginx.conf."""
        return self.folder / "access.log"

    @property
    def deleted(self) -> Path:
        """One line per key whose deletion was asked for, however often."""
        return self.folder / "deleted"


def memory_folder() -> Path:
    """Where files are in memory, on systems that have such a place."""
    shared = Path("/dev/shm")  # noqa: S108 - the temporary folders in it are made safely
    return shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())


@contextmanager
def nginx_server(sizes: Sizes = FULL, huge_bytes: tuple[int, ...] = ()) -> Iterator[NginxServer]:
    """Run a server of one's own while the block runs.

    Raises:
        ServerError: nginx or its Perl module is not installed, or it did not start.
    """
    program, modules = _installed()
    with tempfile.TemporaryDirectory(prefix="s3-bench-", dir=memory_folder()) as name:
        folder = Path(name)
        served = make_served(folder / "objects" / BUCKET, sizes.large_bytes, sizes.small_files)
        for size_bytes in huge_bytes:
            make_huge(served.folder, size_bytes)
        write_listings(BUCKET, served, folder / "listings")
        folders = make_folders(served.folder, sizes.folders)
        for kept in folders.values():
            keys = [kept.prefix + name for name in kept.names]
            write_listing(BUCKET, kept.prefix, keys, kept.size_bytes, folder / "listings")
        ports = _configure(folder, modules)
        process = _start(program, folder)
        try:
            _wait_until_ready(process, folder, ports)
            yield NginxServer(folder, ports, served, folders, process.pid)
        finally:
            _stop(process)


def _installed() -> tuple[str, Path]:
    """Path of the program, and of the folder of its modules."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program:
        told = subprocess.run(
            (program, "-V"), capture_output=True, check=True, text=True, timeout=_READY_SECONDS
        )
        if found := re.search(r"--modules-path=(\S+)", told.stderr):
            modules = Path(found[1])
            if (modules / "ngx_http_perl_module.so").exists():
                return program, modules
    message = f"The bench needs nginx and its Perl module. On Debian: {HOW_TO_INSTALL}"
    raise ServerError(message)


def _configure(folder: Path, modules: Path) -> dict[Profile, int]:
    (folder / "scratch").mkdir()
    (folder / "stored").mkdir()
    ports = _free_ports()
    values = {
        "configuration": str(folder),
        "folder": str(folder),
        "modules": str(modules),
        # Started by root, nginx would work as a user who may not read the folder.
        "user": "user root;" if os.geteuid() == 0 else "",
        **{f"{profile}_port": str(port) for profile, port in ports.items()},
    }
    for name in _TEMPLATES:
        text = Path(__file__).with_name(name).read_text("utf-8")
        filled = re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], text)
        (folder / name).write_text(filled, "utf-8")
    return ports


def _free_ports() -> dict[Profile, int]:
    listeners = {profile: socket.create_server(("127.0.0.1", 0)) for profile in PROFILES}
    ports = {}
    for profile, listener in listeners.items():
        with closing(listener):
            ports[profile] = int(listener.getsockname()[1])
    return ports


def _start(program: str, folder: Path) -> subprocess.Popen[bytes]:
    # A session of its own keeps Ctrl-C away from it. Should this process be killed, Linux
    # ends the server too: nothing is ever left running.
    setpriv = shutil.which("setpriv") or "/usr/bin/setpriv"
    with (folder / "output.log").open("wb") as output:
        return subprocess.Popen(
            (setpriv, "--pdeathsig", "TERM", program, "-p", folder, "-c", folder / "nginx.conf"),
            env={**os.environ, **_KEEP_MEMORY},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_until_ready(
    process: subprocess.Popen[bytes], folder: Path, ports: dict[Profile, int]
) -> None:
    limit = time.monotonic() + _READY_SECONDS
    for port in ports.values():
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > limit:
                said = (folder / "output.log").read_text(errors="replace")
                raise ServerError(f"nginx did not start: {said.strip()}")
            time.sleep(0.02)  # a port tells nobody that it has been opened


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> None:
    """Run the server, and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--huge-gib", type=int, action="append", default=[], metavar="N")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    huge_bytes = tuple(gib << 30 for gib in arguments.huge_gib)
    with suppress(KeyboardInterrupt), nginx_server(huge_bytes=huge_bytes) as server:
        for profile, meaning in PROFILES.items():
            print(f"{profile:7} {server.endpoint_url(profile)}  {meaning}")
        print(f"bucket  {BUCKET}, any credentials, keys: large.bin, small/0000.bin ... 1999.bin")
        print(f"files   {server.served.folder}")
        print(f"log     {server.access_log}", flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
