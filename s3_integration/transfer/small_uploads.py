"""Small files of one call for many: sent ahead, while the answers to others are on their way.

As `small_downloads.py` has it: nothing is decided here but that all is well. Whatever is not as
usual is left to the ordinary way, which gets the answer and does all of its own checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError

from s3_integration.transfer import integrity
from s3_integration.transfer.account import Account, are_lines_wanted
from s3_integration.transfer.direct import DirectWire, as_botocores
from s3_integration.transfer.engine import Transferred
from s3_integration.transfer.integrity import DamagedError
from s3_integration.transfer.local import opened_source
from s3_integration.transfer.proof import Piece, checksums_to_send, is_worth_asking
from s3_integration.transfer.sources import MemorySource
from s3_integration.transfer.stored import settle, storage_parameters
from s3_integration.transfer.wires import Route
from s3_integration.utils import ByteRange

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3_integration.aws.session import Connection
    from s3_integration.models import ProgressCallback
    from s3_integration.transfer.direct import Sent
    from s3_integration.transfer.engine import UploadJob
    from s3_integration.transfer.found import SourcePath
    from s3_integration.transfer.sources import Source
    from s3_integration.transfer.wires import Wires

_MOST_BYTES = 64 * 1024
"""What sockets take at once, so that no thread waits while it sends."""


class SmallUploads:
    """The uploads of one call, as far as they go the short way.

    Args:
        wires: the way to S3.
        threshold_bytes: files from this size on go in parts.
        go_on: does a job the ordinary way, over a given route, with bytes that were read already.
    """

    def __init__(
        self,
        wires: Wires,
        threshold_bytes: int,
        go_on: Callable[[UploadJob, ProgressCallback, Route, Source], Transferred],
    ) -> None:
        self._wires = wires
        self._most_bytes = min(_MOST_BYTES, threshold_bytes - 1)
        self.go_on = go_on
        self.are_lines_wanted = are_lines_wanted()

    def begin(self, job: UploadJob) -> SmallUpload | None:
        """Send a file without waiting for an answer; None where the ordinary way is to be taken.

        What it raises, the ordinary way meets as well.
        """
        target = job.target
        route = self._wires.choose(target.bucket)
        connection, wire = route.connection, route.wire
        # Conditions, encryption and checksums may have to be asked about first.
        is_usual = (
            job.options.if_exists == "overwrite"
            and connection.terms.encryption is None
            and not is_worth_asking(connection.learned)
        )
        if not (is_usual and isinstance(wire, DirectWire) and wire.can_send_ahead):
            return None
        piece = _piece_of(job.path, connection, self._most_bytes)
        if piece is None:
            return None
        sent = wire.send_put_object(
            piece.content,
            Bucket=target.bucket,
            Key=target.key,
            **piece.parameters(),
            **storage_parameters(job.options),
        )
        return SmallUpload(self, job, piece, (route, wire), sent)


def _piece_of(path: SourcePath, connection: Connection, most_bytes: int) -> Piece | None:
    """A small file's content, which it had all the time; None where it is not small."""
    source = opened_source(path)  # a context manager takes half as long as opening itself
    try:
        if source.size_bytes > most_bytes:
            return None
        whole = ByteRange(0, source.size_bytes)
        sent = checksums_to_send(connection.endpoint, connection.learned)
        piece = Piece(connection, source.read(whole), sent)
        settle(source, {whole: piece.fingerprint} if source.is_fresh else {})
    finally:
        source.close()
    return piece


class SmallUpload:
    """One of them, on its way; one thread does all of it."""

    def __init__(
        self,
        call: SmallUploads,
        job: UploadJob,
        piece: Piece,
        way: tuple[Route, DirectWire],
        sent: Sent,
    ) -> None:
        self._call = call
        self._job = job
        self._piece = piece
        self._route, self._wire = way
        self._sent = sent
        where = job.target
        lines = call.are_lines_wanted
        self._account = Account("upload", where.key, where.bucket) if lines else None

    def finish(self) -> Transferred | None:
        """What was stored; None where that is not sure, and `go_on` has to see to it."""
        answer = self._sent.answer()
        if isinstance(answer, BotoCoreError) or answer.status != 200:
            return None
        told = as_botocores(answer, 1)
        try:
            self._piece.check(told)
        except DamagedError:
            return None
        size_bytes = len(self._piece.content)
        if self._account:
            self._account.size_bytes = size_bytes
            self._account.log(1, "done")
        return Transferred(size_bytes, integrity.unquoted(told["ETag"]), told.get("VersionId"))

    def go_on(self, progress: ProgressCallback) -> Transferred:
        """Do it the ordinary way, with the answer that has come.

        With the same bytes, too: they may be stored already, although no answer says so.
        """
        route = Route(self._route.connection, self._wire.after(self._sent))
        return self._call.go_on(self._job, progress, route, MemorySource(self._piece.content))

    def give_up(self) -> None:
        """Need it no more."""
        self._sent.give_up()
