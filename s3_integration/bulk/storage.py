"""What calls over many files need of S3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3_integration.bulk.deletes import delete_keys
from s3_integration.transfer import described, listing, looking

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

    from s3_integration.aws.session import Connection
    from s3_integration.exceptions import S3IntegrationError
    from s3_integration.models import S3FileInfo
    from s3_integration.transfer.engine import (
        CopyJob,
        DownloadJob,
        ObjectId,
        Outcome,
        PlaceToOpen,
        UploadJob,
        UploadOptions,
        Watch,
    )
    from s3_integration.transfer.folders import Destination
    from s3_integration.transfer.found import SourcePath


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """One bucket, and what can be done to it."""

    bucket_name: str
    part_size_bytes: int
    """Of uploads in parts."""
    connect: Callable[[], Connection]
    prepare: Callable[[], object]
    """Makes sure of credentials and bucket before anything is written."""
    upload: Callable[
        [Iterable[tuple[SourcePath, str, UploadOptions]], Watch | None],
        Generator[Outcome[UploadJob], None, None],
    ]
    download: Callable[
        [Iterable[tuple[str, Destination | PlaceToOpen]], Watch | None],
        Generator[Outcome[DownloadJob], None, None],
    ]
    copy: Callable[[CopyJob], S3FileInfo]

    def list_files(self, bucket_name: str, prefix: str, *, after: str = "") -> Iterator[S3FileInfo]:
        """The objects of any bucket whose keys begin with a prefix, in S3's order.

        Those up to the key `after` are left out.
        """
        return listing.files_under(self.connect, bucket_name, prefix, after=after)

    def now(self) -> dt.datetime | None:
        """What time it is by S3's clock, rounded up to seconds; None where it does not tell."""
        return looking.time_by(self.connect(), self.bucket_name)

    def look(self, which: ObjectId) -> S3FileInfo:
        """What S3 tells of an object, its checksum included."""
        return described.from_head(which.key, looking.look_at(self.connect(), which))

    def exists(self, which: ObjectId) -> bool:
        """Whether an object is there."""
        return looking.is_stored(self.connect(), which)

    def delete(self, keys: Sequence[str]) -> Mapping[str, S3IntegrationError]:
        """Delete at most 1,000 objects of the bucket, and return the failures by key."""
        return delete_keys(self.connect(), self.bucket_name, keys)
