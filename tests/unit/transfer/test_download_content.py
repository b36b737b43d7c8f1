"""What a download brought is compared with what S3 keeps: a checksum, or an ETag that is an MD5."""

from __future__ import annotations

from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from s3_integration import S3Config, S3ConflictError, S3DownloadError
from s3_integration.models import ChecksumAlgorithm
from s3_integration.transfer import checksums, kept
from s3_integration.transfer.turns import Turns, end_turn
from tests.fixtures.downloads import CONTENT, IN_ONE, assert_holds, assert_untouched, old_file
from tests.fixtures.mock_responses import (
    CONFIG,
    Answer,
    CannedS3,
    Sent,
    connection_to,
    etag_of,
    object_answer,
    serving,
)
from tests.fixtures.transfers import R2, UNKNOWN_SERVER, download

destination = pytest.fixture(old_file)

NO_MD5 = '"00000000000000000000000000000000"'


def test_bytes_without_the_objects_checksum_are_fetched_again(destination: Path) -> None:
    etag = etag_of(CONTENT)
    damaged = object_answer(CONTENT[::-1], etag=etag)
    s3 = CannedS3(damaged, damaged, object_answer(CONTENT, etag=etag))

    download(s3, destination, transfer=IN_ONE)

    assert_holds(destination, CONTENT)


def test_bytes_without_the_objects_checksum_are_an_error_after_three(destination: Path) -> None:
    s3 = CannedS3(*[object_answer(CONTENT, etag=NO_MD5)] * 3)

    with pytest.raises(S3DownloadError, match="object's checksum, 3 times") as caught:
        download(s3, destination, transfer=IN_ONE)

    assert not isinstance(caught.value, S3ConflictError)
    assert_untouched(destination)


ENCRYPTED: dict[str, Any] = {"x-amz-server-side-encryption": "AES256"}


@pytest.mark.parametrize(
    ("config", "etag", "headers"),
    [
        (CONFIG, NO_MD5, {"x-amz-server-side-encryption": "aws:kms"}),
        (CONFIG, NO_MD5, {"x-amz-server-side-encryption-customer-algorithm": "AES256"}),
        (CONFIG, f'{NO_MD5[:-1]}-2"', {}),
        (R2, NO_MD5, {}),
    ],
    ids=["KMS", "customer's key", "multipart", "R2"],
)
def test_an_etag_that_is_no_md5_is_not_compared(
    destination: Path, config: S3Config, etag: str, headers: dict[str, Any]
) -> None:
    without_checksum = Answer(headers={"etag": etag})
    s3 = CannedS3(
        object_answer(CONTENT, etag=etag, **headers), otherwise=lambda _: without_checksum
    )

    download(s3, destination, transfer=IN_ONE, config=config)

    assert_holds(destination, CONTENT)


CHECKSUM = "x-amz-checksum-crc64nvme"
IN_PARTS = f'"{"0" * 32}-3"'
WHOLE = {"x-amz-checksum-type": "FULL_OBJECT"}


@pytest.mark.parametrize("size_bytes", [18, 7])
def test_an_object_that_was_stored_in_parts_is_compared_with_its_checksum(
    destination: Path, size_bytes: int
) -> None:
    content = CONTENT[:size_bytes]
    stored = checksums.as_text(checksums.crc64nvme(content))
    s3 = CannedS3(otherwise=serving(content, etag=IN_PARTS, **{CHECKSUM: stored}))

    download(s3, destination)

    head = s3.sent[-1]
    assert (head.method, head.headers["x-amz-checksum-mode"]) == ("HEAD", "ENABLED")
    assert head.headers["if-match"] == IN_PARTS
    assert_holds(destination, content)


def test_nobody_waits_for_the_turn_of_a_thread_that_asks_for_a_checksum(
    destination: Path,
) -> None:
    stored = checksums.as_text(checksums.crc64nvme(CONTENT))
    serve = serving(CONTENT, etag=IN_PARTS, **{CHECKSUM: stored})
    turns, held = Turns(), list[Turns | None]()

    def note_turn(sent: Sent) -> Answer:
        if sent.method == "HEAD":
            held.append(end_turn())
        else:
            turns.take()
        return serve(sent)

    download(CannedS3(otherwise=note_turn), destination, transfer=IN_ONE)

    assert held == [None]


