"""Servers that do not encrypt as they are asked to are found out before bytes reach them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from s3_integration import Encryption, S3AccessDeniedError, S3UploadError
from s3_integration.transfer.encrypted import is_encrypted_as_asked
from tests.fixtures.mock_responses import (
    CONFIG,
    Answer,
    CannedS3,
    Sent,
    connection_to,
    error_answer,
    etag_of,
    take,
)
from tests.fixtures.transfers import (
    UNKNOWN_SERVER,
    MultipartAnswers,
    settled_file,
    small_parts,
    upload,
    xml_answer,
)

KEY = bytes(range(32))
KEY_MD5 = b64encode(md5(KEY, usedforsecurity=False).digest()).decode()
SSE_S3 = Encryption(method="SSE-S3")
SSE_C = Encryption(method="SSE-C", customer_key=KEY)
ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234"
IN_ONE = small_parts(1, 1000)
IN_PARTS = small_parts(4, 1)

AES256 = {"x-amz-server-side-encryption": "AES256"}


def sse_kms(kms_key_id: str | None = None) -> Encryption:
    return Encryption(method="SSE-KMS", kms_key_id=kms_key_id)


@pytest.mark.parametrize(
    ("encryption", "told", "is_as_asked"),
    [
        (SSE_S3, {}, False),
        (SSE_S3, {"ServerSideEncryption": "AES256"}, True),
        (SSE_S3, {"ServerSideEncryption": "aws:kms"}, False),
        (sse_kms(), {"ServerSideEncryption": "AES256"}, False),
        (sse_kms(), {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": ARN}, True),
        (sse_kms("1234"), {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": ARN}, True),
        (sse_kms(ARN), {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": ARN}, True),
        (sse_kms("34"), {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": ARN}, False),
        (sse_kms("1234"), {"ServerSideEncryption": "aws:kms"}, False),
        (sse_kms("alias/a"), {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": ARN}, True),
        (SSE_C, {"SSECustomerKeyMD5": KEY_MD5}, True),
        (SSE_C, {"SSECustomerKeyMD5": "another"}, False),
        (SSE_C, {"ServerSideEncryption": "AES256"}, False),
    ],
)
def test_only_what_was_asked_for_counts(
    encryption: Encryption, told: Mapping[str, Any], is_as_asked: bool
) -> None:
    digest = KEY_MD5 if encryption is SSE_C else ""

    assert is_encrypted_as_asked(encryption, digest, told) == is_as_asked


class Server(MultipartAnswers):
    """An S3 that says of all it stores what `headers` say."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__()
        self.headers = headers

    def __call__(self, sent: Sent) -> Answer:
        if sent.operation == "DeleteObject":
            return Answer(204)
        answer = super().__call__(sent)
        return replace(answer, headers={**answer.headers, **self.headers})


@pytest.mark.parametrize("transfer", [IN_ONE, IN_PARTS])
def test_a_server_that_overlooks_encryption_gets_no_bytes(tmp_path: Path, transfer: Any) -> None:
    s3 = CannedS3(otherwise=Server({}))
    config = replace(UNKNOWN_SERVER, encryption=SSE_S3)

    with pytest.raises(S3UploadError, match="does not encrypt it as asked") as caught:
        upload(s3, settled_file(tmp_path / "a", b"content"), config=config, transfer=transfer)

    assert s3.operations == ["CreateMultipartUpload", "AbortMultipartUpload"]
    assert not caught.value.retryable
    assert "leave the setting encryption out" in caught.value.suggestion


