"""The direct wire: what it sends, and what it makes of S3's answers."""

from __future__ import annotations

import ssl
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, SSLError

from s3_integration import Encryption
from s3_integration.aws.errors import translate
from s3_integration.aws.locator import UnusualRequestError
from s3_integration.cancellation import BrokenOffError, breaking_off_when
from s3_integration.transfer import places
from tests.fixtures.direct_wires import LOCAL, heard_by, refusal, wire_to, without_proxies
from tests.fixtures.mock_responses import CONFIG
from tests.fixtures.raw_server import RawServer, Script, http_answer

no_proxies = pytest.fixture(autouse=True)(without_proxies)

PLAIN = replace(CONFIG, endpoint_url="http://s3.example.com", plain_http="anywhere")


def test_an_object_is_put(server: RawServer) -> None:
    server.answers(http_answer(ETag='"e1"', x_amz_version_id="v1", x_amz_request_id="R"))

    told = wire_to().put_object(
        b"content",
        Bucket="unit-tests",
        Key="a b/ü~.txt",
        ContentType="text/plain",
        Metadata={"Author": "me"},
        Tagging="team=red",
        IfNoneMatch="*",
    )

    heard = heard_by(server)
    assert heard.line == "PUT /unit-tests/a%20b/%C3%BC~.txt HTTP/1.1"
    assert heard.content == b"content"
    signed = heard.headers.pop("authorization").partition("SignedHeaders=")[2].partition(",")[0]
    del heard.headers["x-amz-date"]
    assert heard.headers == {
        "host": "127.0.0.1:9000",
        "content-type": "text/plain",
        "x-amz-meta-author": "me",
        "x-amz-tagging": "team=red",
        "if-none-match": "*",
        "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
        "content-length": "7",
    }
    assert set(signed.split(";")) == {*heard.headers, "x-amz-date"} - {"content-length"}
    assert told == {
        "ResponseMetadata": {"HTTPStatusCode": 200, "RetryAttempts": 0, "RequestId": "R"},
        "ETag": '"e1"',
        "VersionId": "v1",
        "ContentLength": 0,
    }


def test_what_the_settings_add_goes_with_each_of_the_three_calls(server: RawServer) -> None:
    server.answers(*[http_answer(ETag='"e"', Connection="close")] * 3)
    encryption = Encryption(method="SSE-KMS", kms_key_id="1234", bucket_key=False)
    wire = wire_to(replace(LOCAL, encryption=encryption, request_payer="requester"))
    place = {"Bucket": "unit-tests", "Key": "k"}

    wire.put_object(b"", **place)
    put = heard_by(server).headers
    wire.upload_part(b"", **place, UploadId="u", PartNumber=1)
    part = heard_by(server).headers
    wire.get_object(**place)
    got = heard_by(server).headers

    assert put["x-amz-server-side-encryption"] == "aws:kms"
    assert put["x-amz-server-side-encryption-aws-kms-key-id"] == "1234"
    assert put["x-amz-server-side-encryption-bucket-key-enabled"] == "false"
    assert [each["x-amz-request-payer"] for each in (put, part, got)] == ["requester"] * 3
    assert not any("encryption" in name for each in (part, got) for name in each)
    assert "x-amz-server-side-encryption;" in put["authorization"]


def test_a_customer_key_goes_with_each_of_the_three_calls(server: RawServer) -> None:

    told = http_answer(
        ETag="e", x_amz_server_side_encryption_customer_key_MD5="digest", Connection="close"
    )
    server.answers(told, told, told)
    encryption = Encryption(method="SSE-C", customer_key=bytes(32))
    wire = wire_to(replace(LOCAL, encryption=encryption))
    place = {"Bucket": "unit-tests", "Key": "k"}

    answers = [wire.put_object(b"", **place)]
    sent = [heard_by(server).headers]
    answers.append(wire.upload_part(b"", **place, UploadId="u", PartNumber=1))
    sent.append(heard_by(server).headers)
    answers.append(wire.get_object(**place)[0])
    sent.append(heard_by(server).headers)

    prefix = "x-amz-server-side-encryption-customer-"
    for headers in sent:
        assert headers[f"{prefix}algorithm"] == "AES256"
        assert headers[f"{prefix}key"] == b64encode(bytes(32)).decode()
        assert headers[f"{prefix}key-md5"] == "cLyPS3KoaSFGi/joRB3OUQ=="
    assert [answer["SSECustomerKeyMD5"] for answer in answers] == ["digest"] * 3


