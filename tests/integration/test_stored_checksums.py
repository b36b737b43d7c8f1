"""Downloads of what plain boto3 stored are compared with the checksum that S3 keeps of it."""

from __future__ import annotations

from typing import Any

import pytest

from s3_integration import S3Client
from s3_integration.models import ChecksumAlgorithm
from s3_integration.transfer.composite import Composite, Verdict
from s3_integration.utils import MIB
from tests.fixtures.contract import Put
from tests.fixtures.servers import ServerUnderTest

ALIKE = [b"a" * 5 * MIB, b"b" * 5 * MIB, b"c"]
UNLIKE = [b"a" * 5 * MIB, b"b" * 6 * MIB, b"c" * 5 * MIB]


@pytest.fixture
def verdicts(monkeypatch: pytest.MonkeyPatch) -> list[Verdict]:
    """What composite checksums said."""
    found: list[Verdict] = []
    verdict = Composite.verdict

    def noted(self: Composite, *args: Any) -> Verdict:
        found.append(verdict(self, *args))
        return found[-1]

    monkeypatch.setattr(Composite, "verdict", noted)
    return found


@pytest.mark.promise(2)
@pytest.mark.parametrize("contents", [ALIKE, UNLIKE], ids=["alike", "unlike"])
# moto takes CRC32 for CRC32C, where it lacks a library.
@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA256"])
def test_the_checksum_of_the_parts_checksums_is_compared(
    server: ServerUnderTest,
    client: S3Client,
    plain: Any,
    put: Put,
    verdicts: list[Verdict],
    algorithm: ChecksumAlgorithm,
    contents: list[bytes],
) -> None:
    server.must_have("checksums of parts")
    put("the bucket is there", b"")
    names = {"Bucket": client.bucket_name, "Key": "k"}
    upload = plain.create_multipart_upload(**names, ChecksumAlgorithm=algorithm)
    names["UploadId"] = upload["UploadId"]
    checksum = f"Checksum{algorithm}"
    parts = []
    for number, content in enumerate(contents, start=1):
        told = plain.upload_part(
            **names, PartNumber=number, Body=content, ChecksumAlgorithm=algorithm
        )
        parts.append({"PartNumber": number, "ETag": told["ETag"], checksum: told[checksum]})
    plain.complete_multipart_upload(**names, MultipartUpload={"Parts": parts})

    content = client.read_bytes("k")

    assert content == b"".join(contents)
    assert verdicts == ["same"]
