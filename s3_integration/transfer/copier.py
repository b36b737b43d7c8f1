"""Copies, moves and restored versions of one client: what is looked at, copied, and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3_integration.transfer import described
from s3_integration.transfer.copying import Copy, CopySizes
from s3_integration.transfer.engine import CopyJob, ObjectId
from s3_integration.transfer.history import version_to_restore
from s3_integration.transfer.listing import versions_of
from s3_integration.transfer.looking import look_at
from s3_integration.transfer.moving import delete_moved
from s3_integration.transfer.parts import PartThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from s3_integration.aws.session import Connection
    from s3_integration.models import S3FileInfo

_NO_VERSION = "null"
"""The id of what was stored without versioning (User Guide, "Working with objects in a
versioning-suspended bucket"); moto's server knows it in listings alone."""


class Copier:
    """What all copies of a client share."""

    def __init__(
        self,
        connect: Callable[[], Connection],
        parts_in_flight: int,
        prepare: Callable[[], object],
        sizes: CopySizes | None = None,
    ) -> None:
        """`prepare` makes sure of the client's bucket."""
        self._connect = connect
        self._threads = PartThreads(parts_in_flight)
        self._prepare = prepare
        self._sizes = sizes or CopySizes()

    def copy(self, job: CopyJob) -> S3FileInfo:
        """Copy one object; see `Copy`."""
        return self._copied(job, look_at(self._connect(), job.source))

    def move(self, job: CopyJob) -> S3FileInfo:
        """Copy one object, then delete its source; see `delete_moved`."""
        connection = self._connect()
        source = look_at(connection, job.source)
        copy = self._copied(job, source)
        delete_moved(connection, job.source, source, job.target)
        return copy

    def restore(self, wanted: ObjectId) -> S3FileInfo:
        """Make a version the current one, by a copy of it; see `version_to_restore`."""
        connection = self._connect()
        found = version_to_restore(wanted, versions_of(self._connect, wanted.bucket, wanted.key))
        source = ObjectId(wanted.bucket, wanted.key, found.version_id)
        target = ObjectId(wanted.bucket, wanted.key)
        if not found.is_latest:
            return self.copy(CopyJob(source, target))
        # Not what has come in its place since then; where nothing is kept, that is all there is.
        which = target if found.version_id == _NO_VERSION else source
        return described.from_head(target.key, look_at(connection, which))

    def _copied(self, job: CopyJob, source: Mapping[str, Any]) -> S3FileInfo:
        if job.source.bucket != job.target.bucket:
            self._prepare()
        return Copy(self._connect(), job, self._threads, self._sizes).run(source)
