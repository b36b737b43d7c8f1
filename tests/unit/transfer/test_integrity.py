"""What S3's answers say of the bytes."""

from __future__ import annotations

import pytest

from s3_integration.aws.endpoints import AWS, CLOUDFLARE_R2, UNKNOWN, EndpointProfile, Learned
from s3_integration.transfer.integrity import (
    DamagedError,
    EtagCheck,
    EtagVerdict,
    content_md5_header,
    etag_verdict,
    md5_digest,
    multipart_etag,
    object_size_of,
    unquoted,
)
from s3_integration.utils import ByteRange

MD5 = "9a0364b9e99bb480dd25e1f0284c8555"  # of b"content"
OTHER_MD5 = "00000000000000000000000000000000"


def test_checksums_are_those_of_the_standards() -> None:
    assert md5_digest(b"content").hex() == MD5
    assert content_md5_header(md5_digest(b"content")) == "mgNkuembtIDdJeHwKEyFVQ=="  # RFC 1864


def test_the_etag_of_parts_is_the_md5_of_their_md5s_and_their_number() -> None:
    digests = [md5_digest(b"first"), md5_digest(b"second")]

    assert multipart_etag(iter(digests)) == f"{md5_digest(digests[0] + digests[1]).hex()}-2"


@pytest.mark.parametrize(
    ("etag", "bare"), [('"abc"', "abc"), ("abc", "abc"), (None, ""), ("", ""), ('"a-2"', "a-2")]
)
def test_quotes_are_no_part_of_an_etag(etag: str | None, bare: str) -> None:
    assert unquoted(etag) == bare


@pytest.mark.parametrize(
    ("expected", "answer", "endpoint", "verdict"),
    [
        (MD5, {"ETag": f'"{MD5}"'}, AWS, "same"),
        (MD5, {"ETag": f'"{OTHER_MD5}"'}, AWS, "different"),
        (MD5, {"ETag": f'"{OTHER_MD5}"'}, UNKNOWN, "different"),
        (MD5, {"ETag": f'"{MD5.upper()}"'}, AWS, "untold"),
        (MD5, {"ETag": f'"{OTHER_MD5}-1"'}, AWS, "untold"),
        (f"{MD5}-2", {"ETag": f'"{MD5}-2"'}, AWS, "same"),
        (f"{MD5}-2", {"ETag": f'"{MD5}-3"'}, AWS, "different"),
        (f"{MD5}-2", {"ETag": f'"{OTHER_MD5}"'}, AWS, "untold"),
        (MD5, {}, AWS, "untold"),
        (MD5, {"ETag": None}, AWS, "untold"),
        (MD5, {"ETag": f'"{OTHER_MD5}"'}, CLOUDFLARE_R2, "untold"),
        (MD5, {"ETag": OTHER_MD5, "ServerSideEncryption": "AES256"}, AWS, "different"),
        (MD5, {"ETag": OTHER_MD5, "ServerSideEncryption": "AES256"}, UNKNOWN, "doubtful"),
        (MD5, {"ETag": MD5, "ServerSideEncryption": "AES256"}, UNKNOWN, "same"),
        (MD5, {"ETag": OTHER_MD5, "ServerSideEncryption": "aws:kms"}, AWS, "untold"),
        (MD5, {"ETag": OTHER_MD5, "ServerSideEncryption": "aws:kms:dsse"}, UNKNOWN, "untold"),
        (MD5, {"ETag": OTHER_MD5, "SSECustomerAlgorithm": "AES256"}, AWS, "untold"),
    ],
)
def test_an_etag_tells_what_it_can(
    expected: str, answer: dict[str, object], endpoint: EndpointProfile, verdict: EtagVerdict
) -> None:
    assert etag_verdict(expected, answer, endpoint) == verdict


ENCRYPTED_OTHERWISE = {"ETag": OTHER_MD5, "ServerSideEncryption": "AES256"}


