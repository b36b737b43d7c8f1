"""What is measured, and who takes part in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from benchmarks.folders import FIRST_FILES, FolderName
from benchmarks.served import GIB, LARGE_BYTES, MIB, SMALL_FILES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.task import Action

OURS = "s3_integration"
OURS_BULK = "s3_integration, bulk"
OURS_UNVERIFIED = "s3_integration, unverified"
OURS_CRT = "s3_integration crt"
OURS_CRT_BULK = "s3_integration crt, bulk"
OURS_BOTO3 = "s3_integration boto3"
OURS_BOTO3_BULK = "s3_integration boto3, bulk"
OUR_COMMAND = "s3i"
BOTO3_THREADS = "boto3, 16 threads"

Files = Literal["large", "small", "huge", FolderName]
ServerName = Literal["near", "capped", "far", "ceph"]
"""One of the local server's profiles, or Ceph."""

_OURS_ONE = (OURS, OURS_CRT, OURS_BOTO3)
_ONE = (*_OURS_ONE, "boto3", "awscrt", "obstore", "s5cmd", "minio", "rclone")
_CAPPED = (*_OURS_ONE, "boto3", "awscrt", "s5cmd", "minio")
_MANY: tuple[str, ...] = (
    *(OURS_BULK, OURS, OURS_CRT_BULK, OURS_CRT, OURS_BOTO3_BULK, OURS_BOTO3),
    *("boto3", "awscrt, 16 threads", "awscrt", "obstore", "s5cmd", "minio", "rclone"),
)
_FAR = (OURS_BULK, OURS, OURS_CRT_BULK, "boto3", "awscrt", "obstore", "s5cmd", "rclone")
PEERS_WITH_FOLDERS = ("s5cmd", "rclone", "s3fs", BOTO3_THREADS)
_FOLDERS = (OURS, *PEERS_WITH_FOLDERS)
_FOLDERS_MOVED = (OURS, OURS_BULK, *PEERS_WITH_FOLDERS)
_HUGE = {5 * GIB: (*_OURS_ONE, "boto3", "awscrt", "s5cmd"), 20 * GIB: _OURS_ONE}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One table of the comparison."""

    name: str
    title: str
    """May hold `{large}`, the size of the large file, and of folders their number of files."""
    server: ServerName
    action: Action
    files: Files
    contenders: tuple[str, ...]
    size_bytes: int = 0
    """Of a huge file."""


SCENARIOS = (
    Scenario(
        "upload-large",
        "Upload of {large}",
        server="near",
        action="upload",
        files="large",
        contenders=(*_ONE, OURS_UNVERIFIED, "awscrt, no checksums"),
    ),
    Scenario(
        "download-large",
        "Download of {large}",
        server="near",
        action="download",
        files="large",
        contenders=(*_ONE, OURS_UNVERIFIED),
    ),
    Scenario(
        "download-capped",
        "Download of {large}, 85 MB/s per connection",
        server="capped",
        action="download",
        files="large",
        contenders=_CAPPED,
    ),
    Scenario("upload-small", "Upload of {small} × 16 KiB", "near", "upload", "small", _MANY),
    Scenario(
        "download-small",
        "Download of {small} × 16 KiB",
        server="near",
        action="download",
        files="small",
        contenders=_MANY,
    ),
    Scenario(
        "far-upload-small",
        "Upload of {small} × 16 KiB, 30 ms before the first byte",
        server="far",
        action="upload",
        files="small",
        contenders=_FAR,
    ),
    Scenario(
        "far-download-small",
        "Download of {small} × 16 KiB, 30 ms before the first byte",
        server="far",
        action="download",
        files="small",
        contenders=_FAR,
    ),
    Scenario(
        "exists",
        "Is one object there? Whole process",
        server="near",
        action="exists",
        files="large",
        contenders=(OUR_COMMAND, "boto3", "obstore", "s5cmd"),
    ),
    Scenario(
        "folder-upload-small",
        "A folder: upload of {small} × 16 KiB",
        server="near",
        action="upload-folder",
        files="small",
        contenders=_FOLDERS_MOVED,
    ),
    Scenario(
        "folder-download-small",
        "A folder: download of {small} × 16 KiB",
        server="near",
        action="download-folder",
        files="small",
        contenders=_FOLDERS_MOVED,
    ),
    Scenario(
        "folder-upload-medium",
        "A folder: upload of {medium} × 1 MiB",
        server="near",
        action="upload-folder",
        files="medium",
        contenders=_FOLDERS_MOVED,
    ),
    Scenario(
        "folder-download-medium",
        "A folder: download of {medium} × 1 MiB",
        server="near",
        action="download-folder",
        files="medium",
        contenders=_FOLDERS_MOVED,
    ),
    Scenario(
        "folder-delete",
        "A folder: deletion of {doomed} objects",
        server="near",
        action="delete-folder",
        files="doomed",
        contenders=_FOLDERS,
    ),
    Scenario(
        "folder-list",
        "A folder: listing of {listed} objects",
        server="near",
        action="list-folder",
        files="listed",
        contenders=(OURS, OUR_COMMAND, *PEERS_WITH_FOLDERS),
    ),
    Scenario(
        "folder-sync",
        "A folder: sync of {synced} unchanged files",
        server="near",
        action="sync-folder",
        files="synced",
        contenders=_FOLDERS,
    ),
    Scenario("ceph-upload-large", "Ceph: upload of {large}", "ceph", "upload", "large", _ONE),
    Scenario("ceph-download-large", "Ceph: download of {large}", "ceph", "download", "large", _ONE),
    Scenario(
        "ceph-upload-small", "Ceph: upload of {small} × 16 KiB", "ceph", "upload", "small", _MANY
    ),
    Scenario(
        "ceph-download-small",
        "Ceph: download of {small} × 16 KiB",
        server="ceph",
        action="download",
        files="small",
        contenders=_MANY,
    ),
)

LARGE_SCENARIOS = tuple(
    Scenario(
        f"{action}-{size_bytes // GIB}-gib",
        f"{action.capitalize()} of {size_bytes // GIB} GiB",
        "near",
        action,
        "huge",
        _HUGE[size_bytes],
        size_bytes,
    )
    for size_bytes in _HUGE
    for action in ("upload", "download")
)
"""Run once each, and only when asked for: they show memory rather than speed."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is moved."""

    large_bytes: int
    small_files: int
    folders: Mapping[FolderName, int] = field(default_factory=dict)
    """Numbers of files."""

    def title_of(self, scenario: Scenario) -> str:
        """The scenario's title, filled in."""
        every = dict.fromkeys(get_args(FolderName), 0)
        numbers = {**every, "small": self.small_files, **self.folders}
        shown = {name: f"{number:,}" for name, number in numbers.items()}
        return scenario.title.format(large=f"{self.large_bytes // MIB} MiB", **shown)


FULL = Sizes(
    LARGE_BYTES,
    SMALL_FILES,
    {
        "first": FIRST_FILES,
        "medium": 200,
        "doomed": 10_000,
        "listed": 100_000,
        "synced": 20_000,
    },
)
FULL_ON_CEPH = Sizes(64 * MIB, 200)
QUICK = Sizes(
    64 * MIB,
    200,
    {"first": 50, "medium": 20, "doomed": 2500, "listed": 5000, "synced": 1500},
)
QUICK_ON_CEPH = Sizes(32 * MIB, 50)
