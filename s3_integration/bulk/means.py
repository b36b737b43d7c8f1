"""How the steps of a plan are carried out: up, down, within S3, or away."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from s3_integration.aws.errors import translated
from s3_integration.bulk import comparing
from s3_integration.bulk.judging import time_to_keep_ns
from s3_integration.bulk.names import parts_of
from s3_integration.bulk.parallel import in_parallel
from s3_integration.bulk.targets import TargetTree
from s3_integration.content_types import guess_type
from s3_integration.exceptions import S3DownloadError, S3IntegrationError, S3UploadError
from s3_integration.transfer.engine import CopyJob, ObjectId, UploadOptions
from s3_integration.transfer.folders import OpenFolder
from s3_integration.transfer.found import FoundFile

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from s3_integration.bulk.comparing import Verdict
    from s3_integration.bulk.plan import Step
    from s3_integration.bulk.run import Compares, Moved
    from s3_integration.bulk.storage import Storage
    from s3_integration.bulk.targets import UnusedFolders
    from s3_integration.transfer.engine import DownloadJob, Outcome, PlaceToOpen, UploadJob, Watch
    from s3_integration.transfer.found import SourcePath

_DELETE_THREADS = 4
"""Requests for 1,000 keys each: S3 deletes some 3,500 a second below one prefix (User Guide,
"Best practices design patterns")."""

_COPY_THREADS = 32
"""They only wait."""


@contextlib.contextmanager
def uploading(
    storage: Storage, folder: str, prefix: str, metadata: Mapping[str, str]
) -> Iterator[Uploading]:
    """From a folder of this machine to S3."""

    @functools.cache
    def root() -> OpenFolder:
        with translated("upload folder", storage.bucket_name, outcome=S3UploadError):
            return OpenFolder.open(Path(folder))

    try:
        yield Uploading(storage, folder, prefix, metadata, root)
    finally:
        if root.cache_info().currsize:
            root().close()


@contextlib.contextmanager
def downloading(
    storage: Storage, prefix: str, folder: str, unused: UnusedFolders
) -> Iterator[Downloading]:
    """From S3 to a folder of this machine, which is made when something is put into it."""

    @functools.cache
    def tree() -> TargetTree:
        with translated("download folder", storage.bucket_name, outcome=S3DownloadError):
            return TargetTree(Path(folder), unused)

    try:
        yield Downloading(storage, prefix, folder, tree)
    finally:
        if tree.cache_info().currsize:
            tree().close()


@contextlib.contextmanager
def copying(storage: Storage, source: ObjectId, prefix: str) -> Iterator[Copying]:
    """Within S3; `source` has the source's prefix for a key."""
    yield Copying(storage, source, prefix)


@contextlib.contextmanager
def deleting(storage: Storage, prefix: str) -> Iterator[InBucket]:
    """Away."""
    yield InBucket(storage, prefix)


class InBucket:
    """What all means share that write to a bucket, or delete from it."""

    compares: Compares = "before moving"
    delete_threads = _DELETE_THREADS

    def __init__(self, storage: Storage, prefix: str) -> None:
        self._storage = storage
        self._prefix = prefix
        self.bucket_name = storage.bucket_name

    def key_of(self, key: str) -> str:
        """The whole key of the object that a step writes, reads or deletes."""
        return self._prefix + key

    def path_of(self, key: str) -> str:  # noqa: ARG002 - others have one
        """No file of this machine belongs to it."""
        return ""

    def delete(self, keys: Sequence[str]) -> Mapping[str, S3IntegrationError]:
        """Delete objects; see `Means`."""
        failed = self._storage.delete([self._prefix + key for key in keys])
        start = len(self._prefix)
        return {key[start:]: error for key, error in failed.items()}

    def move(
        self, steps: Iterator[Step], watch: Watch | None = None
    ) -> Generator[tuple[Step, Moved], None, None]:
        """Nothing is moved where all is deleted."""
        raise NotImplementedError

    def compare(self, step: Step) -> Verdict:
        """Nor compared."""
        raise NotImplementedError

    def make_folder(self, key: str) -> None:
        """S3 has no folders."""
        raise NotImplementedError


class Uploading(InBucket):
    """From a folder of this machine to S3."""

    def __init__(
        self,
        storage: Storage,
        folder: str,
        prefix: str,
        metadata: Mapping[str, str],
        root: Callable[[], OpenFolder],
    ) -> None:
        """`root` opens the folder."""
        super().__init__(storage, prefix)
        self._folder = folder
        self._metadata = metadata
        self._root = root

    def path_of(self, key: str) -> str:
        """The file."""
        return f"{self._folder}/{key}"

    def move(
        self, steps: Iterator[Step], watch: Watch | None = None
    ) -> Generator[tuple[Step, Moved], None, None]:
        """Store the files."""
        begun: dict[str, Step] = {}

        def files() -> Iterator[tuple[SourcePath, str, UploadOptions]]:
            for step in steps:
                key = self.key_of(step.key)
                begun[key] = step
                options = UploadOptions(guess_type(step.key), self._metadata, {})
                yield self._source(step), key, options

        with closing(self._storage.upload(files(), watch)) as outcomes:
            for outcome in outcomes:
                yield begun.pop(outcome.job.target.key), _moved(outcome)

    def compare(self, step: Step) -> Verdict:
        """Compare a file with the object that is stored already."""
        return _compared(step, self._source(step), self, self._storage)

    def _source(self, step: Step) -> SourcePath:
        if step.identity is None:
            return Path(self.path_of(step.key))
        return FoundFile(self._root(), step.key, step.identity)


