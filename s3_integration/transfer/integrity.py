"""Telling whether the bytes are the right ones: pure comparisons of what S3 says.

What goes with uploads is `proof.py`'s; here is what ETags and ranges tell.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from typing_extensions import Buffer

    from s3_integration.aws.endpoints import EndpointProfile, Learned
    from s3_integration.utils import ByteRange

# RFC 9110, section 14.4; numbers that Python reads, and S3 may mean, have no 20 digits.
_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})", re.ASCII)
_MD5 = re.compile(r"[0-9a-f]{32}", re.ASCII)
_MULTIPART_MD5 = re.compile(r"[0-9a-f]{32}-[0-9]+", re.ASCII)


EtagVerdict = Literal["same", "different", "doubtful", "untold"]


class DamagedError(Exception):
    """What came or was stored is not what should have; trying again may help."""


def check_is_from_s3(answer: Mapping[str, object]) -> None:
    """Refuse what a proxy's login page says in S3's place: S3 tells an ETag of all it stores."""
    if not answer.get("ETag"):
        message = "the answer has no ETag, so it is not S3's"
        raise DamagedError(message)


def stored_otherwise(told: str, expected: str, found: str) -> DamagedError:
    """The error for an ETag or checksum that is `found`, not the one `expected`."""
    return DamagedError(
        f"S3 stored other bytes than were sent ({told} {found!r}, not {expected!r})"
    )


class EtagCheck:
    """Compares ETags with one piece of content, moved once or several times.

    Where a server's ETags may or may not be MD5s, it learns from what it sees. One that was
    the MD5 of encrypted content shows that they are. Where none was so far, and the second
    try differs again, they are taken for opaque: bytes are seldom damaged twice.
    """

    def __init__(self, endpoint: EndpointProfile, learned: Learned) -> None:
        self._endpoint = endpoint
        self._learned = learned
        self._doubted: set[str] = set()

    def accepts(self, digest: str, answer: Mapping[str, object]) -> bool:
        """Whether content with this MD5 may be what `answer` speaks of."""
        verdict = etag_verdict(digest, answer, self._endpoint)
        if verdict == "same" and answer.get("ServerSideEncryption"):
            self._learned.etags_when_encrypted = "md5"
        if verdict != "doubtful":
            return verdict != "different"
        if self._learned.etags_when_encrypted == "unknown" and digest in self._doubted:
            self._learned.etags_when_encrypted = "opaque"
        self._doubted.add(digest)
        return self._learned.etags_when_encrypted == "opaque"


def md5_digest(content: Buffer) -> bytes:
    """The MD5 of `content`, as a checksum against accidents, not against attackers."""
    return hashlib.md5(content, usedforsecurity=False).digest()


def content_md5_header(digest: bytes) -> str:
    """The value of Content-MD5 (RFC 1864)."""
    return base64.b64encode(digest).decode("ascii")


def multipart_etag(part_digests: Iterable[bytes]) -> str:
    """The ETag of an object made of parts: the MD5 of their MD5s, and their number."""
    digests = list(part_digests)
    return f"{md5_digest(b''.join(digests)).hex()}-{len(digests)}"


def etag_of_parts(part_etags: Iterable[str]) -> str:
    """The same from what S3 said of each part; "" where one of them is no MD5."""
    etags = [unquoted(etag) for etag in part_etags]
    if not all(_MD5.fullmatch(etag) for etag in etags):
        return ""
    return multipart_etag(bytes.fromhex(etag) for etag in etags)


def etag_verdict(
    expected: str, answer: Mapping[str, object], endpoint: EndpointProfile
) -> EtagVerdict:
    """What `answer`'s ETag says of content whose own ETag is `expected`.

    An ETag is an MD5 only for objects that are not encrypted with a KMS or customer key
    (API Reference, "Object", ETag). Any other is `untold`. Where an object is encrypted by
    a server that is not AWS, a difference is `doubtful`: some go on telling MD5s, some do not.
    """
    etag = unquoted(answer.get("ETag"))
    shape = _MULTIPART_MD5 if "-" in expected else _MD5
    if endpoint.etags == "opaque" or _has_other_key(answer) or not shape.fullmatch(etag):
        return "untold"
    if etag == expected:
        return "same"
    is_doubtful = answer.get("ServerSideEncryption") and endpoint.etags != "md5"
    return "doubtful" if is_doubtful else "different"


def may_have_checksum_only(answer: Mapping[str, object]) -> bool:
    """Whether nothing but a stored checksum could tell what the object's bytes are.

    Objects that were stored in parts, or encrypted with a key of their own, have an ETag
    that is no MD5 of their bytes.
    """
    is_of_parts = _MULTIPART_MD5.fullmatch(unquoted(answer.get("ETag"))) is not None
    return is_of_parts or _has_other_key(answer)


def _has_other_key(answer: Mapping[str, object]) -> bool:
    """Whether the object is encrypted by a key of KMS or of the caller's, not by S3's own."""
    encryption = answer.get("ServerSideEncryption") or "AES256"
    return bool(answer.get("SSECustomerAlgorithm")) or encryption != "AES256"


def unquoted(etag: object) -> str:
    """An ETag without its quotes."""
    return str(etag or "").strip('"')


def object_size_of(answer: Mapping[str, object], asked: ByteRange | None) -> int:
    """The whole object's size, from an answer whose range is exactly what was asked for.

    A server that ignores ranges, shifts them or leaves the header out would otherwise
    fill the file with the wrong bytes.

    Raises:
        DamagedError: the answer is to some other question.
    """
    check_is_from_s3(answer)
    status = _status_of(answer)
    length = answer.get("ContentLength")
    if status == 200 and asked is None:
        return _whole_size(answer, length)
    told = _CONTENT_RANGE.fullmatch(str(answer.get("ContentRange", "")))
    # rclone's server says 200 where it should say 206; the exact range is what counts.
    if status not in {200, 206} or asked is None or told is None:
        message = f"the answer has status {status} and range {answer.get('ContentRange')!r}"
        raise DamagedError(message)
    first, last, size = (int(number) for number in told.groups())
    expected_last = min(asked.stop, size) - 1
    # Bodies in chunks, which gateways make, have no length; they are counted as they come.
    if (first, last) != (asked.start, expected_last) or length not in {None, last - first + 1}:
        message = f"asked for bytes {asked.start}-{expected_last}, got {told[0]!r}, {length} bytes"
        raise DamagedError(message)
    return size


def _status_of(answer: Mapping[str, object]) -> int:
    metadata = answer.get("ResponseMetadata")
    return int(metadata.get("HTTPStatusCode", 0)) if isinstance(metadata, dict) else 0


def _whole_size(answer: Mapping[str, object], length: object) -> int:
    if not isinstance(length, int) or answer.get("ContentRange"):
        message = "the answer does not say how long the object is"
        raise DamagedError(message)
    return length
