"""The contract of encryption: as asked for on every engine, or an error and nothing stored."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from s3_integration import Encryption, S3Client, S3Config, S3IntegrationError, S3UploadError
from s3_integration.config import TransferConfig
from tests.fixtures.contract import DEFAULT, ONLY_PARTS, PART_BYTES, content_of
from tests.fixtures.servers import Capability, ServerUnderTest, unfinished_uploads

pytestmark = pytest.mark.usefixtures("engine")

KEY: Final = bytes(range(32))
OTHER_KEY: Final = bytes(range(1, 33))
SSE_C: Final = Encryption(method="SSE-C", customer_key=KEY)
METHODS: Final[dict[Capability, Encryption]] = {
    "SSE-S3": Encryption(method="SSE-S3"),
    # The key that Ceph under test knows; AWS has one of its own where none is named.
    "SSE-KMS": Encryption(method="SSE-KMS", kms_key_id="testkey-1"),
    "SSE-C": SSE_C,
}
SIZES: Final = [(0, DEFAULT), (1000, DEFAULT), (2 * PART_BYTES + 1, ONLY_PARTS)]


def encrypting(config: S3Config, encryption: Encryption, transfer: TransferConfig) -> S3Client:
    return S3Client(config=replace(config, encryption=encryption, transfer=transfer))


@pytest.mark.parametrize(("size_bytes", "transfer"), SIZES)
@pytest.mark.parametrize("method", METHODS)
def test_what_is_encrypted_comes_back_or_is_not_stored_at_all(
    server: ServerUnderTest,
    config: S3Config,
    plain: Any,
    tmp_path: Path,
    method: Capability,
    size_bytes: int,
    transfer: TransferConfig,
) -> None:
    encryption = METHODS[method]
    if server.name == "aws" and method == "SSE-KMS":
        encryption = Encryption(method=method)
    client = encrypting(config, encryption, transfer)
    source = tmp_path / "source"
    source.write_bytes(content_of(size_bytes))

    if method in server.lacks:
        with pytest.raises(S3UploadError, match=f"does not encrypt it as asked [(]{method}"):
            client.upload_file(source, "k")
        assert "Contents" not in plain.list_objects_v2(Bucket=client.bucket_name)
    else:
        client.upload_file(source, "k")
        client.download_file("k", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == source.read_bytes()
        assert client.file_exists("k")
        assert method == "SSE-C" or encryption_of(plain, client.bucket_name) == encryption

    assert unfinished_uploads(plain, client.bucket_name) == []


def encryption_of(plain: Any, bucket_name: str) -> Encryption:
    """What a server that tells the truth says of the object."""
    head = plain.head_object(Bucket=bucket_name, Key="k")
    if head["ServerSideEncryption"] == "AES256":
        return Encryption(method="SSE-S3")
    return Encryption(method="SSE-KMS", kms_key_id=head["SSEKMSKeyId"])


@pytest.mark.parametrize(("size_bytes", "transfer"), SIZES)
def test_without_its_key_an_object_is_closed(
    server: ServerUnderTest,
    config: S3Config,
    plain: Any,
    tmp_path: Path,
    size_bytes: int,
    transfer: TransferConfig,
) -> None:
    server.must_have("SSE-C")
    source = tmp_path / "source"
    source.write_bytes(content_of(size_bytes))
    client = encrypting(config, SSE_C, transfer)
    client.upload_file(source, "k")
    other = encrypting(config, replace(SSE_C, customer_key=OTHER_KEY), transfer)

    for stranger in (other, S3Client(config=config)):
        with pytest.raises(S3IntegrationError):
            stranger.download_file("k", tmp_path / "stolen")
    with closing(server.boto3_client()) as another, pytest.raises(ClientError):
        another.get_object(Bucket=client.bucket_name, Key="k")

    assert not (tmp_path / "stolen").exists()


@pytest.mark.parametrize("transfer", [DEFAULT, ONLY_PARTS])
def test_a_key_that_kms_does_not_have_is_an_error_and_stores_nothing(
    server: ServerUnderTest, config: S3Config, plain: Any, tmp_path: Path, transfer: TransferConfig
) -> None:
    if server.name == "moto":
        pytest.skip("moto takes any name for that of a key")
    source = tmp_path / "source"
    source.write_bytes(b"1")
    no_key = Encryption(method="SSE-KMS", kms_key_id="no-such-key")
    client = encrypting(config, no_key, transfer)

    with pytest.raises(S3UploadError):
        client.upload_file(source, "k")

    assert "Contents" not in plain.list_objects_v2(Bucket=client.bucket_name)
    assert unfinished_uploads(plain, client.bucket_name) == []
