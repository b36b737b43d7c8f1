"""The values that come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict

from s3_integration.overrides import override

if TYPE_CHECKING:
    from datetime import datetime

    from s3_integration.choices import IfExists
    from s3_integration.exceptions import S3IntegrationError


class WriteOptions(TypedDict, total=False):
    """How what is written is to be stored; `S3Client.write_bytes` tells of each."""

    content_type: str | None
    metadata: Mapping[str, str] | None
    tags: Mapping[str, str] | None
    if_exists: IfExists
    if_match: str | None


ProgressCallback = Callable[[int, int], None]
"""Called with the bytes done so far and the bytes in all, never by two threads at once."""


ChecksumAlgorithm = Literal[
    "CRC64NVME",
    "CRC32",
    "CRC32C",
    "SHA1",
    "SHA256",
    "SHA512",
    "MD5",
    "XXHASH64",
    "XXHASH3",
    "XXHASH128",
]
"""S3's names of the checksums that it keeps (API Reference, "HeadObject")."""

ChecksumType = Literal["FULL_OBJECT", "COMPOSITE"]
"""S3's word for what a checksum is of: the whole content, or the checksums of its parts."""


@dataclass(frozen=True, slots=True)
class S3Checksum:
    """The checksum that S3 keeps of one object."""

    algorithm: ChecksumAlgorithm
    value: str
    """As S3 writes it: in base64, and for a composite one with `-` and the number of parts."""
    checksum_type: ChecksumType
    """Only one of type FULL_OBJECT can be compared with the checksum of a file."""


class _ReadOnlyWords(Mapping[str, str]):
    """Names and values that stay as they are; unlike `MappingProxyType` hashed and pickled."""

    __slots__ = ("_words",)

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = dict(words)

    @override
    def __getitem__(self, name: str) -> str:
        return self._words[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    @override
    def __len__(self) -> int:
        return len(self._words)

    @override
    def __hash__(self) -> int:
        return hash(frozenset(self._words.items()))

    @override
    def __repr__(self) -> str:
        return repr(self._words)


_NO_WORDS = _ReadOnlyWords({})


@dataclass(frozen=True, slots=True)
class S3FileInfo:
    """One stored object: five fields that a listing tells, and more that `file_info` asks for."""

    key: str
    size: int
    """Bytes."""
    last_modified: datetime
    """When it was stored, by S3's clock, with its time zone (UTC)."""
    etag: str
    """S3's fingerprint without its quotes; the MD5 of the content only for some objects."""
    storage_class: str
    _: KW_ONLY
    content_type: str | None = None
    """None, as below, where S3 tells none, and in a listing."""
    metadata: Mapping[str, str] = _NO_WORDS
    """Read-only; the names in the letter case in which S3 tells them."""
    version_id: str | None = None
    checksum: S3Checksum | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.metadata, _ReadOnlyWords):
            object.__setattr__(self, "metadata", _ReadOnlyWords(self.metadata))

    def to_dict(self) -> dict[str, Any]:
        """All fields as a plain dict, with plain dicts for metadata and checksum."""
        return self.to_listed_dict() | {
            "content_type": self.content_type,
            "metadata": dict(self.metadata),
            "version_id": self.version_id,
            "checksum": asdict(self.checksum) if self.checksum else None,
        }

    def to_listed_dict(self) -> dict[str, Any]:
        """The five fields that a listing tells, as a plain dict."""
        return {
            "key": self.key,
            "size": self.size,
            "last_modified": self.last_modified,
            "etag": self.etag,
            "storage_class": self.storage_class,
        }


class FolderListing(NamedTuple):
    """What lies directly in one folder."""

    folders: list[str]
    """Their whole prefixes, each with its slash at the end."""
    files: list[S3FileInfo]


@dataclass(frozen=True, slots=True)
class S3Version:
    """One version of an object, or the mark that a deletion left in its place."""

    key: str
    version_id: str
    """`null` where the bucket had no versioning when it was stored."""
    is_latest: bool
    is_delete_marker: bool
    last_modified: datetime
    """By S3's clock, with its time zone (UTC)."""
    size: int = 0
    """Bytes; 0, as the two below are empty, where it marks a deletion."""
    etag: str = ""
    storage_class: str = ""

    def to_dict(self) -> dict[str, Any]:
        """All fields as a plain dict."""
        return asdict(self)


FileAction = Literal["upload", "download", "copy", "delete"]
"""What is done to one file of many."""


@dataclass(frozen=True, slots=True)
class FolderProgress:
    """How far a call over many files has come."""

    files_done: int
    """Moved or deleted; in a dry run always 0."""
    files_skipped: int
    files_failed: int
    bytes_done: int
    """Of files that have arrived, and of large ones that are on their way."""
    files_known: int
    """Those to be moved or deleted, as far as they have been found."""
    bytes_known: int
    is_all_known: bool
    """Whether both sides have been listed to their end."""
    seconds: float


FolderProgressCallback = Callable[[FolderProgress], None]
"""Called by the thread that made the call, a few times a second and at the end."""


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file of many."""

    action: FileAction
    key: str
    """The object that was written, read (by a download) or deleted."""
    path: str
    """The file on this machine; of a copy the source, as `s3://BUCKET/KEY`; else empty."""
    size: int
    """Bytes."""
    reason: str
    """Why it was done, skipped or failed, in a few words."""
    error: S3IntegrationError | None = None
    """Where it failed."""

    @override
    def __reduce__(self) -> tuple[type[FileResult], tuple[object, ...]]:
        # Reports keep results pickled, and dataclasses' own way takes ten times as long.
        told = self.action, self.key, self.path, self.size, self.reason, self.error
        return FileResult, told

    def to_dict(self) -> dict[str, Any]:
        """All fields as a plain dict, the error as its own `to_dict()`."""
        return {
            "action": self.action,
            "key": self.key,
            "path": self.path,
            "size": self.size,
            "reason": self.reason,
            "error": self.error.to_dict() if self.error else None,
        }


@dataclass(frozen=True, slots=True)
class TransferReport:
    """What became of many files, each of which is in exactly one of the three lists."""

    done: Sequence[FileResult]
    """In a dry run: what would be done."""
    skipped: Sequence[FileResult]
    failed: Sequence[FileResult]
    size_bytes: int
    """Of the files in `done`, as far as their bytes were moved."""
    seconds: float

    def raise_if_failed(self) -> None:
        """Raise the first error, where there was one."""
        for result in self.failed:
            if result.error is not None:
                raise result.error


@dataclass(frozen=True, slots=True)
class UnfinishedUpload:
    """An upload in parts that was begun, and neither completed nor aborted."""

    key: str
    upload_id: str
    initiated: datetime
    """By S3's clock, with its time zone (UTC)."""


@dataclass(frozen=True, slots=True)
class FailedAbort:
    """An unfinished upload that could not be aborted, and why."""

    upload: UnfinishedUpload
    error: S3IntegrationError


@dataclass(frozen=True, slots=True)
class StaleUploads:
    """What became of a bucket's unfinished uploads that were old enough."""

    aborted: tuple[UnfinishedUpload, ...]
    in_use: tuple[UnfinishedUpload, ...]
    """Left alone: a process of this machine is at work on them."""
    failed: tuple[FailedAbort, ...]

    def raise_if_failed(self) -> None:
        """Raise the first error, where there was one."""
        if self.failed:
            raise self.failed[0].error
