"""The engine: whole files, moved by one logic over whichever wire can work here.

It does not use boto3's own transfers (s3transfer), nor awscrt's: those take answers of the
wrong range for right ones, mix old and new parts of a file that is rewritten, and report
failure for an upload whose last reply was lost (docs/reliability.md).
"""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from s3_integration.aws.errors import translated
from s3_integration.exceptions import S3DownloadError, S3UploadError
from s3_integration.perprocess import PerProcess
from s3_integration.transfer.account import accounted, are_lines_wanted
from s3_integration.transfer.download import Download
from s3_integration.transfer.engine import DownloadJob
from s3_integration.transfer.folders import FileIn
from s3_integration.transfer.local import check_destination, open_source
from s3_integration.transfer.many import move_many
from s3_integration.transfer.memory import MemoryBound
from s3_integration.transfer.multipart import MultipartUpload
from s3_integration.transfer.partial import may_have_leftover
from s3_integration.transfer.parts import PartThreads
from s3_integration.transfer.reading import ObjectReading
from s3_integration.transfer.sinks import FileReceiver, MemoryReceiver
from s3_integration.transfer.small_downloads import SmallDownload, SmallDownloads
from s3_integration.transfer.small_uploads import SmallUploads
from s3_integration.transfer.turns import Turns, end_turn
from s3_integration.transfer.upload import upload_single
from s3_integration.transfer.wires import Wires
from s3_integration.utils import MAX_OBJECT_SIZE_BYTES, MIB, ByteRange

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from s3_integration.aws.session import Connection
    from s3_integration.config import Settings
    from s3_integration.exceptions import S3IntegrationError
    from s3_integration.models import ProgressCallback
    from s3_integration.transfer.engine import (
        ObjectId,
        Outcome,
        Transferred,
        UploadJob,
        UploadOptions,
        Watch,
    )
    from s3_integration.transfer.folders import Destination
    from s3_integration.transfer.sources import Source
    from s3_integration.transfer.wires import Route

_MOST_BYTES_IN_MEMORY = 64 * MIB
"""Of small files that are stored at once by one call for many; parts have a bound of their own."""

_MOST_PARTS_BY_AWSCRT = 5
"""awscrt takes some 16 MB more for each part of 8 MiB (docs/performance-large.md)."""


def parts_at_once(settings: Settings) -> int:
    """How many parts may be under way, so that memory stays within its bound."""
    wanted = settings.transfer.parts_in_flight
    return min(wanted, _MOST_PARTS_BY_AWSCRT) if settings.engine == "crt" else wanted


