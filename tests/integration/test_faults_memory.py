"""The S3 in memory refuses what S3 refuses: else the fault tests would prove less than they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, get_args

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.fixtures.faults_cases import Case, Kind
from tests.fixtures.faults_memory import MemoryS3
from tests.fixtures.faults_proxy import fault_proxy
from tests.fixtures.faults_runs import run
from tests.fixtures.faults_stages import stage_in_memory

WHERE = {"Bucket": "bucket", "Key": "key"}
OTHER_MD5 = "AAAAAAAAAAAAAAAAAAAAAA=="


@pytest.fixture
def store() -> MemoryS3:
    return MemoryS3()


@pytest.fixture
def s3(store: MemoryS3) -> Iterator[Any]:
    with fault_proxy(store.answer) as proxy:
        client = boto3.client(
            "s3",
            region_name="us-east-1",
            endpoint_url=proxy.endpoint_url,
            aws_access_key_id="key-id",
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}),
        )
        with closing(client):
            yield client


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


@pytest.mark.parametrize("kind", get_args(Kind))
def test_without_a_fault_every_transfer_is_right(tmp_path: Any, engine: str, kind: Kind) -> None:
    case = Case(kind, "no fault", lambda _: [])

    result = run(case, engine, stage_in_memory(tmp_path / "files"))

    assert result.outcome == "right", result


@pytest.mark.parametrize(
    "said",
    [{"ContentMD5": OTHER_MD5}, {"ChecksumCRC32": "AAAAAA=="}, {"ChecksumSHA1": "AAAA"}],
    ids=str,
)
def test_content_that_is_not_what_was_said_is_refused(
    s3: Any, store: MemoryS3, said: dict[str, str]
) -> None:
    upload_id = s3.create_multipart_upload(**WHERE)["UploadId"]
    part = {**WHERE, "UploadId": upload_id, "PartNumber": 1}

    assert code_of(lambda: s3.put_object(**WHERE, Body=b"content", **said)) == "BadDigest"
    assert code_of(lambda: s3.upload_part(**part, Body=b"content", **said)) == "BadDigest"

    assert store.get("key") is None


def test_conditions_are_obeyed(s3: Any, store: MemoryS3) -> None:
    store.put("key", b"first")

    for refused in (
        lambda: s3.put_object(**WHERE, Body=b"2", IfNoneMatch="*"),
        lambda: s3.put_object(**WHERE, Body=b"2", IfMatch='"other"'),
        lambda: s3.get_object(**WHERE, IfMatch='"other"'),
    ):
        assert code_of(refused) == "PreconditionFailed"

    assert store.get("key") == b"first"


def test_parts_are_compared_when_they_are_joined(s3: Any, store: MemoryS3) -> None:
    upload = {**WHERE, "UploadId": s3.create_multipart_upload(**WHERE)["UploadId"]}
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"part")["ETag"]

    def complete(etag: str, **condition: str) -> object:
        parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        return s3.complete_multipart_upload(**upload, MultipartUpload=parts, **condition)

    assert code_of(lambda: complete('"other"')) == "InvalidPart"
    store.put("key", b"another client's")
    assert code_of(lambda: complete(etag, IfNoneMatch="*")) == "PreconditionFailed"
    assert store.unfinished_uploads() == 1

    complete(etag)

    assert (store.get("key"), store.unfinished_uploads()) == (b"part", 0)
    assert code_of(lambda: complete(etag)) == "NoSuchUpload"


def test_ranges_are_those_that_were_asked_for(s3: Any, store: MemoryS3) -> None:
    store.put("key", b"0123456789")

    answer = s3.get_object(**WHERE, Range="bytes=2-4")

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert (answer["ContentRange"], answer["Body"].read()) == ("bytes 2-4/10", b"234")
    assert code_of(lambda: s3.get_object(**WHERE, Range="bytes=10-")) == "InvalidRange"
    assert code_of(lambda: s3.get_object(Bucket="bucket", Key="other")) == "NoSuchKey"
