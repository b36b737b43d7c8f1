"""Bytes on their way up: the checksums that go with them, and whether an answer proves them.

CRC64NVME costs a seventieth of MD5's time, so MD5 is left out where S3 verifies the CRC; an
answer that does not repeat it is compared by its ETag all the same. Which server verifies
what it is told is shown by its name, or by what it does (docs/decisions/0012-crc64nvme.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from s3_integration.transfer import checksums, integrity
from s3_integration.transfer.integrity import EtagCheck
from s3_integration.utils import MIB

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from s3_integration.aws.endpoints import EndpointProfile, Learned
    from s3_integration.aws.session import Connection

ChecksumsSent = Literal["md5", "both", "crc64nvme"]
"""What goes with the bytes: Content-MD5, the header with their CRC64NVME, or both."""

ALGORITHM = {"ChecksumAlgorithm": checksums.ALGORITHM}
WHOLE_OBJECT = {"ChecksumType": "FULL_OBJECT"}
WRONG_CHECKSUM = {**ALGORITHM, checksums.FIELD: "AAAAAAAAAAA="}
"""Of bytes that have another: CRC64NVME is 0 for the empty content alone, among short ones."""

_MANY_BYTES = 4 * MIB
"""Their MD5 takes about as long as the three requests by which a server shows what it does."""

_MISMATCHES = frozenset({"BadDigest", "XAmzContentChecksumMismatch"})
"""How servers refuse bytes that are not those of their checksum."""


def checksums_to_send(endpoint: EndpointProfile, learned: Learned) -> ChecksumsSent:
    """What the server is to be told of the next bytes."""
    if not checksums.is_available() or learned.checksums in {"refused", "ignored", "believed"}:
        return "md5"
    is_verified = "verified" in {endpoint.checksums, learned.checksums}
    return "crc64nvme" if is_verified else "both"


def is_worth_asking(learned: Learned) -> bool:
    """Whether small uploads have cost so much MD5 that it pays to find out if it is needed."""
    return learned.checksums == "repeated" and learned.repeated_bytes >= _MANY_BYTES


def may_refuse_checksums(error: ClientError) -> bool:
    """Whether a server may have refused a request because it knows no such checksum."""
    told = error.response["Error"]
    code, words = told.get("Code", ""), f"{told.get('Code')} {told.get('Message')}".lower()
    if code in _MISMATCHES:
        return False
    return code in {"NotImplemented", "InvalidArgument"} or "checksum" in words


def is_mismatch(error: ClientError) -> bool:
    """Whether a server says that bytes are not those of their checksum."""
    return error.response["Error"].get("Code", "") in _MISMATCHES


def fingerprint(content: bytes) -> int:
    """A number that other bytes do not have: their CRC64NVME, or their MD5 without awscrt."""
    if checksums.is_available():
        return checksums.crc64nvme(content)
    return int.from_bytes(integrity.md5_digest(content), "big")


class Piece:
    """One request's bytes; each of their checksums is computed at most once, and if needed.

    One thread uses it. functools.cached_property would do, but for the lock that it holds over
    all objects of a class (until Python 3.12): threads would wait for each other, and children
    that are forked meanwhile for ever.
    """

    def __init__(self, connection: Connection, content: bytes, sent: ChecksumsSent) -> None:
        self.content = content
        self._learned = connection.learned
        self._sent: ChecksumsSent = sent
        self._etags = EtagCheck(connection.endpoint, connection.learned)
        self._md5: bytes | None = None
        self._fingerprint: int | None = None
        self._as_text: str | None = None

    @property
    def md5(self) -> bytes:
        """Their MD5."""
        if self._md5 is None:
            self._md5 = integrity.md5_digest(self.content)
        return self._md5

    def md5_hex(self) -> str:
        """The same, as ETags have it."""
        return self.md5.hex()

    @property
    def fingerprint(self) -> int:
        """See `fingerprint`; their CRC64NVME wherever one is sent."""
        if self._fingerprint is None:
            self._fingerprint = fingerprint(self.content)
        return self._fingerprint

    @property
    def checksum(self) -> str:
        """Their CRC64NVME as S3 writes it; "" where none is sent."""
        if self._sent == "md5":
            return ""
        if self._as_text is None:
            self._as_text = checksums.as_text(self.fingerprint)
        return self._as_text

    @property
    def verified_checksum(self) -> str:
        """The same; "" as well where it is not sure that the server compares it."""
        return self.checksum if self._sent == "crc64nvme" else ""

    def stored_by(self, store: Callable[..., Mapping[str, Any]]) -> Mapping[str, Any]:
        """The answer to `store`, a request that is given the checksums as parameters.

        Raises:
            DamagedError: the answer does not show that these very bytes are stored.
        """
        try:
            answer = store(**self.parameters())
        except ClientError as error:
            if self._sent != "both" or not may_refuse_checksums(error):
                raise
            self._sent = "md5"
            answer = store(**self.parameters())
            self._learned.checksums = "refused"
        self.check(answer)
        return answer

    def parameters(self) -> dict[str, Any]:
        """What tells the server of the checksums."""
        parameters: dict[str, Any] = {}
        if self._sent != "crc64nvme":
            parameters["ContentMD5"] = integrity.content_md5_header(self.md5)
        if self._sent != "md5":
            parameters |= {**ALGORITHM, checksums.FIELD: self.checksum}
        return parameters

    def check(self, answer: Mapping[str, Any]) -> None:
        """Compare what the answer says of the bytes.

        Raises:
            DamagedError: it does not show that these very bytes are stored.
        """
        integrity.check_is_from_s3(answer)  # and without its ETag, S3 could not join parts
        repeated = checksums.stored_checksum(answer) if self.checksum else ""
        if repeated != self.checksum and repeated:
            raise integrity.stored_otherwise("CRC64NVME", self.checksum, repeated)
        if repeated and self._sent == "crc64nvme":
            return
        if not self._etags.accepts(self.md5_hex(), answer):
            found = integrity.unquoted(answer["ETag"])
            raise integrity.stored_otherwise("ETag", self.md5_hex(), found)
        if self._sent == "both" and self._learned.checksums == "unknown":
            self._learned.checksums = "repeated" if repeated else "ignored"
        if repeated:
            self._learned.repeated_bytes += len(self.content)