class Downloading:
    """From S3 to a folder of this machine."""

    compares: Compares = "before moving"
    delete_threads = 1

    def __init__(
        self, storage: Storage, prefix: str, folder: str, tree: Callable[[], TargetTree]
    ) -> None:
        """`tree` opens the folder, and makes it where it is missing."""
        self._storage = storage
        self._prefix = prefix
        self._folder = folder
        self._open_tree = tree
        self.bucket_name = storage.bucket_name

    def key_of(self, key: str) -> str:
        """The whole key of the object; of a file that is deleted, the one that it would have."""
        return self._prefix + key

    def path_of(self, key: str) -> str:
        """The file."""
        return f"{self._folder}/{key}"

    def move(
        self, steps: Iterator[Step], watch: Watch | None = None
    ) -> Generator[tuple[Step, Moved], None, None]:
        """Fetch the objects."""
        begun: dict[str, Step] = {}

        def files() -> Iterator[tuple[str, PlaceToOpen]]:
            for step in steps:
                key = self._prefix + step.key
                begun[key] = step
                time_ns = time_to_keep_ns(step.time_ns, time.time_ns())
                yield key, self._open_tree().place(parts_of(step.key), time_ns)

        with closing(self._storage.download(files(), watch)) as outcomes:
            for outcome in outcomes:
                yield begun.pop(outcome.job.source.key), _moved(outcome)

    def compare(self, step: Step) -> Verdict:
        """Compare an object with the file that is there already."""
        return _compared(step, Path(self.path_of(step.key)), self, self._storage)

    def make_folder(self, key: str) -> None:
        """Make the folder that an object stands for."""
        with self._translated("download", key):
            self._open_tree().make_folder(parts_of(key))

    def delete(self, keys: Sequence[str]) -> Mapping[str, S3IntegrationError]:
        """Delete files, and folders that are empty then."""
        failed: dict[str, S3IntegrationError] = {}
        for key in keys:
            try:
                with self._translated("delete file", key):
                    self._delete(parts_of(key))
            except S3IntegrationError as error:
                if not isinstance(error, FileNotFoundError):
                    failed[key] = error
        return failed

    def _delete(self, parts: tuple[str, ...]) -> None:
        tree = self._open_tree()
        tree.delete_file(parts)
        for depth in range(len(parts) - 1, 0, -1):
            try:
                parent = tree.folder(parts[: depth - 1], missing="refuse")
                os.rmdir(parts[depth - 1], dir_fd=parent.descriptor)
            except OSError:  # something else is in it
                return

    def _translated(self, operation: str, key: str) -> AbstractContextManager[None]:
        whole = self._prefix + key
        return translated(operation, self.bucket_name, whole, outcome=S3DownloadError)


class Copying(InBucket):
    """Within S3, perhaps from another bucket."""

    def __init__(self, storage: Storage, source: ObjectId, prefix: str) -> None:
        """`source` has the source's prefix for a key."""
        super().__init__(storage, prefix)
        self._source = source

    def path_of(self, key: str) -> str:
        """The object that is copied."""
        return f"s3://{self._source.bucket}/{self._source.key}{key}"

    def move(
        self, steps: Iterator[Step], watch: Watch | None = None
    ) -> Generator[tuple[Step, Moved], None, None]:
        """Copy the objects."""
        meanwhile = None if watch is None else functools.partial(watch, 0)
        return in_parallel(self._copy, steps, _COPY_THREADS, meanwhile)

    def compare(self, step: Step) -> Verdict:
        """Compare two objects."""
        source, target = self._ends(step)
        return comparing.objects(self._storage.look(source), self._storage.look(target))

    def _copy(self, step: Step) -> Moved:
        try:
            return self._storage.copy(CopyJob(*self._ends(step))).size
        except S3IntegrationError as error:
            return error

    def _ends(self, step: Step) -> tuple[ObjectId, ObjectId]:
        return (
            ObjectId(self._source.bucket, self._source.key + step.key),
            ObjectId(self.bucket_name, self._prefix + step.key),
        )


def _compared(
    step: Step, file: SourcePath, means: Uploading | Downloading, storage: Storage
) -> Verdict:
    """Compare a file of this machine with the object that it was, or is to be, stored as."""
    where = ObjectId(means.bucket_name, means.key_of(step.key))
    return comparing.file_and_object(
        file, step.size, step.etag, storage.part_size_bytes, lambda: storage.look(where)
    )


def _moved(outcome: Outcome[UploadJob] | Outcome[DownloadJob]) -> Moved:
    if outcome.error is not None:
        return outcome.error
    return outcome.result.size_bytes if outcome.result is not None else 0
