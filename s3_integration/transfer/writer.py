"""A file object that is stored as a whole when it is closed, and only then."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import TYPE_CHECKING

from s3_integration.aws.errors import translated
from s3_integration.exceptions import S3UploadError
from s3_integration.overrides import override
from s3_integration.transfer.positions import check_open
from s3_integration.transfer.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from typing_extensions import Buffer

    from s3_integration.transfer.engine import ObjectId
    from s3_integration.transfer.sources import Source


class ObjectWriter(io.RawIOBase):
    """Takes bytes, in any order, and hands them over when it is closed.

    Nothing is handed over where it was given up, dropped without being closed, or could not
    keep what was written (then closing it fails).

    Args:
        target: where the bytes are to be stored.
        store: stores them.
    """

    mode = "wb"

    def __init__(self, target: ObjectId, store: Callable[[Source], object]) -> None:
        self.name = target.key
        self._target = target
        self._store = store
        self._spool = Spool()
        self._is_given_up = False
        self._failure: S3UploadError | None = None

    def give_up(self) -> None:
        """Store nothing, whatever is written still."""
        self._is_given_up = True

    def forsake(self) -> None:
        """The same for one that nobody closed; says so."""
        if self.closed or self._is_given_up:
            return
        self.give_up()
        message = f"{self.name!r} was not stored: its file was neither closed nor used by 'with'"
        warnings.warn(message, ResourceWarning, stacklevel=4, source=self)

    @override
    def writable(self) -> bool:
        check_open(self)
        return True

    @override
    def seekable(self) -> bool:
        check_open(self)
        return True

    @override
    def tell(self) -> int:
        check_open(self)
        return self._spool.tell()

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        check_open(self)
        return self._spool.seek(offset, whence)

    @override
    def truncate(self, size: int | None = None, /) -> int:
        check_open(self)
        size_bytes = self._spool.tell() if size is None else size
        if size_bytes < 0:
            message = f"negative size value {size_bytes}"
            raise ValueError(message)
        with self._kept():
            self._spool.truncate(size_bytes)
        return size_bytes

    @override
    def write(self, chunk: Buffer, /) -> int:
        check_open(self)
        if self._is_given_up:
            return memoryview(chunk).nbytes
        with self._kept():
            return self._spool.write(chunk)

    @override
    def close(self) -> None:
        if self.closed:
            return
        try:
            if not self._is_given_up:
                self._hand_over()
        finally:
            super().close()
            self._spool.close()

    @override
    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # it was not made to its end
            self.forsake()
            self.close()

    def _hand_over(self) -> None:
        if self._failure is not None:
            raise S3UploadError(self._failure.message, **self._failure.facts) from self._failure
        self._store(self._spool.as_source())

    @contextlib.contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            with translated("upload", self._target.bucket, self._target.key, outcome=S3UploadError):
                yield
        except S3UploadError as error:  # a full disk; how much of it is there, nobody knows
            self._failure = error
            raise


class WholeWriter(io.BufferedWriter):
    """A binary file over an `ObjectWriter`; a block that raises stores nothing."""

    def __init__(self, writer: ObjectWriter) -> None:
        super().__init__(writer)
        self.writer = writer

    @override
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.writer.give_up()
        super().__exit__(kind, error, traceback)

    @override
    def __del__(self) -> None:
        _forsake(self)


class WholeTextWriter(io.TextIOWrapper):
    """A text file over an `ObjectWriter`; a block that raises stores nothing."""

    def __init__(
        self, writer: ObjectWriter, *, encoding: str, errors: str | None, newline: str | None
    ) -> None:
        super().__init__(WholeWriter(writer), encoding, errors, newline)
        self.writer = writer

    @property
    @override
    def mode(self) -> str:
        return "w"

    @override
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.writer.give_up()
        super().__exit__(kind, error, traceback)

    @override
    def __del__(self) -> None:
        _forsake(self)


def _forsake(file: WholeWriter | WholeTextWriter) -> None:
    """What happens to a file that was dropped without being closed."""
    # ValueError: it was detached from the one below; AttributeError: it was not made to its end.
    with contextlib.suppress(ValueError, AttributeError):
        if not file.closed:
            file.writer.forsake()
            file.close()
