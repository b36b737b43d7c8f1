"""S3Service: one short method for each thing that is done to S3. Internal; see `client`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeVar

from s3_integration.aws.errors import translated
from s3_integration.aws.session import connect
from s3_integration.bucket.create import ensure_bucket
from s3_integration.config import Settings, resolve_settings
from s3_integration.exceptions import (
    S3DownloadError,
    S3IntegrationError,
    S3UploadError,
)
from s3_integration.perprocess import PerProcess
from s3_integration.transfer import described, listing, looking, tags
from s3_integration.transfer.account import accounted
from s3_integration.transfer.engine import DownloadJob, ObjectId, UploadJob
from s3_integration.transfer.local import check_destination, open_source
from s3_integration.transfer.reader import buffered
from s3_integration.transfer.writer import ObjectWriter
from s3_integration.utils import DEFAULT_BUCKET_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
    from io import BufferedReader
    from pathlib import Path

    from mypy_boto3_s3.client import S3Client as Boto3Client

    from s3_integration.aws.presigned import Permit
    from s3_integration.bucket.bucket import Bucket
    from s3_integration.bulk.storage import Storage
    from s3_integration.models import FolderListing, ProgressCallback, S3FileInfo, S3Version
    from s3_integration.transfer.account import Account
    from s3_integration.transfer.copier import Copier
    from s3_integration.transfer.engine import (
        CopyJob,
        Outcome,
        PlaceToOpen,
        TransferEngine,
        Transferred,
        UploadOptions,
        Watch,
    )
    from s3_integration.transfer.folders import Destination
    from s3_integration.transfer.found import SourcePath
    from s3_integration.transfer.sources import Source

Item = TypeVar("Item")


class S3Service:
    """What can be done to one bucket.

    Nothing is sent before the first call. One service may be used from many threads, and
    in forked children.
    """

    def __init__(
        self,
        bucket_name: str = DEFAULT_BUCKET_NAME,
        *,
        settings: Settings | None = None,
        create_bucket: bool = True,
    ) -> None:
        self._settings = settings or resolve_settings(bucket_name)
        self.bucket_name = self._settings.bucket_name
        self._create_bucket = create_bucket
        self._connection = PerProcess(lambda: connect(self._settings))
        self._bucket_is_ensured = PerProcess(self._make_sure_of_bucket)
        self._engine_on_first_use = PerProcess(self._make_engine)
        self._copier_on_first_use = PerProcess(self._make_copier)

    def _get_s3_client(self) -> Boto3Client:
        """The boto3 client of this process; made, with its credentials, on first use."""
        return self._connection.get().client

    @property
    def bucket(self) -> Bucket:
        """The bucket as a whole."""
        # Imported on first use: few programs look after their bucket.
        from s3_integration.bucket.bucket import Bucket  # noqa: PLC0415 - see above

        return Bucket(self.bucket_name, self._connection.get, self._settings)

    @property
    def _engine(self) -> TransferEngine:
        return self._engine_on_first_use.get()

    def _make_engine(self) -> TransferEngine:
        # Imported on first use: looking, listing and deleting move no bytes.
        from s3_integration.transfer.files import FileEngine  # noqa: PLC0415 - see above

        return FileEngine(self._connection.get, self._settings)

    def _validate_credentials(self) -> bool:
        """True where credentials were found and can be used; S3 itself is not asked.

        Raises:
            S3CredentialsError: there are none, or they could not be fetched or renewed.
        """
        with translated("connect", self.bucket_name):
            frozen = self._connection.get().credentials.get_frozen_credentials()
        return bool(frozen.access_key and frozen.secret_key)

    def _ensure_bucket_exists(self) -> None:
        """Create the bucket if it is missing; once per service, and only before a write.

        Raises:
            S3BucketError: it belongs to someone else, or could not be created.
        """
        if self._create_bucket:
            self._bucket_is_ensured.get()

    def _make_sure_of_bucket(self) -> bool:
        ensure_bucket(self._connection.get(), self.bucket_name)
        return True

    def upload_file(
        self,
        path: Path,
        key: str,
        options: UploadOptions,
        progress: ProgressCallback | None = None,
    ) -> None:
        """Store a local file under `key`.

        Raises:
            S3UploadError: it was not stored; also what caused it.
        """
        with self._operation("upload", key, S3UploadError) as account, open_source(path) as source:
            account.size_bytes = self._store(source, key, options, progress).size_bytes

    def write(self, source: Source, key: str, options: UploadOptions) -> S3FileInfo:
        """Store bytes of this process under `key`, and tell what is stored.

        Raises:
            S3UploadError: it was not stored; also what caused it.
        """
        with self._operation("upload", key, S3UploadError) as account:
            stored = self._store(source, key, options)
            account.size_bytes = stored.size_bytes
            return described.from_upload(key, options, stored)

    def _store(
        self,
        source: Source,
        key: str,
        options: UploadOptions,
        progress: ProgressCallback | None = None,
    ) -> Transferred:
        self._validate_credentials()
        self._ensure_bucket_exists()
        return self._engine.upload(source, ObjectId(self.bucket_name, key), options, progress)

    def writer(self, key: str, options: UploadOptions) -> ObjectWriter:
        """What takes bytes, and stores them under `key` when it is closed."""
        target = ObjectId(self.bucket_name, key)
        return ObjectWriter(target, lambda source: self.write(source, key, options))

    def read(
        self, key: str, *, start: int = 0, stop: int | None = None, version_id: str | None = None
    ) -> bytes:
        """What is stored under `key`, or what there is of bytes `start` up to `stop`.

        Raises:
            S3DownloadError: it could not be read; also what caused it.
        """
        with self._operation("read", key, S3DownloadError) as account:
            self._validate_credentials()
            source = ObjectId(self.bucket_name, key, version_id)
            content = self._engine.read(source, start, stop)
            account.size_bytes = len(content)
            return content

    def reader(self, key: str, *, version_id: str | None = None) -> BufferedReader:
        """A file object that reads what is stored under `key`.

        Raises:
            S3DownloadError: it could not be read; also what caused it.
        """
        with self._operation("open", key, S3DownloadError):
            self._validate_credentials()
            return buffered(self._engine.reading(ObjectId(self.bucket_name, key, version_id)))

    def download_file(
        self,
        key: str,
        path: Path,
        *,
        version_id: str | None = None,
        progress: ProgressCallback | None = None,
    ) -> None:
        """Put what is stored under `key` at `path`, whole or not at all.

        Raises:
            S3DownloadError: `path` is as it was before; also what caused it.
        """
        with self._operation("download", key, S3DownloadError) as account:
            check_destination(path)
            self._validate_credentials()
            source = ObjectId(self.bucket_name, key, version_id)
            account.size_bytes = self._engine.download(source, path, progress).size_bytes

    def upload_files(
        self, files: Iterable[tuple[SourcePath, str, UploadOptions]], watch: Watch | None = None
    ) -> Generator[Outcome[UploadJob], None, None]:
        """Store many local files, each under a key; see `TransferEngine.upload_many`."""
        jobs = (
            UploadJob(path, ObjectId(self.bucket_name, key), options)
            for path, key, options in self._once_ready(files, self._ensure_bucket_exists)
        )
        return self._engine.upload_many(jobs, watch)

    def download_files(
        self, files: Iterable[tuple[str, Destination | PlaceToOpen]], watch: Watch | None = None
    ) -> Generator[Outcome[DownloadJob], None, None]:
        """Put what is stored under many keys, each somewhere; see `TransferEngine.upload_many`."""
        jobs = (
            DownloadJob(ObjectId(self.bucket_name, key), destination)
            for key, destination in self._once_ready(files)
        )
        return self._engine.download_many(jobs, watch)

    def _once_ready(
        self, files: Iterable[Item], prepare: Callable[[], object] = lambda: None
    ) -> Iterator[Item]:
        """The files, after everything that all of them need; which no file does not need."""
        for number, file in enumerate(files):
            if not number:
                self._validate_credentials()
                prepare()
            yield file

    def storage(self) -> Storage:
        """The bucket as calls over many files need it; `bulk.folders` makes them."""
        # Imported on first use: most programs move single files.
        from s3_integration.bulk.storage import Storage  # noqa: PLC0415 - see above

        return Storage(
            bucket_name=self.bucket_name,
            part_size_bytes=self._settings.transfer.part_size_bytes,
            connect=self._connection.get,
            prepare=self._prepare_to_write,
            upload=self.upload_files,
            download=self.download_files,
            copy=self.copy_file,
        )

    def _prepare_to_write(self) -> None:
        self._validate_credentials()
        self._ensure_bucket_exists()

    def iter_files(self, prefix: str) -> Iterator[S3FileInfo]:
        """Every object whose key begins with `prefix`, in S3's order, page by page."""
        return listing.files_under(self._connection.get, self.bucket_name, prefix)

    def list_folder(self, prefix: str) -> FolderListing:
        """What lies directly below `prefix`, which is empty or ends with a slash."""
        return listing.folder_at(self._connection.get, self.bucket_name, prefix)

    def list_versions(self, *, key: str | None, prefix: str) -> list[S3Version]:
        """Every version of exactly one key, else of all keys that begin with `prefix`."""
        if key is not None:
            return listing.versions_of(self._connection.get, self.bucket_name, key)
        return listing.versions_under(self._connection.get, self.bucket_name, prefix)

    def file_info(self, key: str, *, version_id: str | None = None) -> S3FileInfo:
        """What S3 tells of the object under `key`, its checksum included.

        Raises:
            S3FileNotFoundError: nothing is stored there, or not that version.
        """
        with self._operation("info", key):
            which = ObjectId(self.bucket_name, key, version_id)
            return described.from_head(key, looking.look_at(self._connection.get(), which))

    def file_exists(self, key: str) -> bool:
        """Whether something is stored under `key`; False only when S3 said that it is not."""
        with self._operation("exists", key):
            return looking.is_stored(self._connection.get(), ObjectId(self.bucket_name, key))

    def delete_file(self, key: str) -> bool:
        """Delete what is stored under `key`; False where nothing was."""
        with self._operation("delete", key):
            if not looking.is_stored(self._connection.get(), ObjectId(self.bucket_name, key)):
                return False
            with translated("DeleteObject", self.bucket_name, key):
                self._get_s3_client().delete_object(Bucket=self.bucket_name, Key=key)
            return True

    def copy_file(self, job: CopyJob) -> S3FileInfo:
        """Copy an object within S3, whole or not at all; see `transfer.copying`."""
        with self._operation("copy", job.target.key) as account:
            copy = self._copier.copy(job)
            account.size_bytes = copy.size
            return copy

    def move_file(self, job: CopyJob) -> S3FileInfo:
        """Copy an object within S3, and delete its source unless that has changed.

        Raises:
            S3ConflictError: it has; both are stored.
        """
        with self._operation("move", job.target.key) as account:
            copy = self._copier.move(job)
            account.size_bytes = copy.size
            return copy

    def restore_file(self, key: str, *, version_id: str | None = None) -> S3FileInfo:
        """Make an older version of `key` the current one, by a copy.

        Raises:
            S3FileNotFoundError: there is no such version.
        """
        with self._operation("restore", key) as account:
            restored = self._copier.restore(ObjectId(self.bucket_name, key, version_id))
            account.size_bytes = restored.size
            return restored

    @property
    def _copier(self) -> Copier:
        return self._copier_on_first_use.get()

    def _make_copier(self) -> Copier:
        # Imported on first use: most programs copy nothing within S3.
        from s3_integration.transfer.copier import Copier  # noqa: PLC0415 - see above

        parts_in_flight = self._settings.transfer.parts_in_flight
        return Copier(self._connection.get, parts_in_flight, self._ensure_bucket_exists)

    def get_tags(self, key: str, *, version_id: str | None = None) -> dict[str, str]:
        """The tags of what is stored under `key`."""
        with self._operation("get tags", key):
            which = ObjectId(self.bucket_name, key, version_id)
            return tags.tags_of(self._connection.get(), which)

    def set_tags(self, key: str, new: Mapping[str, str]) -> None:
        """Let `new` be all tags of what is stored under `key`."""
        with self._operation("set tags", key):
            tags.set_tags(self._connection.get(), ObjectId(self.bucket_name, key), new)

    def link(self, permit: Permit) -> str:
        """A link that allows what `permit` says; it is a secret, and S3 is not asked."""
        # Imported on first use: it is seldom needed.
        from s3_integration.transfer.links import link_for  # noqa: PLC0415 - see above

        with self._operation("presign", permit.key):
            return link_for(self._connection.get(), self.bucket_name, permit)

    @contextlib.contextmanager
    def _operation(
        self, name: str, key: str, outcome: type[S3IntegrationError] | None = None
    ) -> Iterator[Account]:
        """Translate what fails, and log one line of what was done, however it ended."""
        with (
            accounted(name, key, self.bucket_name) as account,
            translated(name, self.bucket_name, key, outcome=outcome),
        ):
            yield account