def test_a_large_object_is_compared_with_its_checksum_and_no_md5_is_computed(
    destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3_integration.transfer.download._md5_of", pytest.fail)
    stored = checksums.as_text(checksums.crc64nvme(CONTENT))
    s3 = CannedS3(otherwise=serving(CONTENT, etag=etag_of(CONTENT), **{CHECKSUM: stored}))

    download(s3, destination)

    assert_holds(destination, CONTENT)


def test_a_checksum_that_a_server_keeps_unverified_does_not_count_against_the_right_md5(
    destination: Path,
) -> None:
    # rclone's server repeats what an upload told, whatever the file holds now.
    lie = {CHECKSUM: "AAAAAAAAAAA="}
    s3 = CannedS3(otherwise=serving(CONTENT, etag=etag_of(CONTENT), **lie))

    download(s3, destination)

    assert_holds(destination, CONTENT)


def test_what_has_neither_its_checksum_nor_its_md5_is_refused(destination: Path) -> None:
    told = {CHECKSUM: checksums.as_text(checksums.crc64nvme(CONTENT[::-1]))}
    s3 = CannedS3(otherwise=serving(CONTENT, etag=etag_of(CONTENT[::-1]), **told))

    with pytest.raises(S3DownloadError, match="checksum"):
        download(s3, destination)

    assert_untouched(destination)


def test_what_does_not_have_its_checksum_is_fetched_again_and_then_refused(
    destination: Path,
) -> None:
    s3 = CannedS3(otherwise=serving(CONTENT, etag=IN_PARTS, **{CHECKSUM: "AAAAAAAAAAA="}))

    with pytest.raises(S3DownloadError, match="checksum"):
        download(s3, destination)

    assert [sent.method for sent in s3.sent].count("HEAD") == 3
    assert_untouched(destination)


@pytest.mark.parametrize(
    "told", [{CHECKSUM: "AAAAAAAAAAA=-2", "x-amz-checksum-type": "COMPOSITE"}, {}]
)
def test_checksums_of_checksums_are_not_compared_where_no_parts_are_told(
    destination: Path, told: dict[str, str]
) -> None:
    s3 = CannedS3(otherwise=serving(CONTENT, etag=IN_PARTS, **told))

    download(s3, destination)

    assert_holds(destination, CONTENT)


def serving_parts(content: bytes, sizes: list[int], told: dict[str, str]) -> CannedS3:
    """An object that was stored in parts of these sizes."""
    whole = serving(content, etag=IN_PARTS, **told)

    def answer(sent: Sent) -> Answer:
        number = sent.query.get("partNumber")
        if number is None:
            return whole(sent)
        size = str(sizes[int(number) - 1])
        headers = {"content-length": size, "x-amz-mp-parts-count": str(len(sizes))}
        return Answer(headers=headers)

    return CannedS3(otherwise=answer)


@pytest.mark.promise(2)
@pytest.mark.parametrize("sizes", [[9, 9], [5, 10, 3]])
@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256"])
def test_a_checksum_of_the_parts_checksums_is_compared(
    destination: Path, algorithm: ChecksumAlgorithm, sizes: list[int]
) -> None:
    content, digests = BytesIO(CONTENT), b""
    for size in sizes:
        digests += b64decode(kept.computed(algorithm, [content.read(size)]))
    told = {
        f"x-amz-checksum-{algorithm.lower()}": kept.computed(algorithm, [digests]),
        "x-amz-checksum-type": "COMPOSITE",
    }

    with pytest.raises(S3DownloadError, match="does not have the object's checksum"):
        download(serving_parts(CONTENT[::-1], sizes, told), destination)
    assert_untouched(destination)
    download(serving_parts(CONTENT, sizes, told), destination)
    assert_holds(destination, CONTENT)


@pytest.mark.parametrize("status", [400, 403, 404, 416, 501])
def test_a_server_that_refuses_to_tell_of_parts_is_believed(destination: Path, status: int) -> None:
    told = {"x-amz-checksum-crc32": "AAAAAA==-2", "x-amz-checksum-type": "COMPOSITE"}
    whole = serving(CONTENT, etag=IN_PARTS, **told)

    def answer(sent: Sent) -> Answer:
        return Answer(status) if "partNumber" in sent.query else whole(sent)

    download(CannedS3(otherwise=answer), destination)

    assert_holds(destination, CONTENT)


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256"])
def test_what_needs_no_awscrt_is_compared_without_it(
    destination: Path, monkeypatch: pytest.MonkeyPatch, algorithm: ChecksumAlgorithm
) -> None:
    monkeypatch.setattr(checksums, "is_available", lambda: False)
    told = {f"x-amz-checksum-{algorithm.lower()}": kept.computed(algorithm, [CONTENT]), **WHOLE}

    with pytest.raises(S3DownloadError, match="does not have the object's checksum"):
        download(CannedS3(otherwise=serving(CONTENT[::-1], etag=IN_PARTS, **told)), destination)
    download(CannedS3(otherwise=serving(CONTENT, etag=IN_PARTS, **told)), destination)

    assert_holds(destination, CONTENT)


OTHER_CHECKSUMS: dict[str, ChecksumAlgorithm] = {
    "x-amz-checksum-crc32": "CRC32",
    "x-amz-checksum-crc32c": "CRC32C",
    "x-amz-checksum-sha1": "SHA1",
    "x-amz-checksum-sha256": "SHA256",
}
"""What other programs let S3 keep; boto3's own choice is CRC32."""
KMS = {"x-amz-server-side-encryption": "aws:kms"}


@pytest.mark.promise(2)
@pytest.mark.parametrize("header", OTHER_CHECKSUMS)
@pytest.mark.parametrize(("size_bytes", "etag"), [(18, IN_PARTS), (18, NO_MD5), (3, NO_MD5)])
def test_a_checksum_of_any_kind_is_compared(
    destination: Path, header: str, size_bytes: int, etag: str
) -> None:
    content = CONTENT[:size_bytes]
    told = {header: kept.computed(OTHER_CHECKSUMS[header], [content]), **WHOLE, **KMS}
    right = CannedS3(otherwise=serving(content, etag=etag, **told))
    damaged = CannedS3(otherwise=serving(content[::-1], etag=etag, **told))

    with pytest.raises(S3DownloadError, match="does not have the object's checksum"):
        download(damaged, destination)
    assert_untouched(destination)
    download(right, destination)
    assert_holds(destination, content)


def test_a_look_at_the_checksum_that_tells_no_etag_is_taken_as_it_is(destination: Path) -> None:
    told = {"x-amz-checksum-crc32": kept.computed("CRC32", [CONTENT])}
    whole = serving(CONTENT, etag=IN_PARTS)

    def forgetful(sent: Sent) -> Answer:
        return Answer(headers=told) if sent.method == "HEAD" else whole(sent)

    download(CannedS3(otherwise=forgetful), destination)

    assert_holds(destination, CONTENT)


def test_a_checksum_of_an_unknown_kind_is_not_compared(destination: Path) -> None:
    told = {"x-amz-checksum-xxhash64": "AAAAAAAAAAA=", **WHOLE}
    s3 = CannedS3(otherwise=serving(CONTENT, etag=IN_PARTS, **told))

    download(s3, destination)

    assert_holds(destination, CONTENT)


def test_an_encrypted_object_of_an_unknown_server_is_believed_the_second_time(
    destination: Path,
) -> None:
    s3 = CannedS3(*[object_answer(CONTENT, etag=NO_MD5, **ENCRYPTED)] * 2)

    download(s3, destination, transfer=IN_ONE, config=UNKNOWN_SERVER)

    assert len(s3.sent) == 2
    assert_holds(destination, CONTENT)


def test_a_server_whose_etags_are_no_md5s_is_believed_at_once_from_then_on(
    destination: Path,
) -> None:
    s3 = CannedS3(*[object_answer(CONTENT, etag=NO_MD5, **ENCRYPTED)] * 3)
    connection = connection_to(s3, UNKNOWN_SERVER)

    download(s3, destination, transfer=IN_ONE, connection=connection)
    download(s3, destination, transfer=IN_ONE, connection=connection)

    assert len(s3.sent) == 3
