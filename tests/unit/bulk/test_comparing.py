"""Whether two files have the same content, where sizes and times do not tell."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from awscrt.checksums import crc32c

from s3_integration.bulk.comparing import Verdict, file_and_object, objects
from s3_integration.models import S3Checksum, S3FileInfo
from s3_integration.transfer import checksums
from s3_integration.transfer.integrity import md5_digest, multipart_etag
from s3_integration.utils import MIB

CONTENT = b"some content" * 200_000  # more than one chunk
PART_SIZE = 6 * MIB
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
OTHER = "0" * 32
MOMENT = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)


def stored(etag: str = OTHER, checksum: S3Checksum | None = None) -> S3FileInfo:
    return S3FileInfo("a", len(CONTENT), MOMENT, etag, "STANDARD", checksum=checksum)


def text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


CRC64 = checksums.as_text(checksums.crc64nvme(CONTENT))
WHOLE = [
    S3Checksum("CRC64NVME", CRC64, "FULL_OBJECT"),
    S3Checksum("CRC32", text(zlib.crc32(CONTENT).to_bytes(4, "big")), "FULL_OBJECT"),
    S3Checksum("CRC32C", text(crc32c(CONTENT).to_bytes(4, "big")), "FULL_OBJECT"),
    S3Checksum("SHA256", text(hashlib.sha256(CONTENT).digest()), "FULL_OBJECT"),
    S3Checksum("SHA1", text(hashlib.sha1(CONTENT, usedforsecurity=False).digest()), "FULL_OBJECT"),
]
UNTOLD = [
    None,
    S3Checksum("CRC64NVME", CRC64, "COMPOSITE"),
    S3Checksum("XXHASH64", "AAAAAAAAAAA=", "FULL_OBJECT"),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


def compared(file: Path, etag: str, look: Callable[[], S3FileInfo]) -> Verdict:
    return file_and_object(file, file.stat().st_size, etag, PART_SIZE, look)


def test_the_md5_that_a_listing_tells_needs_no_question(file: Path) -> None:
    def ask() -> S3FileInfo:
        pytest.fail("S3 was asked.")

    assert compared(file, MD5, ask) == "same"


@pytest.mark.parametrize("size_bytes", [1, 6 * MIB, 17 * MIB, 18 * MIB])
@pytest.mark.parametrize("part_size_bytes", [PART_SIZE, 8 * MIB])
def test_an_upload_in_parts_is_known_by_its_etag_where_it_was_cut_up_as_usual(
    tmp_path: Path, part_size_bytes: int, size_bytes: int
) -> None:
    content = random.Random(1).randbytes(size_bytes)
    (tmp_path / "file").write_bytes(content)
    parts = [content[n : n + part_size_bytes] for n in range(0, size_bytes, part_size_bytes)]
    etag = multipart_etag(map(md5_digest, parts))

    assert compared(tmp_path / "file", etag, stored) == "same"
    (tmp_path / "file").write_bytes(content[:-1] + b"!")
    assert compared(tmp_path / "file", etag, stored) == "untold"


@pytest.mark.parametrize("checksum", WHOLE, ids=lambda checksum: checksum.algorithm)
@pytest.mark.parametrize("etag", [OTHER, f"{OTHER}-2", ""])
def test_another_etag_may_be_no_md5_so_the_checksum_decides(
    file: Path, etag: str, checksum: S3Checksum
) -> None:
    assert compared(file, etag, lambda: stored(etag, checksum)) == "same"
    file.write_bytes(b"S" + CONTENT[1:])
    assert compared(file, etag, lambda: stored(etag, checksum)) == "different"


@pytest.mark.parametrize("checksum", UNTOLD, ids=["none", "of parts", "not computed here"])
def test_without_a_checksum_of_the_whole_nothing_is_told(
    file: Path, checksum: S3Checksum | None
) -> None:
    assert compared(file, OTHER, lambda: stored(OTHER, checksum)) == "untold"


@pytest.mark.parametrize(
    ("mine", "theirs", "verdict"),
    [
        (stored(MD5), stored(MD5), "same"),
        (stored(MD5), stored(OTHER), "untold"),
        (stored(""), stored(""), "untold"),
        (stored(MD5, WHOLE[0]), stored(OTHER, WHOLE[0]), "same"),
        (stored(MD5, WHOLE[0]), stored(OTHER, WHOLE[1]), "untold"),
        (stored(MD5, UNTOLD[1]), stored(OTHER, UNTOLD[1]), "untold"),
        (stored(MD5, WHOLE[0]), stored(OTHER, S3Checksum("CRC64NVME", "x", "FULL_OBJECT")),
         "different"),
    ],
)  # fmt: skip
def test_two_objects_are_compared_by_what_s3_tells_of_both(
    mine: S3FileInfo, theirs: S3FileInfo, verdict: Verdict
) -> None:
    assert objects(mine, theirs) == verdict
