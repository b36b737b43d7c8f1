"""What every transfer engine does. Each passes the same contract suite, on every server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from s3_integration.choices import IfExists
    from s3_integration.exceptions import S3IntegrationError
    from s3_integration.models import ProgressCallback
    from s3_integration.transfer.folders import Destination, FileIn
    from s3_integration.transfer.found import SourcePath
    from s3_integration.transfer.reading import ObjectReading
    from s3_integration.transfer.sources import Source


@dataclass(frozen=True, slots=True)
class ObjectId:
    """One object of S3, or one version of it."""

    bucket: str
    key: str
    version_id: str | None = None
    """None means the latest version."""


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """How an object is to be stored."""

    content_type: str
    metadata: Mapping[str, str]
    tags: Mapping[str, str]
    if_exists: IfExists = "overwrite"
    if_match: str | None = None
    """The ETag, without quotes, that what is stored has to have; None: whatever is there."""
    further: Mapping[str, Any] = field(default_factory=dict)
    """What else a copy keeps, in the words of PutObject."""


@dataclass(frozen=True, slots=True)
class Transferred:
    """What was moved, told by S3."""

    size_bytes: int
    etag: str
    version_id: str | None
    answer: Mapping[str, Any] | None = None
    """What S3 said of the object that an upload has stored."""


@dataclass(frozen=True, slots=True)
class UploadJob:
    """One file to store, of many."""

    path: SourcePath
    target: ObjectId
    options: UploadOptions


class PlaceToOpen(Protocol):
    """A place for a file whose folder is opened when its turn comes: those that wait hold none."""

    @property
    def path(self) -> Path:
        """For messages."""

    def opened(self) -> AbstractContextManager[FileIn]:
        """The place in its open folder; judged once more when the block ends.

        Raises:
            OSError: the folder is not what it should be; the block's file is gone then.
        """


@dataclass(frozen=True, slots=True)
class DownloadJob:
    """One object to fetch, of many."""

    source: ObjectId
    destination: Destination | PlaceToOpen


@dataclass(frozen=True, slots=True)
class CopyJob:
    """One object to copy within S3."""

    source: ObjectId
    target: ObjectId
    if_exists: IfExists = "overwrite"


Job = TypeVar("Job", UploadJob, DownloadJob)

Watch: TypeAlias = "Callable[[int], None]"
"""Told how many bytes of the files under way have moved so far, by the thread that waits for
outcomes, many times a second while it does. What it raises ends all."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Job]):
    """What became of one job: a result, or else an error."""

    job: Job
    result: Transferred | None
    error: S3IntegrationError | None


class TransferEngine(Protocol):
    """Moves whole files between disk or memory and S3.

    Both ways raise errors of this package alone, leave nothing half done behind, and may
    run in many threads at once.
    """

    def upload(
        self,
        source: Source,
        target: ObjectId,
        options: UploadOptions,
        progress: ProgressCallback | None = None,
    ) -> Transferred:
        """Store the bytes that `source` had at the beginning.

        Raises:
            S3UploadError: nothing was stored: S3 refused, the network failed for good, or
                the source changed meanwhile; what was stored before is still there.
        """

    def download(
        self,
        source: ObjectId,
        destination: Destination,
        progress: ProgressCallback | None = None,
    ) -> Transferred:
        """Put one version of the object at `destination`, at once or not at all.

        Raises:
            S3DownloadError: the destination is as it was before.
        """

    def read(self, source: ObjectId, start: int = 0, stop: int | None = None) -> bytes:
        """One version of the object, or what there is of its bytes `start` up to `stop`.

        Raises:
            S3DownloadError: it could not be read.
        """

    def reading(self, source: ObjectId) -> ObjectReading:
        """Read ranges of one version of the object; nothing is sent yet."""

    def upload_many(
        self, jobs: Iterable[UploadJob], watch: Watch | None = None
    ) -> Generator[Outcome[UploadJob], None, None]:
        """Store many files at once, and tell of each as it is done.

        One file's failure does not keep the others. `jobs` is read by the caller's thread,
        while it waits for an outcome, and never far ahead; what reading it raises ends all.
        Closing the iterator, or Ctrl-C, lets no further file begin, and waits until those
        under way are stored or given up. It goes on only in the process that began it.
        """

    def download_many(
        self, jobs: Iterable[DownloadJob], watch: Watch | None = None
    ) -> Generator[Outcome[DownloadJob], None, None]:
        """Fetch many objects at once, and tell of each as it is done; as `upload_many`."""