def test_a_part_is_put(server: RawServer) -> None:
    server.answers(http_answer(ETag='"p"'))

    told = wire_to().upload_part(
        memoryview(b"part"),
        Bucket="unit-tests",
        Key="k",
        UploadId="a/b+c",
        PartNumber=3,
        ContentMD5="md5==",
    )

    heard = heard_by(server)
    assert heard.line == "PUT /unit-tests/k?partNumber=3&uploadId=a%2Fb%2Bc HTTP/1.1"
    assert heard.headers["content-md5"] == "md5=="
    assert heard.content == b"part"
    assert told["ETag"] == '"p"'


def test_a_range_of_a_version_is_got(server: RawServer) -> None:
    server.answers(http_answer(206, b"cde", ETag='"e"', Content_Range="bytes 2-4/9"))

    told, body = wire_to().get_object(
        Bucket="unit-tests", Key="k", VersionId="v 1", Range="bytes=2-4", IfMatch='"e"'
    )

    heard = heard_by(server)
    assert heard.line == "GET /unit-tests/k?versionId=v%201 HTTP/1.1"
    assert (heard.headers["range"], heard.headers["if-match"]) == ("bytes=2-4", '"e"')
    assert "content-length" not in heard.headers
    assert (told["ContentRange"], told["ContentLength"]) == ("bytes 2-4/9", 3)
    buffer = memoryview(bytearray(10))
    assert bytes(buffer[: body.readinto(buffer)]) == b"cde"


def test_an_answer_without_length_tells_none(server: RawServer) -> None:
    server.answers(Script(b"HTTP/1.1 200 OK\r\n\r\nabc", ends=True))

    told, _ = wire_to().get_object(Bucket="unit-tests", Key="k")

    assert "ContentLength" not in told


def test_a_session_token_is_sent(server: RawServer) -> None:
    server.answers(http_answer())

    wire_to(replace(LOCAL, session_token="token")).put_object(b"", Bucket="unit-tests", Key="k")

    assert heard_by(server).headers["x-amz-security-token"] == "token"


# Failures.


def test_a_refusal_in_another_of_aws_worlds_tells_which(server: RawServer) -> None:
    server.answers(refusal(403, "AccessDenied"))

    with pytest.raises(ClientError) as caught:
        wire_to(replace(LOCAL, region="us-gov-west-1")).put_object(b"", Bucket="b-c", Key="k")

    error = translate(caught.value, operation="upload", bucket="b-c", key="k")
    assert "Allow s3:PutObject on arn:aws-us-gov:s3:::b-c/k in" in error.suggestion


def test_a_refusal_is_botocores_error(server: RawServer) -> None:
    server.answers(refusal(403, "AccessDenied", x_amz_request_id="REQ1"))

    with pytest.raises(ClientError) as caught:
        wire_to().put_object(b"x", Bucket="unit-tests", Key="k")

    error = caught.value
    assert error.operation_name == "PutObject"
    assert error.response["Error"]["Code"] == "AccessDenied"
    told = error.response["ResponseMetadata"]
    assert (told["HTTPStatusCode"], told["RetryAttempts"]) == (403, 0)
    assert server.connections == 1


@pytest.mark.parametrize(("told", "is_used"), [("true", True), ("false", False)])
def test_a_bucket_key_is_told_as_boto3_does(server: RawServer, told: str, is_used: bool) -> None:
    server.answers(http_answer(x_amz_server_side_encryption_bucket_key_enabled=told))

    answer = wire_to().put_object(b"1", Bucket="unit-tests", Key="k")

    assert answer["BucketKeyEnabled"] is is_used


def test_nothing_is_sent_again_for_a_transfer_that_has_ended(
    server: RawServer, slept: list[float]
) -> None:
    server.answers(refusal(503, "SlowDown", Retry_After="20", Connection="close"), http_answer())

    with breaking_off_when(lambda: bool(slept)), pytest.raises(BrokenOffError):
        wire_to().put_object(b"1", Bucket="unit-tests", Key="k")

    assert server.connections == 1
    assert sum(slept) <= 0.1