@pytest.mark.parametrize("transfer", [IN_ONE, IN_PARTS])
def test_a_server_that_does_not_encrypt_is_asked_once(tmp_path: Path, transfer: Any) -> None:
    s3 = CannedS3(otherwise=Server({"x-amz-server-side-encryption": "aws:kms"}))
    config = replace(UNKNOWN_SERVER, encryption=SSE_S3)
    connection = connection_to(s3, config)
    path = settled_file(tmp_path / "a", b"content")
    said = set[str]()

    for further in (transfer, IN_ONE, IN_PARTS):
        with pytest.raises(S3UploadError, match=r"\(SSE-S3\), but says 'aws:kms'") as caught:
            upload(s3, path, config=config, transfer=further, connection=connection)
        said.add(str(caught.value))

    assert s3.operations == ["CreateMultipartUpload", "AbortMultipartUpload"]
    assert len(said) == 1


def test_what_aws_did_not_encrypt_is_not_stored_again(tmp_path: Path) -> None:
    s3 = CannedS3(otherwise=Server({}))
    config = replace(CONFIG, encryption=SSE_S3)
    connection = connection_to(s3, config)
    path = settled_file(tmp_path / "a", b"content")

    for _ in range(2):
        with pytest.raises(S3UploadError, match="does not encrypt"):
            upload(s3, path, config=config, transfer=IN_ONE, connection=connection)

    assert s3.operations == ["PutObject", "DeleteObject"]


@pytest.mark.parametrize("transfer", [IN_ONE, IN_PARTS])
def test_a_server_that_encrypts_is_asked_once(tmp_path: Path, transfer: Any) -> None:
    s3 = CannedS3(otherwise=Server(AES256))
    config = replace(UNKNOWN_SERVER, encryption=SSE_S3)
    connection = connection_to(s3, config)
    path = settled_file(tmp_path / "a", b"content")
    upload(s3, path, config=config, transfer=transfer, connection=connection)
    s3.sent.clear()

    upload(s3, path, config=config, transfer=IN_ONE, connection=connection)

    assert s3.operations == ["PutObject"]
    assert s3.sent[0].headers["x-amz-server-side-encryption"] == "AES256"


def test_aws_is_not_asked_first(tmp_path: Path) -> None:
    s3 = CannedS3(otherwise=Server(AES256))

    upload(
        s3,
        settled_file(tmp_path / "a", b"content"),
        config=replace(CONFIG, encryption=SSE_S3),
        transfer=IN_ONE,
    )

    assert s3.operations == ["PutObject"]


def test_whoever_wants_no_encryption_asks_nobody(tmp_path: Path) -> None:
    s3 = CannedS3(otherwise=Server({}))

    upload(s3, settled_file(tmp_path / "a", b"1"), config=UNKNOWN_SERVER, transfer=IN_ONE)

    assert s3.operations == ["PutObject"]


@pytest.mark.parametrize(
    ("version", "query", "condition"),
    [
        ({}, {}, etag_of(b"content")),
        ({"x-amz-version-id": "v7"}, {"versionId": "v7"}, None),
    ],
    ids=["unless it was replaced", "its version"],
)
def test_what_was_stored_without_encryption_all_the_same_is_deleted(
    tmp_path: Path, version: dict[str, str], query: dict[str, str], condition: str | None
) -> None:
    s3 = CannedS3(otherwise=Server(version))

    with pytest.raises(S3UploadError, match="SSE-C"):
        upload(
            s3,
            settled_file(tmp_path / "a", b"content"),
            config=replace(CONFIG, encryption=SSE_C),
            transfer=IN_ONE,
        )

    assert s3.operations == ["PutObject", "DeleteObject"]
    assert s3.sent[-1].query == query
    assert s3.sent[-1].headers.get("if-match") == condition


@pytest.mark.parametrize(("status", "code"), [(412, "PreconditionFailed"), (404, "NoSuchKey")])
def test_what_somebody_else_has_replaced_since_need_not_be_deleted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int, code: str
) -> None:
    s3 = CannedS3(take, error_answer(status, code))

    with pytest.raises(S3UploadError, match="SSE-C"):
        upload(
            s3,
            settled_file(tmp_path / "a", b"content"),
            config=replace(CONFIG, encryption=SSE_C),
            transfer=IN_ONE,
        )

    assert s3.operations == ["PutObject", "DeleteObject"]
    assert "could not delete" not in caplog.text


