"""Content is compared with the checksum that S3 keeps of its parts' checksums."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_integration.aws.endpoints import profile_of
from s3_integration.models import ChecksumAlgorithm, S3Checksum
from s3_integration.transfer import checksums, kept
from s3_integration.transfer.composite import Composite, PartTold, Verdict, parts_alike
from s3_integration.transfer.integrity import md5_digest, multipart_etag
from s3_integration.utils import MAX_PARTS

AWS = profile_of("https://s3.us-east-1.amazonaws.com")
NO_MD5S: dict[str, object] = {"ETag": f'"{"0" * 32}-9"'}
ALIKE = [b"aaaa", b"bbbb", b"cc"]
UNLIKE = [b"aa", b"bbbbb", b"ccc"]


def composite_of(
    algorithm: ChecksumAlgorithm, parts: list[bytes], *, ending: str = ""
) -> S3Checksum:
    digests = b"".join(base64.b64decode(kept.computed(algorithm, [part])) for part in parts)
    return S3Checksum(algorithm, kept.computed(algorithm, [digests]) + ending, "COMPOSITE")


class Parts:
    """What S3 tells of an object's parts."""

    def __init__(
        self, parts: list[bytes], *, but: dict[int, PartTold | None] | None = None
    ) -> None:
        self._parts = parts
        self._but = but or {}
        self.asked: list[int] = []

    def ask(self, number: int) -> PartTold | None:
        self.asked.append(number)
        told = PartTold(len(self._parts[number - 1]), len(self._parts))
        return self._but.get(number, told)


def verdict(
    parts: Parts,
    content: bytes,
    told: S3Checksum,
    answer: dict[str, object] = NO_MD5S,
) -> Verdict:
    def read(size_bytes: int, offset: int) -> bytes:
        return content[offset : offset + size_bytes]

    return Composite(len(content), read, parts.ask).verdict(told, answer, AWS)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256"])
@pytest.mark.parametrize("ending", ["", "-3"])
def test_where_all_parts_are_alike_the_first_tells_enough(
    algorithm: ChecksumAlgorithm, ending: str
) -> None:
    parts = Parts(ALIKE)

    found = verdict(parts, b"".join(ALIKE), composite_of(algorithm, ALIKE, ending=ending))

    assert (found, parts.asked) == ("same", [1])


@pytest.mark.parametrize("stored", [UNLIKE, [b"a" * 10, b"b" * 5, b"c" * 15, b"d" * 10]])
def test_where_they_are_not_each_is_asked_about(stored: list[bytes]) -> None:
    parts = Parts(stored)

    found = verdict(parts, b"".join(stored), composite_of("CRC32", stored))

    assert (found, parts.asked) == ("same", list(range(1, len(stored) + 1)))


@pytest.mark.parametrize("stored", [ALIKE, UNLIKE])
def test_damage_is_seen(stored: list[bytes]) -> None:
    content = b"".join(stored)

    found = verdict(Parts(stored), content[:-1] + b"!", composite_of("CRC32", stored))

    assert found == "different"


@pytest.mark.parametrize("stored", [ALIKE, UNLIKE])
def test_a_checksum_is_wrong_where_the_md5_of_the_md5s_is_right(stored: list[bytes]) -> None:
    etag: dict[str, object] = {"ETag": f'"{multipart_etag(map(md5_digest, stored))}"'}

    found = verdict(Parts(stored), b"".join(stored), composite_of("CRC32", ALIKE[:1]), etag)

    assert found == "same"


@pytest.mark.parametrize(
    ("stored", "but"),
    [
        (ALIKE, {1: None}),
        (UNLIKE, {2: None}),
        (UNLIKE, {2: PartTold(6, 3)}),
        (ALIKE, {1: PartTold(4, 0)}),
        (ALIKE, {1: PartTold(4, MAX_PARTS + 1)}),
        (ALIKE, {1: PartTold(0, 3), 2: PartTold(0, 3)}),
    ],
    ids=["no first", "no second", "too much", "no parts", "too many", "empty ones"],
)
def test_where_the_parts_are_not_known_nothing_is_told(
    stored: list[bytes], but: dict[int, PartTold | None]
) -> None:
    found = verdict(Parts(stored, but=but), b"x" * 10, composite_of("CRC32", stored))

    assert found == "untold"


def test_what_cannot_be_computed_here_is_not_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checksums, "is_available", lambda: False)
    parts = Parts(ALIKE)

    found = verdict(parts, b"".join(ALIKE), S3Checksum("CRC32C", "AAAAAA==-3", "COMPOSITE"))

    assert (found, parts.asked) == ("untold", [])


@given(
    size_bytes=st.integers(1, 10_000),
    first_bytes=st.integers(0, 10_000),
    number=st.integers(1, 50),
)
def test_parts_that_are_alike_cover_the_whole_and_are_as_many_as_told(
    size_bytes: int, first_bytes: int, number: int
) -> None:
    parts = parts_alike(size_bytes, PartTold(first_bytes, number))

    if parts is not None:
        assert len(parts) == number
        assert [part.size for part in parts[:-1]] == [first_bytes] * (number - 1)
        assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]
        assert (parts[0].start, parts[-1].stop) == (0, size_bytes)
