"""Small objects: checked in memory, then written; of one call for many, also asked for ahead.

Most downloads are small, and all goes well. They go this short way: a file is made only once
its whole content is there, and of many, the next ones are on their way while one answer is
looked at. Whatever is not as usual is left to the ordinary way, which gets the answer
untouched: what is large, refused, damaged, encrypted with a key of its own, or has something in
its place. So nothing is decided here but that all is well.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError

from s3_integration.transfer import integrity
from s3_integration.transfer.account import Account
from s3_integration.transfer.asking import first_question
from s3_integration.transfer.direct import DirectWire, as_botocores
from s3_integration.transfer.engine import Transferred
from s3_integration.transfer.folders import FileIn, OpenFolders
from s3_integration.transfer.integrity import DamagedError, EtagCheck, etag_verdict
from s3_integration.transfer.partial import write_whole
from s3_integration.transfer.wires import Route
from s3_integration.utils import ByteRange

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3_integration.models import ProgressCallback
    from s3_integration.transfer.answers import HttpAnswer
    from s3_integration.transfer.direct import Sent
    from s3_integration.transfer.engine import DownloadJob, PlaceToOpen
    from s3_integration.transfer.wires import Wires


class SmallDownloads:
    """The downloads of one call, as far as they go the short way.

    Args:
        wires: the way to S3.
        first_bytes: how much the first request of a download asks for.
        go_on: does a job the ordinary way, over a given route.
        are_lines_wanted: whether each is to have a log line of its own.
    """

    def __init__(
        self,
        wires: Wires,
        first_bytes: int,
        go_on: Callable[[DownloadJob, ProgressCallback | None, Route], Transferred],
        *,
        are_lines_wanted: bool,
    ) -> None:
        self._wires = wires
        self.first = ByteRange(0, first_bytes)
        self.go_on = go_on
        self.are_lines_wanted = are_lines_wanted
        self._folders = OpenFolders()

    def begin(self, job: DownloadJob) -> SmallDownload | None:
        """Ask for an object without waiting for it; None where the ordinary way is to be taken.

        What it raises, the ordinary way meets as well.
        """
        place = self._place_of(job)
        if place is None:
            return None
        route = self._wires.choose(job.source.bucket)
        wire = route.wire
        if not isinstance(wire, DirectWire) or not wire.can_send_ahead:
            return None
        sent = wire.send_get_object(**first_question(job.source, self.first))
        return SmallDownload(self, job, place, (route, wire), sent)

    def _place_of(self, job: DownloadJob) -> FileIn | PlaceToOpen | None:
        destination = job.destination
        if not isinstance(destination, Path | FileIn):
            return destination
        return self._folders.place_of(destination)


class SmallDownload:
    """One of them, on its way; one thread does all of it."""

    def __init__(
        self,
        call: SmallDownloads,
        job: DownloadJob,
        place: FileIn | PlaceToOpen,
        way: tuple[Route, DirectWire],
        sent: Sent,
    ) -> None:
        self._call = call
        self._job = job
        self._place = place
        self._route, self._wire = way
        self._sent = sent
        where = job.source
        lines = call.are_lines_wanted
        self._account = Account("download", where.key, where.bucket) if lines else None

    def finish(self) -> Transferred | None:
        """What was moved; None where nothing was, and `go_on` has to do it."""
        answer = self._sent.answer()
        if isinstance(answer, BotoCoreError) or answer.status not in {200, 206}:
            return None
        content = answer.gathered()
        # OSError: the ordinary way tells what is wrong, or finds that nothing is any more.
        with contextlib.suppress(DamagedError, OSError):
            if content is not None and (moved := self._moved(answer, content)):
                answer.is_taken()
                if self._account:
                    self._account.size_bytes = moved.size_bytes
                    self._account.log(1, "done")
                return moved
        return None

    def _moved(self, answer: HttpAnswer, content: memoryview) -> Transferred | None:
        told = as_botocores(answer, 1)
        size_bytes = integrity.object_size_of(told, self._call.first)
        if size_bytes != len(content) or integrity.may_have_checksum_only(told):
            return None
        connection = self._route.connection
        if etag_verdict("", told, connection.endpoint) != "untold":
            md5 = integrity.md5_digest(content).hex()
            if not EtagCheck(connection.endpoint, connection.learned).accepts(md5, told):
                return None
        self._write(content)
        return Transferred(size_bytes, str(told["ETag"]).strip('"'), told.get("VersionId"))

    def _write(self, content: memoryview) -> None:
        if isinstance(self._place, FileIn):
            write_whole(self._place, content)
            return
        with self._place.opened() as place:
            write_whole(place, content)

    def go_on(self, progress: ProgressCallback | None) -> Transferred:
        """Do it the ordinary way, with the answer that has come."""
        route = Route(self._route.connection, self._wire.after(self._sent))
        return self._call.go_on(self._job, progress, route)

    def give_up(self) -> None:
        """Need it no more."""
        self._sent.give_up()
