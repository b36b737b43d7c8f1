"""boto3's connections, with a limit on each answer as a whole.

botocore's timeouts are for each read from a socket: an answer that drips, a byte every now and
then, would keep a call waiting for hours. Here a socket is wrapped so that whoever reads an
answer from it, `http.client` in the end, notices one that all but stops.
"""

from __future__ import annotations

import io
import logging
import re
import time
from typing import TYPE_CHECKING, Any

from s3_integration.aws.pace import Pace, TooSlowError
from s3_integration.overrides import override

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client as Boto3Client
    from urllib3.connection import HTTPConnection as _Mixable

    from s3_integration.aws.pace import Limits
else:
    _Mixable = object  # at run time, what botocore takes for each scheme

logger = logging.getLogger(__name__)

_LONGEST_WORK_SECONDS = 600.0
"""For what S3 does while it answers. It begins to answer POSTs and copies before it has done
what they ask for, and sends blanks until then, for "several minutes" (API Reference,
CompleteMultipartUpload; "REST error responses" for CopyObject)."""

_COPY_SOURCE = "x-amz-copy-source"

_NOTE = re.compile(rb"HTTP/1\.[01] 1\d\d")
_HEAD_END = b"\r\n\r\n"


def install(client: Boto3Client, limits: Limits) -> None:
    """Let answers to `client` come at the pace of `limits`, or not at all."""
    endpoint = getattr(client, "_endpoint", None)  # there is no public way to the connections
    classes = getattr(getattr(endpoint, "http_session", None), "_pool_classes_by_scheme", None)
    if classes is None:
        logger.debug("this botocore keeps its connections elsewhere: its answers may drip")
        return
    for scheme, pool in classes.items():
        plain = pool.ConnectionCls
        paced = type(plain.__name__, (_PacedConnection, plain), {"limits": limits})
        classes[scheme] = type(pool.__name__, (pool,), {"ConnectionCls": paced})


class PacedTunnel(_Mixable):
    """A connection that does not wait for ever for the answer of a proxy that is to lead it on."""

    limits: Limits
    answers_while_working = False

    @override
    def _tunnel(self) -> None:
        plain = self.sock
        paced: Any = _PacedSocket(plain, self)
        self.sock = paced
        try:
            super()._tunnel()
        finally:
            if self.sock is paced:  # it was not closed: TLS goes on with it
                self.sock = plain


class _PacedConnection(PacedTunnel):
    """What a connection of botocore's does otherwise."""

    @override
    def connect(self) -> None:
        super().connect()
        wrapped: Any = _PacedSocket(self.sock, self)
        self.sock = wrapped

    @override
    def putrequest(self, method: str, *arguments: Any, **further: Any) -> None:
        self.answers_while_working = method == "POST"
        super().putrequest(method, *arguments, **further)

    @override
    def putheader(self, header: Any, *values: Any) -> None:
        if header.lower() in {_COPY_SOURCE, _COPY_SOURCE.encode()}:
            self.answers_while_working = True
        super().putheader(header, *values)


class _PacedSocket:
    """A socket; what is read from it as a file is one answer."""

    def __init__(self, inner: Any, connection: PacedTunnel) -> None:
        self._inner = inner
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def sendall(self, content: Any) -> None:
        """See `socket.socket.sendall`."""
        bandwidth = self._connection.limits.bandwidth
        if bandwidth is None:
            self._inner.sendall(content)
            return
        view = memoryview(content).cast("B")
        for start in range(0, len(view), bandwidth.piece_bytes):
            piece = view[start : start + bandwidth.piece_bytes]
            bandwidth.take(len(piece))
            self._inner.sendall(piece)

    def makefile(self, mode: str, buffering: int = -1) -> Any:
        """See `socket.socket.makefile`."""
        paced = _Answer(self._inner.makefile(mode, 0), self._connection)
        return io.BufferedReader(paced) if buffering else paced


class _Answer(io.RawIOBase):
    """The bytes of one answer, and of the notes before it ("100 Continue")."""

    def __init__(self, raw: Any, connection: PacedTunnel) -> None:
        self._raw = raw
        self._pace = Pace(connection.limits)
        self._bandwidth = connection.limits.bandwidth
        self._answers_while_working = connection.answers_while_working
        self._worked_seconds = 0.0
        self._head: bytes | None = b""
        """What has come of a head; None where the body has begun."""

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any, /) -> int:
        if self._bandwidth is None:
            return self._readinto(buffer)
        count = self._readinto(memoryview(buffer)[: self._bandwidth.piece_bytes])
        self._bandwidth.take(count)
        return count

    def _readinto(self, buffer: Any) -> int:
        began = time.monotonic()
        count: int = self._raw.readinto(buffer)
        seconds = time.monotonic() - began
        if self._head is None and self._answers_while_working:
            self._worked_seconds += seconds
            if self._worked_seconds > _LONGEST_WORK_SECONDS:
                raise TooSlowError
            return count
        self._pace.note(count, seconds)
        if self._head is not None:
            self._take_head(bytes(buffer[:count]))
        return count

    def _take_head(self, piece: bytes) -> None:
        head, found, rest = ((self._head or b"") + piece).partition(_HEAD_END)
        while found and _NOTE.match(head):
            self._pace.rest()  # the answer itself may take its time to begin
            head, found, rest = rest.partition(_HEAD_END)
        self._head = None if found else head

    @override
    def close(self) -> None:
        super().close()
        self._raw.close()
