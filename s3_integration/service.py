"""S3Service: one short method for each thing that is done to S3. Internal; see `client`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

from s3_integration.aws.errors import translated
from s3_integration.aws.session import connect
from s3_integration.bucket.create import ensure_bucket
from s3_integration.config import DEFAULT_BUCKET_NAME, Settings, resolve_settings
from s3_integration.exceptions import (
    S3DownloadError,
    S3FileNotFoundError,
    S3IntegrationError,
    S3UploadError,
)
from s3_integration.perprocess import PerProcess
from s3_integration.transfer import described
from s3_integration.transfer.account import accounted
from s3_integration.transfer.engine import DownloadJob, ObjectId, UploadJob
from s3_integration.transfer.integrity import DamagedError
from s3_integration.transfer.local import check_destination, open_source
from s3_integration.transfer.persistence import persistently
from s3_integration.transfer.reader import buffered
from s3_integration.transfer.writer import ObjectWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from io import BufferedReader
    from pathlib import Path

    from mypy_boto3_s3.client import S3Client as Boto3Client

    from s3_integration.bucket.bucket import Bucket
    from s3_integration.models import ProgressCallback, S3FileInfo
    from s3_integration.transfer.account import Account
    from s3_integration.transfer.engine import (
        Outcome,
        TransferEngine,
        Transferred,
        UploadOptions,
    )
    from s3_integration.transfer.folders import Destination
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

    def _get_s3_client(self) -> Boto3Client:
        """The boto3 client of this process; made, with its credentials, on first use."""
        return self._connection.get().client

    @property
    def bucket(self) -> Bucket:
        """The bucket as a whole."""
        # Imported on first use: few programs look after their bucket.
        from s3_integration.bucket.bucket import Bucket  # noqa: PLC0415 - see above

        return Bucket(self.bucket_name, self._connection.get)

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
        self, files: Iterable[tuple[Path, str, UploadOptions]]
    ) -> Generator[Outcome[UploadJob], None, None]:
        """Store many local files, each under a key; see `TransferEngine.upload_many`."""
        jobs = (
            UploadJob(path, ObjectId(self.bucket_name, key), options)
            for path, key, options in self._once_ready(files, self._ensure_bucket_exists)
        )
        return self._engine.upload_many(jobs)

    def download_files(
        self, files: Iterable[tuple[str, Destination]]
    ) -> Generator[Outcome[DownloadJob], None, None]:
        """Put what is stored under many keys, each somewhere; see `TransferEngine.upload_many`."""
        jobs = (
            DownloadJob(ObjectId(self.bucket_name, key), destination)
            for key, destination in self._once_ready(files)
        )
        return self._engine.download_many(jobs)

    def _once_ready(
        self, files: Iterable[Item], prepare: Callable[[], object] = lambda: None
    ) -> Iterator[Item]:
        """The files, after everything that all of them need; which no file does not need."""
        for number, file in enumerate(files):
            if not number:
                self._validate_credentials()
                prepare()
            yield file

    def iter_files(self, prefix: str) -> Iterator[S3FileInfo]:
        """Every object whose key begins with `prefix`, in S3's order, page by page."""
        # The inner translation knows no key: listing is a permission on the bucket.
        with self._operation("list", prefix), translated("ListObjectsV2", self.bucket_name):
            pages = self._get_s3_client().get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket_name, Prefix=prefix):
                for listed in page.get("Contents", []):
                    yield described.from_listing(listed)

    def file_info(self, key: str, *, version_id: str | None = None) -> S3FileInfo:
        """What S3 tells of the object under `key`, its checksum included.

        Raises:
            S3FileNotFoundError: nothing is stored there, or not that version.
        """
        with self._operation("info", key):
            try:
                return self._described(key, version_id)
            except S3FileNotFoundError as error:
                if error.http_status != 404:  # 405 tells of a delete marker, and enough
                    raise
            self._ask_in_words(key, version_id)
            return self._described(key, version_id)  # stored between the two questions

    def _described(self, key: str, version_id: str | None) -> S3FileInfo:
        def look() -> S3FileInfo:
            with translated("HeadObject", self.bucket_name, key):
                answer = self._get_s3_client().head_object(
                    **self._named(key, version_id), ChecksumMode="ENABLED"
                )
            return described.from_head(key, answer)

        attempts = self._connection.get().total_attempts
        try:
            return persistently(look, operation="HeadObject", total_attempts=attempts)
        except DamagedError as error:
            raise S3IntegrationError(
                f"Cannot look at {key!r} in bucket {self.bucket_name!r}: {error}.",
                operation="HeadObject",
                bucket=self.bucket_name,
                key=key,
                suggestion="Check the network, the endpoint and any proxy settings.",
                retryable=True,
            ) from error

    def file_exists(self, key: str) -> bool:
        """Whether something is stored under `key`; False only when S3 said that it is not."""
        with self._operation("exists", key):
            return self._is_stored(key)

    def delete_file(self, key: str) -> bool:
        """Delete what is stored under `key`; False where nothing was."""
        with self._operation("delete", key):
            if not self._is_stored(key):
                return False
            with translated("DeleteObject", self.bucket_name, key):
                self._get_s3_client().delete_object(Bucket=self.bucket_name, Key=key)
            return True

    def _is_stored(self, key: str) -> bool:
        try:
            with translated("HeadObject", self.bucket_name, key):
                self._get_s3_client().head_object(Bucket=self.bucket_name, Key=key)
        except S3FileNotFoundError:
            return self._is_stored_by_get(key)
        return True

    def _is_stored_by_get(self, key: str) -> bool:
        try:
            self._ask_in_words(key)
        except S3FileNotFoundError:
            return False
        return True  # it was stored between the two questions

    def _ask_in_words(self, key: str, version_id: str | None = None) -> None:
        """Ask again in a way whose answer has a body, and so tells key and bucket apart.

        Raises:
            S3FileNotFoundError: it is the key, or the version, that is missing.
        """
        try:
            with translated("GetObject", self.bucket_name, key):
                answer = self._get_s3_client().get_object(
                    **self._named(key, version_id), Range="bytes=0-0"
                )
        except S3IntegrationError as error:
            if error.http_status == 416:  # an empty object has no first byte
                return
            raise
        answer["Body"].close()

    def _named(self, key: str, version_id: str | None) -> dict[str, Any]:
        """The object, or one version of it, in the words of S3's requests."""
        version = {} if version_id is None else {"VersionId": version_id}
        return {"Bucket": self.bucket_name, "Key": key, **version}

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
