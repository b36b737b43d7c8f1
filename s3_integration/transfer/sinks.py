"""Where the bytes of a download go: into a file that is whole in the end, or into memory."""

from __future__ import annotations

import contextlib
import errno
import io
from typing import TYPE_CHECKING, Protocol

from s3_integration.transfer.partial import may_have_leftover, partial_file
from s3_integration.utils import ByteRange

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from typing_extensions import Buffer

    from s3_integration.transfer.folders import Destination
    from s3_integration.transfer.notes import Content
    from s3_integration.transfer.starts import Deed


class Sink(Protocol):
    """Takes what arrives of one version; threads may write different places at once."""

    @property
    def noted(self) -> list[ByteRange]:
        """Ranges that a killed download has written."""

    def write(self, offset: int, chunk: Buffer) -> None:
        """Put `chunk` at `offset` of the object."""

    def read(self, size_bytes: int, offset: int) -> Buffer:
        """What was written, to be checked."""

    def note(self, part: ByteRange) -> None:
        """Let the next download know, if this one is killed, that `part` is there."""


class Receiver(Protocol):
    """Where a whole object is wanted."""

    @property
    def deed(self) -> Deed:
        """What messages call it to bring one there."""

    def may_have_leftover(self) -> bool:
        """Whether it is worth while to look, before anything is fetched, for what is there."""

    def receiving(self, size_bytes: int, content: Content | None) -> AbstractContextManager[Sink]:
        """Take one version of that size; only if the block ends well, it is there."""


class FileReceiver:
    """A file on the disk; see `partial.py`."""

    deed: Deed = "download"

    def __init__(self, destination: Destination) -> None:
        self._destination = destination

    def may_have_leftover(self) -> bool:
        """See `Receiver`."""
        return may_have_leftover(self._destination)

    def receiving(self, size_bytes: int, content: Content | None) -> AbstractContextManager[Sink]:
        """See `Receiver`."""
        del size_bytes
        return partial_file(self._destination, content)


class MemorySink:
    """A range of an object, in memory that is taken once and never copied."""

    def __init__(self, where: ByteRange) -> None:
        """Take the memory.

        Raises:
            OSError: there is not so much (ENOMEM); sizes are what a server says.
        """
        self._start = where.start
        # A BytesIO takes these bytes, of which there is no other reference, for its own buffer,
        # and gives that away as `bytes` in the end: twice without a copy.
        try:
            self._memory = io.BytesIO(bytes(where.size))
        except (MemoryError, OverflowError):
            message = f"there is no memory for {where.size} bytes"
            raise OSError(errno.ENOMEM, message) from None
        self._view = self._memory.getbuffer()
        self.noted: list[ByteRange] = []

    def write(self, offset: int, chunk: Buffer) -> None:
        """See `Sink`."""
        at = offset - self._start
        self._view[at : at + memoryview(chunk).nbytes] = chunk

    def read(self, size_bytes: int, offset: int) -> Buffer:
        """See `Sink`."""
        at = offset - self._start
        return self._view[at : at + size_bytes]

    def note(self, part: ByteRange) -> None:
        """Nothing in memory outlives a kill."""

    def content(self) -> bytes:
        """All of it; nothing can be written any more."""
        self._view.release()
        return self._memory.getvalue()


class MemoryReceiver:
    """This process' memory."""

    deed: Deed = "read"

    def __init__(self) -> None:
        self.content = b""
        """The whole, once it is there."""

    def may_have_leftover(self) -> bool:
        """See `Receiver`."""
        return False

    @contextlib.contextmanager
    def receiving(self, size_bytes: int, content: Content | None) -> Iterator[MemorySink]:
        """See `Receiver`."""
        del content
        sink = MemorySink(ByteRange(0, size_bytes))
        yield sink
        self.content = sink.content()
