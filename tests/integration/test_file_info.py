"""What `file_info` tells of objects that plain boto3 stored, on every server."""

from __future__ import annotations

import base64
import hashlib
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from s3_integration import S3Checksum, S3Client, S3FileNotFoundError
from s3_integration.models import ChecksumAlgorithm
from tests.fixtures.contract import Put
from tests.fixtures.servers import ServerUnderTest

CONTENT = b"hello"
CHECKSUMS: dict[ChecksumAlgorithm, str] = {
    "CRC64NVME": "M3eFcAZSQlc=",  # as awscrt computes it
    "CRC32": base64.b64encode(zlib.crc32(CONTENT).to_bytes(4, "big")).decode(),
    "CRC32C": "mnG7TA==",  # as awscrt computes it
    "SHA1": base64.b64encode(hashlib.sha1(CONTENT, usedforsecurity=False).digest()).decode(),
    "SHA256": base64.b64encode(hashlib.sha256(CONTENT).digest()).decode(),
}


@pytest.fixture(autouse=True)
def _bucket(put: Put) -> None:
    put("the bucket is there", b"")


def test_all_that_was_stored_with_a_file_is_told(
    server: ServerUnderTest, client: S3Client, plain: Any
) -> None:
    stored = plain.put_object(
        Bucket=client.bucket_name,
        Key="notes/a b.txt",
        Body=CONTENT,
        ContentType="text/x-note",
        Metadata={"colour": "light blue", "n": "1"},
    )

    found = client.file_info("notes/a b.txt")

    (listed,) = client.list_files("notes/")
    metadata = dict(found.metadata)
    if "letter case of metadata" in server.lacks:
        metadata = {name.lower(): value for name, value in metadata.items()}
    assert (found.key, found.size, found.storage_class) == ("notes/a b.txt", 5, "STANDARD")
    assert found.etag == listed["etag"] == hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    assert abs(datetime.now(UTC) - found.last_modified) < timedelta(minutes=5)
    assert found.content_type == "text/x-note"
    assert {name: metadata[name] for name in ("colour", "n")} == {"colour": "light blue", "n": "1"}
    assert found.version_id == stored.get("VersionId")


@pytest.mark.parametrize("algorithm", CHECKSUMS)
def test_the_checksum_that_s3_keeps_is_told(
    server: ServerUnderTest, client: S3Client, plain: Any, algorithm: ChecksumAlgorithm
) -> None:
    value = CHECKSUMS[algorithm]
    plain.put_object(
        Bucket=client.bucket_name,
        Key="k",
        Body=CONTENT,
        ChecksumAlgorithm=algorithm,
        **{f"Checksum{algorithm}": value},
    )

    found = client.file_info("k")

    kept = S3Checksum(algorithm, value, "FULL_OBJECT")
    assert found.checksum == (None if "checksums" in server.lacks else kept)


def test_a_checksum_of_parts_is_not_taken_for_that_of_the_whole(
    server: ServerUnderTest, client: S3Client, plain: Any
) -> None:
    server.must_have("checksums of parts")
    names = {"Bucket": client.bucket_name, "Key": "k"}
    upload = plain.create_multipart_upload(**names, ChecksumAlgorithm="SHA256")
    names["UploadId"] = upload["UploadId"]
    part = plain.upload_part(
        **names, PartNumber=1, Body=CONTENT, ChecksumSHA256=CHECKSUMS["SHA256"]
    )
    told = {"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA256": CHECKSUMS["SHA256"]}

    plain.complete_multipart_upload(**names, MultipartUpload={"Parts": [told]})

    of_parts = hashlib.sha256(base64.b64decode(CHECKSUMS["SHA256"])).digest()
    found = client.file_info("k").checksum
    assert found
    assert (found.algorithm, found.checksum_type) == ("SHA256", "COMPOSITE")
    # moto leaves the number of parts out, and the type.
    assert found.value.removesuffix("-1") == base64.b64encode(of_parts).decode()


def test_each_version_is_described_by_itself(
    server: ServerUnderTest, client: S3Client, plain: Any, put: Put
) -> None:
    server.must_have("versions")
    put("k", b"old")
    older = client.file_info("k")
    put("k", b"newer")

    found = client.file_info("k", version_id=older.version_id)

    assert older.version_id
    assert found == older
    assert client.file_info("k").size == 5


def test_a_file_that_is_gone_is_not_found_and_nor_is_its_delete_marker(
    server: ServerUnderTest, client: S3Client, plain: Any, put: Put
) -> None:
    put("k", b"1")
    client.delete_file("k")

    with pytest.raises(S3FileNotFoundError):
        client.file_info("k")

    if "versions" not in server.lacks:
        versions = plain.list_object_versions(Bucket=client.bucket_name, Prefix="k")
        marker = versions["DeleteMarkers"][0]["VersionId"]
        with pytest.raises(S3FileNotFoundError):
            client.file_info("k", version_id=marker)
