"""What goes with every request: it is in those of S3's calls that know it, and in no others."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from hashlib import md5
from typing import Any

import pytest
from botocore.stub import Stubber

from s3_integration import Encryption
from tests.fixtures.mock_responses import CONFIG, Answer, CannedS3, connection_to

KEY = bytes(range(32))
SSE_C = Encryption(method="SSE-C", customer_key=KEY)
SSE_C_HEADERS = {
    "x-amz-server-side-encryption-customer-algorithm": "AES256",
    "x-amz-server-side-encryption-customer-key": b64encode(KEY).decode(),
    "x-amz-server-side-encryption-customer-key-md5": b64encode(
        md5(KEY, usedforsecurity=False).digest()
    ).decode(),
}
SSE_KMS = Encryption(method="SSE-KMS", kms_key_id="alias/k", bucket_key=False)
SSE_KMS_HEADERS = {
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": "alias/k",
    "x-amz-server-side-encryption-bucket-key-enabled": "false",
}
SSE_S3 = Encryption(method="SSE-S3")

OBJECT = {"Bucket": "b", "Key": "k"}
UPLOAD = {**OBJECT, "UploadId": "u"}
WRITES: dict[str, dict[str, Any]] = {"put_object": OBJECT, "create_multipart_upload": OBJECT}
READS: dict[str, dict[str, Any]] = {
    "get_object": OBJECT,
    "head_object": OBJECT,
    "upload_part": {**UPLOAD, "PartNumber": 1},
    "list_parts": UPLOAD,
    "complete_multipart_upload": {**UPLOAD, "MultipartUpload": {"Parts": []}},
}
OTHERS: dict[str, dict[str, Any]] = {
    "list_objects_v2": {"Bucket": "b"},
    "delete_object": OBJECT,
    "abort_multipart_upload": UPLOAD,
    "list_multipart_uploads": {"Bucket": "b"},
}


def headers_of(call: str, parameters: dict[str, Any], **settings: Any) -> dict[str, str]:
    """What `settings` add to the request of a call."""
    s3 = CannedS3(Answer())
    client: Any = connection_to(s3, replace(CONFIG, **settings)).client
    getattr(client, call)(**parameters)
    prefixes = ("x-amz-server-side", "x-amz-request-payer", "x-amz-copy-source-server-side")
    return {name: text for name, text in s3.sent[0].headers.items() if name.startswith(prefixes)}


@pytest.mark.parametrize(("call", "parameters"), WRITES.items())
@pytest.mark.parametrize(
    ("encryption", "headers"),
    [
        (SSE_S3, {"x-amz-server-side-encryption": "AES256"}),
        (SSE_KMS, SSE_KMS_HEADERS),
        (SSE_C, SSE_C_HEADERS),
    ],
)
def test_what_is_stored_is_to_be_encrypted(
    call: str, parameters: dict[str, Any], encryption: Encryption, headers: dict[str, str]
) -> None:
    assert headers_of(call, parameters, encryption=encryption) == headers


@pytest.mark.parametrize(("call", "parameters"), READS.items())
def test_a_customer_key_goes_with_all_that_needs_it(call: str, parameters: dict[str, Any]) -> None:
    assert headers_of(call, parameters, encryption=SSE_C) == SSE_C_HEADERS
    assert headers_of(call, parameters, encryption=SSE_KMS) == {}


@pytest.mark.parametrize(("call", "parameters"), OTHERS.items())
def test_no_key_goes_where_none_is_needed(call: str, parameters: dict[str, Any]) -> None:
    assert headers_of(call, parameters, encryption=SSE_C) == {}


@pytest.mark.parametrize(("call", "parameters"), (WRITES | READS | OTHERS).items())
def test_the_requester_agrees_to_pay_for_every_call(call: str, parameters: dict[str, Any]) -> None:
    agreed = {"x-amz-request-payer": "requester"}

    assert headers_of(call, parameters, request_payer="requester") == agreed
    assert headers_of(call, parameters) == {}


COPY = {**OBJECT, "CopySource": "b/s"}
COPIES: dict[str, dict[str, Any]] = {
    "copy_object": COPY,
    "upload_part_copy": {**COPY, "UploadId": "u", "PartNumber": 1},
}


@pytest.mark.parametrize(("call", "parameters"), COPIES.items())
def test_a_customer_key_opens_the_source_of_a_copy_as_well(
    call: str, parameters: dict[str, Any]
) -> None:
    of_source = {
        name.replace("x-amz-", "x-amz-copy-source-", 1): text
        for name, text in SSE_C_HEADERS.items()
    }

    assert headers_of(call, parameters, encryption=SSE_C) == SSE_C_HEADERS | of_source


def test_a_copy_is_encrypted_as_an_upload_is() -> None:
    assert headers_of("copy_object", COPY, encryption=SSE_KMS) == SSE_KMS_HEADERS
    assert headers_of("upload_part_copy", COPIES["upload_part_copy"], encryption=SSE_KMS) == {}


def test_what_goes_with_a_call_is_told_as_headers_too() -> None:
    terms = connection_to(CannedS3(), replace(CONFIG, encryption=SSE_KMS)).terms

    assert terms.headers_of("PutObject") == SSE_KMS_HEADERS
    assert terms.headers_of("GetObject") == {}


def test_the_key_of_a_copys_source_is_no_part_of_what_may_be_told() -> None:
    terms = connection_to(CannedS3(), replace(CONFIG, encryption=SSE_C)).terms

    assert terms.of_storing.keys() == {"SSECustomerAlgorithm", "SSECustomerKeyMD5"}


def test_a_bucket_is_asked_for_without() -> None:
    settings = {"encryption": SSE_C, "request_payer": "requester"}

    assert headers_of("head_bucket", {"Bucket": "b"}, **settings) == {}
    assert headers_of("list_buckets", {}, **settings) == {}


def test_stubs_of_calls_need_not_expect_them() -> None:
    client = connection_to(CannedS3(), replace(CONFIG, encryption=SSE_C)).client

    with Stubber(client) as stubber:
        stubber.add_response("head_object", {"ETag": "e"}, {"Bucket": "b", "Key": "k"})

        assert client.head_object(Bucket="b", Key="k")["ETag"] == "e"
