"""The requests of one download, and the checks of their answers' heads."""

from __future__ import annotations

import contextlib
import functools
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from s3_integration.transfer import integrity, kept
from s3_integration.transfer.composite import PartTold
from s3_integration.transfer.integrity import DamagedError
from s3_integration.transfer.looking import named
from s3_integration.transfer.persistence import persistently
from s3_integration.transfer.starts import StartAgainError
from s3_integration.transfer.turns import end_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from s3_integration.models import S3Checksum
    from s3_integration.transfer.engine import ObjectId
    from s3_integration.transfer.wire import Body
    from s3_integration.transfer.wires import Route
    from s3_integration.utils import ByteRange

_REPLACED = "the object was replaced meanwhile"
_GONE_CODES = frozenset({"PreconditionFailed", "412", "NoSuchKey", "NoSuchVersion", "404"})
_UNTOLD_STATUSES = frozenset({400, 403, 404, 416, 501})
"""What a question about one part gets where there is none, or the server knows no such thing."""


@dataclass(frozen=True, slots=True)
class Version:
    """What all ranges have to agree on."""

    size_bytes: int
    etag: str
    version_id: str | None
    answer: Mapping[str, Any]
    """The first answer, whose head tells what its ETag is worth."""

    @classmethod
    def told_by(cls, answer: Mapping[str, Any], size_bytes: int) -> Version:
        """The version that an answer is of."""
        etag = str(answer.get("ETag", ""))
        return cls(size_bytes, etag, answer.get("VersionId"), answer)


class Requests:
    """The requests of one download, and the checks of their answers' heads."""

    def __init__(self, s3: Route, source: ObjectId) -> None:
        self._wire = s3.wire
        self._head: Callable[..., Mapping[str, Any]] = s3.connection.client.head_object
        self.total_attempts = s3.connection.total_attempts
        self._names = named(source)

    def ask_first(self, part: ByteRange) -> tuple[Body, Version]:
        """The first answer, which decides the version that the others have to be of."""
        return persistently(
            functools.partial(self._ask_first_once, part),
            operation="GetObject",
            total_attempts=self.total_attempts,
        )

    def _ask_first_once(self, part: ByteRange) -> tuple[Body, Version]:
        asked: ByteRange | None = part
        try:
            answer, body = self.get(part)
        except ClientError as error:
            # An empty object has no first byte.
            if error.response["Error"]["Code"] not in {"InvalidRange", "416"}:
                raise
            asked, (answer, body) = None, self.get(None)
        else:
            if tells_of_nothing(answer):  # some servers say so by 200; so do some proxies
                body.close()
                asked, (answer, body) = None, self.get(None)
        with closed_if_refused(body):
            version = Version.told_by(answer, integrity.object_size_of(answer, asked))
            if asked is None and version.size_bytes:
                message = "the server said that the object is empty, and then sent something"
                raise DamagedError(message)
        return body, version

    def stored_checksum(self, version: Version) -> S3Checksum | None:
        """The checksum that S3 keeps of the whole object; None where it keeps none.

        Answers to ranges do not tell it, or tell the whole's for a part's (rclone's server).
        """
        try:
            answer = self.head(IfMatch=version.etag, ChecksumMode="ENABLED")
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE_CODES:
                raise StartAgainError(_REPLACED) from error
            raise
        return kept.kept_checksum(answer)

    def part(self, number: int) -> PartTold | None:
        """What S3 tells of one part of the object; None where it does not.

        Without a condition: moto takes the part's ETag for the object's.
        """
        try:
            answer = self.head(PartNumber=number)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in _UNTOLD_STATUSES:
                return None
            raise
        count = answer.get("PartsCount")
        return PartTold(answer["ContentLength"], count) if count else None

    def ask(self, part: ByteRange, version: Version) -> Body:
        """The body of an answer that holds `part` of that very version."""
        try:
            answer, body = self.get(part, IfMatch=version.etag)
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE_CODES:
                raise StartAgainError(_REPLACED) from error
            raise
        with closed_if_refused(body):
            size_bytes = integrity.object_size_of(answer, part)
            if (size_bytes, answer.get("ETag", "")) != (version.size_bytes, version.etag):
                raise StartAgainError(_REPLACED)
        return body

    def get(self, part: ByteRange | None, **condition: Any) -> tuple[Mapping[str, Any], Body]:
        """One answer, as it came."""
        asked = {"Range": _range_header(part)} if part else {}
        return self._wire.get_object(**self._names, **asked, **condition)

    def head(self, **asked: Any) -> Mapping[str, Any]:
        """What S3 tells of the object."""
        end_turn()
        return self._head(**self._names, **asked)


def first_question(source: ObjectId, part: ByteRange) -> dict[str, Any]:
    """The parameters of a download's first request, which may be sent ahead of it."""
    return {**named(source), "Range": _range_header(part)}


def _range_header(part: ByteRange) -> str:
    return f"bytes={part.start}-{part.stop - 1}"


def tells_of_nothing(answer: Mapping[str, Any]) -> bool:
    """Whether a server says that there is no such range by an empty 200."""
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    return status == HTTPStatus.OK and answer.get("ContentLength") == 0


@contextlib.contextmanager
def closed_if_refused(body: Body) -> Iterator[None]:
    """Give the connection back when an answer's head is not what it should be."""
    try:
        yield
    except BaseException:
        body.close()
        raise