class FileEngine:
    """Moves files; see `TransferEngine`."""

    def __init__(self, connect: Callable[[], Connection], settings: Settings) -> None:
        self._transfer = settings.transfer
        self._wires = Wires(connect, settings)
        self._threads = PartThreads(parts_at_once(settings))
        self._turns = PerProcess(Turns)
        self._memory = PerProcess(lambda: MemoryBound(_MOST_BYTES_IN_MEMORY))

    def upload(
        self,
        source: Source,
        target: ObjectId,
        options: UploadOptions,
        progress: ProgressCallback | None = None,
    ) -> Transferred:
        """Store a file; see `TransferEngine`."""
        with self._one("upload", target, S3UploadError):
            return self._upload_by(
                self._wires.choose(target.bucket), source, target, options, progress
            )

    @contextlib.contextmanager
    def _one(self, deed: str, where: ObjectId, outcome: type[S3IntegrationError]) -> Iterator[None]:
        """One call for one object: many threads of a caller may make some at once."""
        with (
            translated(deed, where.bucket, where.key, outcome=outcome),
            self._turns.get().lasting(),
        ):
            yield

    def _upload_by(
        self,
        route: Route,
        source: Source,
        target: ObjectId,
        options: UploadOptions,
        progress: ProgressCallback | None,
    ) -> Transferred:
        if source.size_bytes < self._transfer.multipart_threshold_bytes:
            return upload_single(route, source, target, options, progress)
        end_turn()
        return MultipartUpload(
            route, source, target, options, self._transfer, self._threads, progress
        ).run()

    def download(
        self,
        source: ObjectId,
        destination: Destination,
        progress: ProgressCallback | None = None,
    ) -> Transferred:
        """Fetch a file; see `TransferEngine`."""
        with self._one("download", source, S3DownloadError):
            small = self._small_download(source, destination) if progress is None else None
            if small is None:
                s3 = self._wires.choose(source.bucket)
                return self._download_by(s3, source, destination, progress)
            return small.finish() or small.go_on(None)

    def _small_download(self, source: ObjectId, destination: Destination) -> SmallDownload | None:
        """What takes a short way, if the object is small and all is well."""
        if may_have_leftover(destination):  # then the first request asks for a byte
            return None
        small = SmallDownloads(
            self._wires,
            self._transfer.multipart_threshold_bytes,
            lambda _, progress, route: self._download_by(route, source, destination, progress),
            are_lines_wanted=False,
        )
        with contextlib.suppress(Exception):  # the ordinary way meets it again
            return small.begin(DownloadJob(source, destination))
        return None

    def _download_by(
        self,
        route: Route,
        source: ObjectId,
        destination: Destination,
        progress: ProgressCallback | None,
    ) -> Transferred:
        where = FileReceiver(destination)
        return Download(route, source, where, self._transfer, self._threads, progress).run()

    def read(self, source: ObjectId, start: int = 0, stop: int | None = None) -> bytes:
        """Read an object, or a range of it; see `TransferEngine`."""
        if start or stop is not None:
            part = ByteRange(start, MAX_OBJECT_SIZE_BYTES if stop is None else stop)
            # There is no request for nothing: whether the object is there, one byte tells too.
            asked = part if part.size else ByteRange(start, start + 1)
            return self.reading(source).begin(asked)[: part.size]
        with self._one("read", source, S3DownloadError):
            s3 = self._wires.choose(source.bucket)
            memory = MemoryReceiver()
            Download(s3, source, memory, self._transfer, self._threads, None).run()
            return memory.content

    def reading(self, source: ObjectId) -> ObjectReading:
        """Read ranges of an object; see `TransferEngine`."""
        choose_route = partial(self._wires.choose, source.bucket)
        return ObjectReading(choose_route, source, self._transfer, self._threads)

    def upload_many(
        self, jobs: Iterable[UploadJob], watch: Watch | None = None
    ) -> Generator[Outcome[UploadJob], None, None]:
        """Store many files; see `TransferEngine`."""
        move = self._told_upload_job if are_lines_wanted() else self._upload_job
        small = SmallUploads(self._wires, self._transfer.multipart_threshold_bytes, move)
        return move_many(jobs, move, self._transfer.files_in_flight, small.begin, watch)

    def download_many(
        self, jobs: Iterable[DownloadJob], watch: Watch | None = None
    ) -> Generator[Outcome[DownloadJob], None, None]:
        """Fetch many objects; see `TransferEngine`."""
        are_wanted = are_lines_wanted()
        move = self._told_download_job if are_wanted else self._download_job
        small = SmallDownloads(
            self._wires,
            self._transfer.multipart_threshold_bytes,
            move,
            are_lines_wanted=are_wanted,
        )
        return move_many(jobs, move, self._transfer.files_in_flight, small.begin, watch)

    def _told_upload_job(
        self,
        job: UploadJob,
        progress: ProgressCallback,
        route: Route | None = None,
        read: Source | None = None,
    ) -> Transferred:
        with accounted("upload", job.target.key, job.target.bucket) as account:
            moved = self._upload_job(job, progress, route, read)
            account.size_bytes = moved.size_bytes
        return moved

    def _told_download_job(
        self, job: DownloadJob, progress: ProgressCallback | None, route: Route | None = None
    ) -> Transferred:
        with accounted("download", job.source.key, job.source.bucket) as account:
            moved = self._download_job(job, progress, route)
            account.size_bytes = moved.size_bytes
        return moved

    def _upload_job(
        self,
        job: UploadJob,
        progress: ProgressCallback,
        route: Route | None = None,
        read: Source | None = None,
    ) -> Transferred:
        where = job.target
        with (
            translated("upload", where.bucket, where.key, outcome=S3UploadError),
            open_source(job.path) if read is None else contextlib.nullcontext(read) as source,
        ):
            s3 = route or self._wires.choose(where.bucket)
            if source.size_bytes < self._transfer.multipart_threshold_bytes:
                with self._memory.get().holding(source.size_bytes):
                    return self._upload_by(s3, source, where, job.options, progress)
            return self._upload_by(s3, source, where, job.options, progress)

    def _download_job(
        self, job: DownloadJob, progress: ProgressCallback | None, route: Route | None = None
    ) -> Transferred:
        where = job.source
        with translated("download", where.bucket, where.key, outcome=S3DownloadError):
            s3 = route or self._wires.choose(where.bucket)
            if isinstance(job.destination, Path | FileIn):
                check_destination(job.destination)
                return self._download_by(s3, where, job.destination, progress)
            with job.destination.opened() as place:
                check_destination(place)
                return self._download_by(s3, where, place, progress)