def test_where_that_cannot_be_deleted_a_line_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    s3 = CannedS3(take, error_answer(403, "AccessDenied"))

    with pytest.raises(S3UploadError, match="SSE-C"):
        upload(
            s3,
            settled_file(tmp_path / "a", b"content"),
            config=replace(CONFIG, encryption=SSE_C),
            transfer=IN_ONE,
        )

    assert "could not delete 'folder/a file', which is not encrypted" in caplog.text


def test_a_refusal_of_the_key_is_told_as_such(tmp_path: Path) -> None:
    s3 = CannedS3(error_answer(403, "KMS.AccessDeniedException"))

    with pytest.raises(S3UploadError) as caught:
        upload(
            s3,
            settled_file(tmp_path / "a", b"content"),
            config=replace(UNKNOWN_SERVER, encryption=sse_kms("1234")),
            transfer=IN_ONE,
        )

    assert caught.value.code == "KMS.AccessDeniedException"
    assert not isinstance(caught.value, S3AccessDeniedError) or "kms" in caught.value.suggestion


def test_an_answer_that_starts_no_upload_proves_nothing(tmp_path: Path) -> None:
    s3 = CannedS3(xml_answer("InitiateMultipartUploadResult", ""), otherwise=Server(AES256))
    config = replace(UNKNOWN_SERVER, encryption=SSE_S3)
    connection = connection_to(s3, config)
    path = settled_file(tmp_path / "a", b"content")

    with pytest.raises(S3UploadError, match="says nothing of it"):
        upload(s3, path, config=config, transfer=IN_ONE, connection=connection)

    assert s3.operations == ["CreateMultipartUpload"]
    upload(s3, path, config=config, transfer=IN_ONE, connection=connection)
    assert s3.operations[-1] == "PutObject"


BUCKET_KEY_MISSED = "does not say that it uses a bucket key"
OF_KMS = {
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": ARN,
}
WITH_BUCKET_KEY = "x-amz-server-side-encryption-bucket-key-enabled"


@pytest.mark.parametrize(
    ("asked", "told", "lines"),
    [
        (True, {}, 1),
        (True, {WITH_BUCKET_KEY: "false"}, 1),
        (True, {WITH_BUCKET_KEY: "true"}, 0),
        (False, {}, 0),
        (None, {}, 0),
    ],
)
def test_a_bucket_key_that_is_not_seen_is_told_of_once(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    asked: bool | None,
    told: dict[str, str],
    lines: int,
) -> None:
    s3 = CannedS3(otherwise=Server({**OF_KMS, **told}))
    config = replace(UNKNOWN_SERVER, encryption=replace(sse_kms("1234"), bucket_key=asked))
    connection = connection_to(s3, config)
    path = settled_file(tmp_path / "a", b"content")

    for transfer in (IN_ONE, IN_PARTS, IN_ONE):
        upload(s3, path, config=config, transfer=transfer, connection=connection)

    assert caplog.text.count(BUCKET_KEY_MISSED) == lines


def test_a_bucket_key_of_a_small_file_is_looked_for_in_its_own_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server(OF_KMS)

    def tell_where_it_is_stored(sent: Sent) -> Answer:
        answer = server(sent)
        told = {WITH_BUCKET_KEY: "true"} if sent.operation == "PutObject" else {}
        return replace(answer, headers={**answer.headers, **told})

    s3 = CannedS3(otherwise=tell_where_it_is_stored)
    encryption = replace(sse_kms("1234"), bucket_key=True)
    config = replace(UNKNOWN_SERVER, encryption=encryption)

    upload(s3, settled_file(tmp_path / "a", b"content"), config=config, transfer=IN_ONE)

    assert s3.operations[0] == "CreateMultipartUpload"
    assert BUCKET_KEY_MISSED not in caplog.text
