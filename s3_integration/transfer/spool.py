"""What is written before it is stored: in memory while it is small, then in a nameless file."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from s3_integration.transfer.local import SourceFile
from s3_integration.transfer.positions import sought
from s3_integration.transfer.sources import MemorySource
from s3_integration.utils import MIB

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from s3_integration.transfer.sources import Source

_MOST_BYTES_IN_MEMORY = 8 * MIB


class Spool:
    """A file for one writer, which nobody else can open (0600), and which a kill removes."""

    def __init__(self) -> None:
        self._file: io.BytesIO | io.FileIO = io.BytesIO()

    def write(self, chunk: Buffer) -> int:
        """Put `chunk`, or the first bytes of it, at the position; return how many."""
        self._make_room_for(self._file.tell() + memoryview(chunk).nbytes)
        return self._file.write(chunk)

    def seek(self, offset: int, whence: int) -> int:
        """Move the position; beyond the end, too."""
        return self._file.seek(sought(offset, whence, self._file.tell(), self._size_bytes()))

    def tell(self) -> int:
        """The position."""
        return self._file.tell()

    def truncate(self, size_bytes: int) -> None:
        """Cut it off, or make it longer by zeros; the position stays."""
        self._make_room_for(size_bytes)
        missing = size_bytes - self._size_bytes()
        if isinstance(self._file, io.BytesIO) and missing > 0:  # it does not grow by itself
            position = self._file.tell()
            self._file.seek(0, io.SEEK_END)
            self._file.write(bytes(missing))
            self._file.seek(position)
        self._file.truncate(size_bytes)

    def as_source(self) -> Source:
        """What was written, to be stored; nothing may be written any more."""
        if isinstance(self._file, io.BytesIO):
            return MemorySource(self._file.getvalue())
        descriptor = self._file.fileno()
        return SourceFile(
            path=Path(tempfile.gettempdir()),
            size_bytes=self._size_bytes(),
            mtime_ns=os.fstat(descriptor).st_mtime_ns,
            is_fresh=False,  # nobody else can write to it
            descriptor=descriptor,
        )

    def close(self) -> None:
        """Forget what was written."""
        self._file.close()

    def _size_bytes(self) -> int:
        if isinstance(self._file, io.BytesIO):
            return self._file.getbuffer().nbytes
        return os.fstat(self._file.fileno()).st_size

    def _make_room_for(self, size_bytes: int) -> None:
        if isinstance(self._file, io.BytesIO) and size_bytes > _MOST_BYTES_IN_MEMORY:
            self._file = _on_disk(self._file)


def _on_disk(memory: io.BytesIO) -> io.FileIO:
    """The same, with its position, in a temporary file."""
    with contextlib.ExitStack() as until_whole:
        # Unbuffered, so that all that is written can be read by its descriptor.
        file = until_whole.enter_context(tempfile.TemporaryFile(buffering=0))
        content = memory.getbuffer()
        while content:
            content = content[file.write(content) :]
        file.seek(memory.tell())
        until_whole.pop_all()
    return file