def test_the_same_content_twice_settles_a_doubt_for_all_content() -> None:
    learned = Learned()
    check = EtagCheck(UNKNOWN, learned)

    assert not check.accepts(MD5, ENCRYPTED_OTHERWISE)
    assert not check.accepts(MD5[::-1], ENCRYPTED_OTHERWISE)
    assert check.accepts(MD5, ENCRYPTED_OTHERWISE)
    assert EtagCheck(UNKNOWN, learned).accepts(MD5, ENCRYPTED_OTHERWISE)


def test_a_server_that_has_told_an_md5_of_encrypted_content_is_never_doubted() -> None:
    learned = Learned()
    EtagCheck(UNKNOWN, learned).accepts(MD5, {**ENCRYPTED_OTHERWISE, "ETag": MD5})
    check = EtagCheck(UNKNOWN, learned)

    assert [check.accepts(MD5, ENCRYPTED_OTHERWISE) for _ in range(5)] == [False] * 5


def test_an_etag_of_content_that_is_not_encrypted_teaches_nothing() -> None:
    learned = Learned()

    assert EtagCheck(UNKNOWN, learned).accepts(MD5, {"ETag": MD5})
    assert not EtagCheck(UNKNOWN, learned).accepts(MD5, {"ETag": OTHER_MD5})
    assert learned.etags_when_encrypted == "unknown"


def answer(status: int, length: int | None, content_range: str | None = None) -> dict[str, object]:
    told = {"ContentLength": length, "ContentRange": content_range}
    return {
        "ResponseMetadata": {"HTTPStatusCode": status},
        "ETag": '"e1"',
        **{name: value for name, value in told.items() if value is not None},
    }


@pytest.mark.parametrize(
    ("asked", "got", "size_bytes"),
    [
        (ByteRange(0, 8), answer(206, 8, "bytes 0-7/18"), 18),
        (ByteRange(0, 8), answer(206, 5, "bytes 0-4/5"), 5),
        (ByteRange(8, 12), answer(206, 4, "bytes 8-11/18"), 18),
        (ByteRange(0, 8), answer(206, None, "bytes 0-7/18"), 18),
        (ByteRange(0, 8), answer(200, 8, "bytes 0-7/18"), 18),
        (None, answer(200, 0), 0),
        (None, answer(200, 18), 18),
    ],
)
def test_an_answer_to_the_very_question_tells_the_size(
    asked: ByteRange | None, got: dict[str, object], size_bytes: int
) -> None:
    assert object_size_of(got, asked) == size_bytes


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        (ByteRange(8, 12), answer(200, 18)),
        (ByteRange(8, 12), answer(206, 4)),
        (ByteRange(8, 12), answer(206, 4, "bytes 7-10/18")),
        (ByteRange(8, 12), answer(206, 4, "bytes 8-10/18")),
        (ByteRange(8, 12), answer(206, 3, "bytes 8-11/18")),
        (ByteRange(8, 12), answer(206, 4, "bytes 8-11/10")),
        (ByteRange(8, 12), answer(206, 4, "bytes 8-11/*")),
        (ByteRange(8, 12), answer(206, 4, "bytes=8-11/18")),
        (ByteRange(8, 12), answer(206, 4, "bytes ８-11/18")),
        (ByteRange(0, 8), answer(200, None)),
        (ByteRange(0, 8), answer(200, 18)),
        (ByteRange(0, 8), answer(200, 0)),
        (None, {**answer(200, 18), "ETag": ""}),
        (ByteRange(0, 8), answer(304, 8, "bytes 0-7/18")),
        (ByteRange(0, 8), {"ContentLength": 8, "ContentRange": "bytes 0-7/18"}),
        (None, answer(206, 8, "bytes 0-7/18")),
    ],
)
def test_an_answer_to_any_other_question_is_refused(
    asked: ByteRange | None, got: dict[str, object]
) -> None:
    with pytest.raises(DamagedError):
        object_size_of(got, asked)
