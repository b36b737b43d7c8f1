"""Calls over whole folders: what each compares with what, and by which means it moves files."""

from __future__ import annotations

import errno
import functools
import os
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from s3_integration.aws.errors import translated
from s3_integration.bulk.collisions import LocalNames
from s3_integration.bulk.judging import Rules
from s3_integration.bulk.listing import listed
from s3_integration.bulk.means import copying, deleting, downloading, uploading
from s3_integration.bulk.patterns import Patterns
from s3_integration.bulk.plan import Plan, Step, planned
from s3_integration.bulk.run import Manner, carry_out
from s3_integration.bulk.spread import Spread
from s3_integration.bulk.walk import Walk
from s3_integration.exceptions import (
    S3BucketError,
    S3ConfigError,
    S3DownloadError,
    S3IntegrationError,
    S3UploadError,
)
from s3_integration.transfer.engine import ObjectId

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from s3_integration.bulk.entries import Entry
    from s3_integration.bulk.listing import Markers
    from s3_integration.bulk.spread import MakeMeans, Workforce
    from s3_integration.bulk.storage import Storage
    from s3_integration.bulk.targets import UnusedFolders
    from s3_integration.choices import Compare, Symlinks
    from s3_integration.models import FileAction, TransferReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a caller wants of a whole folder."""

    patterns: Patterns = field(default_factory=Patterns)
    only_changed: bool = False
    compare: Compare = "size_and_time"
    delete_extra: bool = False
    symlinks: Symlinks = "skip"
    manner: Manner = field(default_factory=Manner)
    workforce: Workforce | None = None
    """Who is to move the files; None for this process."""

    @property
    def looks_at_target(self) -> bool:
        """Whether it has to be known what the target has already."""
        return self.only_changed or self.delete_extra

    def rules(self, action: Any) -> Rules:
        """The same as the planner sees it."""
        return Rules(action, self.only_changed, self.compare, self.delete_extra)


def upload_folder(
    storage: Storage, folder: Path, prefix: str, wishes: Wishes, metadata: Mapping[str, str]
) -> TransferReport:
    """Store what is in a folder of this machine below a prefix, which is empty or ends in `/`.

    Raises:
        S3UploadError: the folder cannot be listed; also what caused it.
    """
    walk = _walk(storage, folder, prefix, wishes, "upload")
    with translated("upload folder", storage.bucket_name, outcome=S3UploadError):
        _check_is_folder(folder)
        os.scandir(folder).close()  # before the bucket is made
    target = _stored_already(storage, prefix, wishes) if wishes.looks_at_target else ()
    make = functools.partial(uploading, folder=str(folder), prefix=prefix, metadata=dict(metadata))
    with closing(walk.entries()) as found:
        steps = planned(found, target, wishes.rules("upload"))
        return _carried_out("upload", steps, storage, make, wishes)


def download_folder(storage: Storage, prefix: str, folder: Path, wishes: Wishes) -> TransferReport:
    """Put what is stored below a prefix into a folder of this machine.

    Raises:
        S3DownloadError: there can be no such folder; also what caused it.
    """
    with translated("download folder", storage.bucket_name, outcome=S3DownloadError):
        is_there = _check_may_be_folder(folder)
    source = _listed(storage, storage.bucket_name, prefix, wishes, "folders")
    looks = wishes.looks_at_target and is_there
    walk = _walk(storage, folder, prefix, wishes, "download")
    names = LocalNames(len(os.fsencode(folder.absolute())))
    # An empty object of the folder's own name stands for it; one with content has no place here.
    source = (_for_this_machine(entry) for entry in source if entry.key or entry.kind == "file")
    unused: UnusedFolders = "keep" if wishes.workforce else "remove"
    make = functools.partial(downloading, prefix=prefix, folder=str(folder), unused=unused)
    spares = functools.partial(_is_a_taken_file, folder, names)
    with closing(walk.entries()) as found:
        steps = planned(source, found if looks else (), wishes.rules("download"), names.refusal)
        return _carried_out("download", steps, storage, make, wishes, spares)


def _is_a_taken_file(folder: Path, names: LocalNames, key: str) -> bool:
    """Whether a file that seems extra is one that belongs here, under another spelling.

    On some file systems `README` leads to `readme`: what has just been put there keeps the name
    by which it was listed.
    """
    namesake = names.namesake(key)
    try:
        return bool(namesake) and (folder / key).samefile(folder / namesake)
    except OSError:  # one of them is not there: they are not the same
        return False


def _for_this_machine(entry: Entry) -> Entry:
    """Refuse what would be a file by the name of a folder."""
    if entry.kind == "file" and (not entry.key or entry.key.endswith("/")):
        reason = "it has content, and its name is a folder's"
        return entry._replace(kind="refused", reason=reason)
    return entry


def copy_folder(
    storage: Storage, source_bucket: str, source_prefix: str, prefix: str, wishes: Wishes
) -> TransferReport:
    """Copy what is stored below one prefix to below another."""
    mine = _listed(storage, source_bucket, source_prefix, wishes, "files")
    if not prefix:
        mine = _with_names(mine)
    theirs: Iterable[Entry] = ()
    if wishes.looks_at_target:
        theirs = _stored_already(storage, prefix, wishes, "files")
    steps = planned(mine, theirs, wishes.rules("copy"))
    source = ObjectId(source_bucket, source_prefix)
    make = functools.partial(copying, source=source, prefix=prefix)
    return _carried_out("copy", steps, storage, make, wishes)


def _with_names(entries: Iterator[Entry]) -> Iterator[Entry]:
    """What can be at the top of a bucket: nothing stands for the folder itself there."""
    for entry in entries:
        if entry.key or (entry.size and entry.kind == "excluded"):
            yield entry
        elif entry.size:
            reason = "it has content, and would have no name there"
            yield entry._replace(kind="refused", reason=reason)


def delete_folder(storage: Storage, prefix: str, wishes: Wishes) -> TransferReport:
    """Delete what is stored below a prefix."""
    found = _listed(storage, storage.bucket_name, prefix, wishes, "files")
    steps = (
        (
            Step("skip", entry.key, entry.size, "excluded")
            if entry.kind == "excluded"
            else Step("delete", entry.key, entry.size, "in the folder")
        )
        for entry in found
    )
    make = functools.partial(deleting, prefix=prefix)
    return _carried_out("delete", steps, storage, make, wishes)


def _carried_out(
    action: FileAction,
    steps: Iterable[Step],
    storage: Storage,
    make: MakeMeans,
    wishes: Wishes,
    spares: Callable[[str], bool] = lambda _: False,
) -> TransferReport:
    plan = Plan(action, storage.bucket_name, steps, spares)
    with make(storage) as here:
        if wishes.workforce is None or wishes.manner.dry_run:
            return carry_out(plan, here, wishes.manner)
        prepare = functools.partial(_prepared, action, storage)
        spread = Spread(action, here, make, wishes.workforce, prepare)
        return carry_out(plan, spread, wishes.manner)


def _prepared(action: FileAction, storage: Storage) -> dt.datetime | None:
    """What time it is, once the bucket can be written to; None where it need not be."""
    if action not in {"upload", "copy"}:
        return None
    storage.prepare()
    return storage.now()


def _walk(
    storage: Storage,
    folder: Path,
    prefix: str,
    wishes: Wishes,
    operation: Literal["upload", "download"],
) -> Walk:
    return Walk(
        operation=operation,
        folder=str(folder),
        bucket_name=storage.bucket_name,
        prefix=prefix,
        leave_out=wishes.patterns.leave_out,
        symlinks=wishes.symlinks,
    )


def _listed(
    storage: Storage, bucket_name: str, prefix: str, wishes: Wishes, markers: Markers
) -> Iterator[Entry]:
    """The source of a call, which has to be something."""
    is_empty = True
    for entry in _entries(storage, bucket_name, prefix, wishes, markers):
        is_empty = False
        yield entry
    if is_empty:
        _check_is_no_file(storage, bucket_name, prefix)


def _entries(
    storage: Storage, bucket_name: str, prefix: str, wishes: Wishes, markers: Markers
) -> Iterator[Entry]:
    # Patterns of its own: they remember the folder that they were asked for last.
    patterns = wishes.patterns.another()
    return listed(
        storage.list_files(bucket_name, prefix),
        prefix,
        bucket_name=bucket_name,
        leave_out=patterns.leave_out,
        markers=markers,
        includes=patterns.includes,
    )


def _stored_already(
    storage: Storage, prefix: str, wishes: Wishes, markers: Markers = "folders"
) -> Iterator[Entry]:
    """What a target in S3 has; nothing where a dry run would have to make its bucket."""
    if not wishes.manner.dry_run:
        storage.prepare()
    try:
        for entry in _entries(storage, storage.bucket_name, prefix, wishes, markers):
            if entry.key or markers == "files":
                yield entry
    except S3BucketError as error:
        if not (wishes.manner.dry_run and error.code == "NoSuchBucket"):
            raise


def _check_is_no_file(storage: Storage, bucket_name: str, prefix: str) -> None:
    """Tell who names a file that it is none: a listing finds nothing below it.

    Raises:
        S3ConfigError: it is a file.
    """
    key = prefix.removesuffix("/")
    if not key:
        return
    try:
        is_file = storage.exists(ObjectId(bucket_name, key))
    except S3IntegrationError:  # who may list need not be allowed to read
        return
    if is_file:
        raise S3ConfigError(
            f"{key!r} in bucket {bucket_name!r} is a file, not a folder.",
            bucket=bucket_name,
            key=key,
            suggestion="Use the call for one file, or name the folder that it lies in.",
        )


def _check_is_folder(folder: Path) -> None:
    """Raise an `OSError` unless there is a folder."""
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "it is a file, not a folder", str(folder))


def _check_may_be_folder(folder: Path) -> bool:
    """Whether there is a folder; raise an `OSError` where there can be none."""
    for path in (folder, *folder.absolute().parents):
        if path.is_symlink() and not path.exists():
            message = "it is a link that leads nowhere"
            raise NotADirectoryError(errno.ENOTDIR, message, str(path))
        if path.exists():
            _check_is_folder(path)
            if not os.access(path, os.W_OK | os.X_OK):
                message = "the folder may not be written to"
                raise PermissionError(errno.EACCES, message, str(path))
            break
    return folder.exists()