def test_a_failure_that_may_pass_is_tried_again(server: RawServer, slept: list[float]) -> None:
    server.answers(
        refusal(503, "SlowDown", Connection="close"),
        Script(b"", ends=True),
        http_answer(ETag='"e"'),
    )

    told = wire_to().put_object(b"content", Bucket="unit-tests", Key="k")

    assert told["ResponseMetadata"]["RetryAttempts"] == 2
    assert len(slept) == 2
    assert [heard_by(server, turn).content for turn in range(3)] == [b"content"] * 3


def test_a_failure_that_stays_is_raised_after_all_attempts(
    server: RawServer, slept: list[float]
) -> None:
    server.answers(*[refusal(500, "InternalError", Connection="close")] * 5)

    with pytest.raises(ClientError) as caught:
        wire_to().put_object(b"x", Bucket="unit-tests", Key="k")

    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 4
    assert len(slept) == 4


def test_a_connection_that_always_breaks_is_raised_as_such(
    server: RawServer, slept: list[float]
) -> None:
    server.answers(*[Script(b"", ends=True)] * 5)

    with pytest.raises(ConnectionClosedError):
        wire_to().get_object(Bucket="unit-tests", Key="k")

    assert len(slept) == 4


def test_a_certificate_that_is_refused_is_not_tried_again(server: RawServer) -> None:
    server.answers(SSLError(endpoint_url="https://s3", error=OSError("unknown")))

    with pytest.raises(SSLError):
        wire_to().get_object(Bucket="unit-tests", Key="k")


def test_the_second_request_is_signed_with_s3s_time(server: RawServer, slept: list[float]) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=3)
    date = format_datetime(ahead, usegmt=True)
    server.answers(
        refusal(403, "RequestTimeTooSkewed", Date=date, Connection="close"), http_answer()
    )

    wire_to().put_object(b"x", Bucket="unit-tests", Key="k")

    stamp = heard_by(server).headers["x-amz-date"]
    signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%S%z")
    assert abs(signed_at - ahead) < timedelta(minutes=1)


# Where requests go.


def test_requests_for_aws_go_to_the_buckets_host_by_tls(server: RawServer) -> None:
    server.answers(http_answer())

    wire_to(CONFIG).put_object(b"", Bucket="unit-tests", Key="k")

    heard, origin = heard_by(server), server.origins[0]
    assert heard.line == "PUT /k HTTP/1.1"
    assert heard.headers["host"] == origin.host == "unit-tests.s3.amazonaws.com"
    assert (origin.scheme, origin.port, origin.proxy_url) == ("https", 443, None)
    assert origin.tls is not None
    assert origin.tls.verify_mode is ssl.CERT_REQUIRED
    assert origin.tls.check_hostname


def test_a_plain_proxy_is_asked_for_the_whole_url(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxies = {"http": "http://me:word@proxy:3128"}
    monkeypatch.setattr(places, "get_environ_proxies", lambda _: proxies)
    server.answers(http_answer())

    wire_to(PLAIN).get_object(Bucket="unit-tests", Key="k")

    heard = heard_by(server)
    assert heard.line == "GET http://s3.example.com:80/unit-tests/k HTTP/1.1"
    assert heard.headers["host"] == "s3.example.com"
    assert heard.headers["proxy-authorization"] == "Basic bWU6d29yZA=="
    assert "proxy-authorization" not in heard.headers["authorization"]
    assert server.origins[0].proxy_url == proxies["http"]


def test_a_tunnels_password_is_not_told_to_s3(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxies = {"https": "http://me:word@proxy:3128"}
    monkeypatch.setattr(places, "get_environ_proxies", lambda _: proxies)
    server.answers(http_answer())

    wire_to(CONFIG).get_object(Bucket="unit-tests", Key="k")

    heard = heard_by(server)
    assert heard.line == "GET /k HTTP/1.1"
    assert "proxy-authorization" not in heard.headers
    assert server.origins[0].proxy_url == proxies["https"]


def test_a_proxy_that_wants_tls_is_left_to_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "get_environ_proxies", lambda _: {"https": "https://proxy:1"})

    assert not wire_to(CONFIG).can_speak_to("unit-tests")


def test_an_unusual_bucket_is_left_to_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = wire_to()

    def refuse(*_: object) -> Any:
        raise UnusualRequestError

    monkeypatch.setattr(wire._connection.locator, "locate", refuse)

    assert not wire.can_speak_to("unit-tests")
