"""A disk that is full, and files and folders that belong to somebody else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from s3_integration.client import S3Client
from s3_integration.config import S3Config
from tests.fixtures.children import environment_of, run_child

_DOWNLOAD: Final = """
import errno, json, os, sys
from pathlib import Path
from s3_integration import S3Client, S3DownloadError

folder, key = Path(sys.argv[1]), sys.argv[2]
(folder / "d").write_bytes(b"old")
try:
    S3Client().download_file(key, folder / "d")
except S3DownloadError as error:
    code = errno.errorcode[error.errno]
    told = [code, isinstance(error, OSError), error.message, error.suggestion]
else:
    told = ["stored"]
files = {path.name: path.read_bytes().decode() for path in folder.iterdir()}
print(json.dumps([*told, files, os.statvfs(folder).f_blocks * os.statvfs(folder).f_frsize]))
"""

_AS_ANOTHER_USER: Final = """
import errno, json, os, sys
from pathlib import Path
from s3_integration import S3Client, S3DownloadError, S3UploadError

folder = Path(sys.argv[1])
client = S3Client()
client.upload_file(folder / "secret", "warm-up")  # loads what a stranger may not read
client.download_file("warm-up", folder / "warm-up")
requests = []
client._service.get()._get_s3_client().meta.events.register(
    "before-send.s3", lambda request, **_: requests.append(request.method)
)
(folder / "secret").chmod(0)
if os.geteuid() == 0:  # whom no permission stops
    os.seteuid(65534)
told = []
for attempt in (
    lambda: client.upload_file(folder / "secret", "k"),
    lambda: client.download_file("warm-up", folder / "locked" / "d"),
    lambda: client.download_file("warm-up", folder / "locked" / "new" / "d"),
):
    try:
        attempt()
    except (S3UploadError, S3DownloadError) as error:
        told.append([type(error).__name__, isinstance(error, PermissionError),
                     errno.errorcode[error.errno], error.filename])
    else:
        told.append(["done"])
print(json.dumps([told, requests]))
"""


@pytest.fixture(scope="module")
def small_disk() -> tuple[str, ...]:
    """The beginning of a command that sees a disk of 1 MiB at its folder."""
    if not shutil.which("unshare"):
        pytest.skip("needs unshare, of util-linux")
    for options in ("-m", "-rm"):
        mount = "mount -t tmpfs -o size=1m tmpfs"
        command = ("unshare", options, "sh", "-c", f'{mount} "$0" && exec "$@"')
        tried = subprocess.run(
            (*command, "/mnt", "true"), capture_output=True, timeout=20, check=False
        )
        if not tried.returncode:
            return command
    pytest.skip("mounting a small disk is not permitted here")


@pytest.mark.parametrize("size_bytes", [3 * 2**20, 20 * 2**20], ids=["at once", "by parts"])
@pytest.mark.promise(2)
def test_a_full_disk_is_a_download_error_and_keeps_the_old_file(
    config: S3Config, tmp_path: Path, small_disk: tuple[str, ...], size_bytes: int
) -> None:
    (tmp_path / "source").write_bytes(bytes(size_bytes))
    S3Client(config=config).upload_file(tmp_path / "source", "k")
    folder = tmp_path / "disk"
    folder.mkdir()

    child = subprocess.run(
        (*small_disk, folder, sys.executable, "-c", _DOWNLOAD, folder, "k"),
        env=environment_of(config),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert child.stderr == ""
    code, is_os_error, message, suggestion, files, disk_size_bytes = json.loads(child.stdout)
    assert disk_size_bytes == 2**20  # it really was the small one
    assert (code, is_os_error) == ("ENOSPC", True)
    assert "No space left" in message
    assert "disk" in suggestion
    assert files == {"d": "old"}


def test_what_belongs_to_somebody_else_is_refused_and_nothing_is_left(
    config: S3Config, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "locked").mkdir(mode=0o555)
    for folder in (tmp_path, tmp_path.parent, tmp_path.parents[1]):
        folder.chmod(0o755)  # pytest's folders are closed to other users

    child = run_child(_AS_ANOTHER_USER, tmp_path, environment=environment_of(config))

    assert child.stderr == ""
    (upload, *downloads), methods = json.loads(child.stdout)
    assert upload[1:] == [True, "EACCES", str(tmp_path / "secret")]
    assert [download[1:3] for download in downloads] == [[True, "EACCES"]] * 2
    assert "PUT" not in methods
    assert list((tmp_path / "locked").iterdir()) == []
