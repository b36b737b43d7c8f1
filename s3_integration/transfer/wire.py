"""The three calls that carry bytes, which each engine makes in its own way.

They speak as boto3's client does: its parameters, its answers, its exceptions. So one
logic of transfers stands above all engines, and one translation of errors; everything
that carries no bytes goes through boto3's client itself.
"""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

from botocore.exceptions import BotoCoreError
from urllib3.exceptions import HTTPError as Urllib3Error

from s3_integration.cancellation import check_is_wanted
from s3_integration.overrides import override
from s3_integration.transfer.integrity import DamagedError
from s3_integration.transfer.turns import end_turn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.response import StreamingBody
    from typing_extensions import Buffer

    from s3_integration.aws.session import Connection


_PIECE_BYTES = 256 * 1024
"""What goes out, or comes in, by one call at most, so that a slow line shows that it moves."""


class Body(Protocol):
    """The bytes of an answer, on their way."""

    def readinto(self, buffer: memoryview) -> int:
        """Put what has come into `buffer`, at least a byte; 0 at the end.

        Raises:
            DamagedError: it broke off, or came too slowly.
        """

    def close(self) -> None:
        """Need no more of it."""


class Wire(Protocol):
    """Makes calls of S3 that carry bytes; threads share it.

    All raise botocore's exceptions.
    """

    def put_object(self, content: Buffer, **parameters: Any) -> Mapping[str, Any]:
        """Store `content` as an object."""

    def upload_part(self, content: Buffer, **parameters: Any) -> Mapping[str, Any]:
        """Store `content` as a part."""

    def get_object(self, **parameters: Any) -> tuple[Mapping[str, Any], Body]:
        """Ask for an object or a range of it."""


class Boto3Wire:
    """The calls through boto3's client, with everything that is hooked to it."""

    def __init__(self, connection: Connection) -> None:
        self._client = connection.client

    def put_object(self, content: Buffer, **parameters: Any) -> Mapping[str, Any]:
        """See `Wire`."""
        end_turn()
        return self._client.put_object(Body=_in_pieces(content), **parameters)

    def upload_part(self, content: Buffer, **parameters: Any) -> Mapping[str, Any]:
        """See `Wire`."""
        return self._client.upload_part(Body=_in_pieces(content), **parameters)

    def get_object(self, **parameters: Any) -> tuple[Mapping[str, Any], Body]:
        """See `Wire`."""
        end_turn()
        answer = self._client.get_object(**parameters)
        return answer, _Boto3Body(answer["Body"])


def _in_pieces(content: Buffer) -> IO[bytes]:
    return cast("IO[bytes]", Pieces(content))


class Pieces(io.RawIOBase):
    """Bytes in memory that go out piece by piece.

    http.client would send bytes by one call, whose timeout is for all of them together: a
    part would fail on a line that is merely slow.
    """

    def __init__(self, content: Buffer) -> None:
        self._view = memoryview(content)
        self._offset = 0

    @override
    def read(self, size: int = -1, /) -> bytes:
        check_is_wanted()
        size = len(self._view) if size < 0 else max(size, _PIECE_BYTES)
        piece = bytes(self._view[self._offset : self._offset + size])
        self._offset += len(piece)
        return piece

    @override
    def readinto(self, buffer: Any, /) -> int:
        piece = self._view[self._offset : self._offset + len(buffer)]
        buffer[: len(piece)] = piece
        self._offset += len(piece)
        return len(piece)

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._offset, io.SEEK_END: len(self._view)}[whence]
        self._offset = start + offset
        return self._offset

    @override
    def tell(self) -> int:
        return self._offset

    @override
    def seekable(self) -> bool:
        return True

    @override
    def readable(self) -> bool:
        return True


class _Boto3Body:
    def __init__(self, body: StreamingBody) -> None:
        self._body = body

    def readinto(self, buffer: memoryview) -> int:
        try:
            chunk = self._body.read(min(len(buffer), _PIECE_BYTES))
        except (BotoCoreError, Urllib3Error) as error:
            message = f"the answer broke off ({error})"
            raise DamagedError(message) from error
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._body.close()
