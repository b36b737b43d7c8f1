"""The wire of awscrt: what awscrt is asked for, what it is not, and what is made of what it tells.

The direct wire takes over whatever awscrt is not asked for; `server` is where that leads.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from awscrt.exceptions import AwsCrtError
from awscrt.s3 import S3RequestTlsMode, S3RequestType, S3RetryMode
from botocore import exceptions as botocore_errors
from botocore.exceptions import ClientError

from s3_integration.aws.bandwidth import Bandwidth
from s3_integration.aws.pace import Limits
from s3_integration.aws.session import connect
from s3_integration.config import S3Config, resolve_settings
from s3_integration.transfer import crt, places
from s3_integration.transfer.crt import CrtWire, told_by, was_left_by_a_fork
from tests.fixtures.fake_awscrt import FakeAwscrt, InterruptedFuture, Told, fake_awscrt
from tests.fixtures.mock_responses import CONFIG, error_answer
from tests.fixtures.raw_server import RawServer, http_answer, raw_server

LIMITS = Limits(connect_seconds=5, answer_seconds=5, stall_seconds=5, slowest_bytes_per_second=1)
LOCAL = replace(CONFIG, endpoint_url="http://127.0.0.1:9000")
KEY: dict[str, Any] = {"Bucket": "unit-tests", "Key": "k"}
RANGE: dict[str, Any] = {**KEY, "Range": "bytes=0-2"}

server = pytest.fixture(raw_server)
awscrt = pytest.fixture(fake_awscrt)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no setting of the machine lead elsewhere."""
    monkeypatch.setattr(places, "get_environ_proxies", lambda _: {})
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def wire_to(config: S3Config = LOCAL) -> CrtWire:
    """A wire by these settings."""
    return CrtWire(connect(resolve_settings(config=config, environment={}, dotenv={})), LIMITS)


def part_answer(content: bytes = b"abc") -> bytes:
    """A server's answer to a range."""
    headers = {"ETag": '"e"', "Content-Range": "bytes 0-2/9", "Connection": "close"}
    return http_answer(206, content, **headers)


def part_told(content: bytes = b"abc") -> Told:
    """The same, by awscrt."""
    headers = {"Content-Length": str(len(content)), "ETag": '"e"', "Content-Range": "bytes 0-2/9"}
    return Told(206, headers, content)


def read_all(body: Any, buffer_bytes: int = 2) -> bytes:
    """A body, by small pieces."""
    content = b""
    buffer = memoryview(bytearray(buffer_bytes))
    while count := body.readinto(buffer):
        content += buffer[:count]
    return content


def awscrt_error(name: str) -> AwsCrtError:
    return AwsCrtError(1, name, "told")


# What goes through awscrt.


def test_an_object_is_put_by_one_request(awscrt: FakeAwscrt) -> None:
    awscrt.tells(Told(200, {"ETag": '"e1"', "X-Amz-Version-Id": "v1"}))

    told = wire_to().put_object(
        memoryview(b"content"),
        Bucket="unit-tests",
        Key="a b/ü~.txt",
        ContentType="text/plain",
        Metadata={"Author": "me"},
    )

    asked = awscrt.asked[0]
    assert (asked["type"], asked["operation_name"]) == (S3RequestType.DEFAULT, "PutObject")
    request = asked["request"]
    assert (request.method, request.path) == ("PUT", "/unit-tests/a%20b/%C3%BC~.txt")
    assert sorted(request.headers) == [
        ("content-length", "7"),
        ("content-type", "text/plain"),
        ("host", "127.0.0.1:9000"),
        ("x-amz-meta-author", "me"),
    ]
    assert awscrt.bodies == [b"content"]
    assert (told["ETag"], told["VersionId"]) == ('"e1"', "v1")
    assert told["ResponseMetadata"]["RetryAttempts"] == 0


def test_a_part_is_put(awscrt: FakeAwscrt) -> None:
    awscrt.tells(Told(200, {"ETag": '"p"'}))

    wire_to().upload_part(b"part", **KEY, UploadId="a/b", PartNumber=3)

    assert awscrt.asked[0]["operation_name"] == "UploadPart"
    assert awscrt.asked[0]["request"].path == "/unit-tests/k?partNumber=3&uploadId=a%2Fb"


def test_ranges_go_through_awscrt_once_the_server_has_obeyed_one(
    server: RawServer, awscrt: FakeAwscrt
) -> None:
    server.answers(part_answer())
    awscrt.tells(part_told(b"abc"), part_told(b"def"))
    wire = wire_to()

    answers = [wire.get_object(**RANGE) for _ in range(3)]

    assert [read_all(body) for _, body in answers] == [b"abc", b"abc", b"def"]
    assert {told["ContentRange"] for told, _ in answers} == {"bytes 0-2/9"}
    assert [it["request"].path for it in awscrt.asked] == ["/unit-tests/k"] * 2
    assert server.connections == 1


def test_nothing_goes_through_awscrt_under_a_cap_on_bandwidth(
    server: RawServer, awscrt: FakeAwscrt
) -> None:
    server.answers(http_answer(ETag='"e"'))
    connection = connect(resolve_settings(config=LOCAL, environment={}, dotenv={}))

    CrtWire(connection, replace(LIMITS, bandwidth=Bandwidth(10**9))).put_object(b"1", **KEY)

    assert not awscrt.asked
    assert server.heard().endswith(b"\r\n\r\n1")


def test_awscrt_tries_once_and_signs_with_the_keys_of_the_moment(awscrt: FakeAwscrt) -> None:
    awscrt.tells(Told())
    wire = wire_to(replace(LOCAL, session_token="token", region="eu-west-1"))
    wire.put_object(b"", **KEY)

    settings = awscrt.clients[0]
    signing = settings["signing_config"]
    keys = signing.credentials_provider.get_credentials().result(5)

    assert settings["retry_config"].retry_mode is S3RetryMode.NONE
    assert settings["connect_timeout_ms"] == 5000
    assert (signing.region, signing.service) == ("eu-west-1", "s3")
    assert signing.signed_body_value == "UNSIGNED-PAYLOAD"
    assert not signing.should_normalize_uri_path
    assert not signing.use_double_uri_encode
    assert keys.access_key_id == LOCAL.access_key_id
    assert (keys.secret_access_key, keys.session_token) == (LOCAL.secret_access_key, "token")


def test_each_origin_has_a_client_of_its_own(server: RawServer, awscrt: FakeAwscrt) -> None:
    server.answers(*[http_answer(Connection="close")] * 2)
    awscrt.tells(*[Told()] * 4)
    wire = wire_to(CONFIG)

    for bucket in ("one", "two") * 3:
        wire.put_object(b"", Bucket=bucket, Key="k")

    assert len(awscrt.clients) == 2
    assert {client["tls_mode"] for client in awscrt.clients} == {S3RequestTlsMode.ENABLED}
    assert all(client["tls_connection_options"] is not None for client in awscrt.clients)


# What does not.


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (LOCAL, {**KEY}),
        (LOCAL, {**KEY, "Range": "bytes=5-"}),
        (LOCAL, {**KEY, "Range": f"bytes=0-{2**26}"}),
        (replace(LOCAL, total_attempts=1), RANGE),
    ],
    ids=["whole object", "open range", "more than memory should hold", "no second attempt"],
)
def test_what_awscrt_might_do_wrong_is_asked_for_directly(
    server: RawServer, awscrt: FakeAwscrt, config: S3Config, named: dict[str, Any]
) -> None:
    server.answers(part_answer(), part_answer())
    wire = wire_to(config)
    read_all(wire.get_object(**RANGE)[1])

    assert read_all(wire.get_object(**named)[1]) == b"abc"
    assert awscrt.asked == []


def test_ranges_go_directly_again_after_a_server_has_sent_the_whole(
    server: RawServer, awscrt: FakeAwscrt
) -> None:
    server.answers(part_answer(), part_answer(b"def"))
    awscrt.tells(Told(200, {"Content-Length": "4"}, b"abcd"))
    wire = wire_to()

    found = [read_all(wire.get_object(**RANGE)[1]) for _ in range(3)]

    assert found == [b"abc", b"abcd", b"def"]
    assert len(awscrt.asked) == 1


def test_a_large_body_goes_directly(
    server: RawServer, awscrt: FakeAwscrt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crt, "_MOST_BODY_BYTES", 3)
    server.answers(http_answer(ETag='"e"'))

    wire_to().put_object(b"four", **KEY)

    assert awscrt.asked == []


def test_another_clock_than_this_machines_is_beyond_awscrts_signer(
    server: RawServer, awscrt: FakeAwscrt
) -> None:
    server.answers(http_answer(ETag='"e"'))
    wire = wire_to()
    wire._connection.clock.offset = timedelta(hours=3)

    wire.put_object(b"content", **KEY)

    assert awscrt.asked == []


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_variables_for_proxies_that_awscrt_would_read_keep_it_out(
    server: RawServer, awscrt: FakeAwscrt, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://proxy:3128")
    server.answers(http_answer(ETag='"e"'))

    wire_to().put_object(b"content", **KEY)  # to this very machine, without proxy

    assert awscrt.asked == []


def test_a_way_through_a_proxy_is_not_awscrts(
    server: RawServer, awscrt: FakeAwscrt, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = replace(CONFIG, endpoint_url="http://s3.example.com", plain_http="anywhere")
    monkeypatch.setattr(places, "get_environ_proxies", lambda _: {"http": "http://proxy:1"})
    server.answers(http_answer(ETag='"e"'))

    wire_to(plain).put_object(b"content", **KEY)

    assert awscrt.asked == []


# Failures.


def test_a_refusal_is_botocores_error_and_final(awscrt: FakeAwscrt) -> None:
    headers = {"x-amz-request-id": "R"}
    awscrt.tells(Told(403, headers, error_answer(403, "AccessDenied").body))

    with pytest.raises(ClientError) as caught:
        wire_to().put_object(b"x", **KEY)

    error = caught.value
    assert (error.operation_name, error.response["Error"]["Code"]) == ("PutObject", "AccessDenied")
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert error.response["ResponseMetadata"]["RequestId"] == "R"


def test_a_refusal_without_words_is_told_by_its_status(awscrt: FakeAwscrt) -> None:
    awscrt.tells(Told(412))

    with pytest.raises(ClientError) as caught:
        wire_to().put_object(b"x", **KEY)

    assert caught.value.response["Error"]["Code"] == "412"


@pytest.mark.parametrize(
    "failure",
    [
        awscrt_error("AWS_ERROR_S3_SLOW_DOWN"),
        awscrt_error("AWS_ERROR_S3_INTERNAL_ERROR"),
        awscrt_error("AWS_ERROR_S3_REQUEST_TIME_TOO_SKEWED"),
        awscrt_error("AWS_ERROR_HTTP_CONNECTION_CLOSED"),
        Told(429),
    ],
    ids=str,
)
def test_the_second_attempt_is_a_direct_one(
    server: RawServer, awscrt: FakeAwscrt, slept: list[float], failure: Told | Exception
) -> None:
    awscrt.tells(failure)
    server.answers(http_answer(ETag='"e"'))

    told = wire_to().put_object(b"content", **KEY)

    assert told["ResponseMetadata"]["RetryAttempts"] == 1
    assert (len(slept), server.connections) == (1, 1)
    assert server.heard().endswith(b"\r\n\r\ncontent")


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "4"}], ids=["none", "another"])
def test_a_body_that_has_not_the_length_it_was_told_to_have_is_asked_for_directly(
    server: RawServer, awscrt: FakeAwscrt, slept: list[float], headers: dict[str, str]
) -> None:
    server.answers(part_answer(), part_answer(b"xyz"))
    awscrt.tells(Told(206, headers, b"abc"))
    wire = wire_to()
    read_all(wire.get_object(**RANGE)[1])

    assert read_all(wire.get_object(**RANGE)[1]) == b"xyz"


def test_what_takes_too_long_is_cancelled_and_awscrt_left_out_for_a_while(
    server: RawServer, awscrt: FakeAwscrt, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    awscrt.tells(Future(), Told(200))
    server.answers(*[http_answer(Connection="close")] * 2)
    wire = wire_to()
    wire._limit_seconds = 0.001

    for _ in range(2):
        wire.put_object(b"content", **KEY)
    asked_at_first = len(awscrt.asked)
    later = time.monotonic() + 301
    monkeypatch.setattr(time, "monotonic", lambda: later)
    wire.put_object(b"content", **KEY)

    assert awscrt.requests[0].is_cancelled
    assert (asked_at_first, len(awscrt.asked)) == (1, 2)


def test_ctrl_c_cancels_what_is_under_way(awscrt: FakeAwscrt) -> None:
    awscrt.tells(InterruptedFuture())

    with pytest.raises(KeyboardInterrupt):
        wire_to().put_object(b"content", **KEY)

    assert awscrt.requests[0].is_cancelled


def test_keys_that_cannot_be_fetched_are_told_as_that(
    awscrt: FakeAwscrt, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = wire_to()
    assert wire.can_speak_to("unit-tests")

    def refuse() -> Any:
        raise botocore_errors.CredentialRetrievalError(provider="sso", error_msg="expired")

    monkeypatch.setattr(wire._connection.credentials, "get_frozen_credentials", refuse)

    with pytest.raises(botocore_errors.CredentialRetrievalError):
        wire.put_object(b"content", **KEY)

    assert awscrt.asked == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AWS_IO_SOCKET_CONNECTION_REFUSED", botocore_errors.EndpointConnectionError),
        ("AWS_IO_SOCKET_NO_ROUTE_TO_HOST", botocore_errors.EndpointConnectionError),
        ("AWS_IO_SOCKET_NETWORK_DOWN", botocore_errors.EndpointConnectionError),
        ("AWS_IO_SOCKET_CONNECT_ABORTED", botocore_errors.EndpointConnectionError),
        ("AWS_IO_DNS_INVALID_NAME", botocore_errors.EndpointConnectionError),
        ("AWS_IO_DNS_QUERY_FAILED", botocore_errors.EndpointConnectionError),
        ("AWS_IO_SOCKET_TIMEOUT", botocore_errors.ConnectTimeoutError),
        ("AWS_IO_TLS_NEGOTIATION_TIMEOUT", botocore_errors.ConnectTimeoutError),
        ("AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE", botocore_errors.SSLError),
        ("AWS_IO_TLS_UNKNOWN_ROOT_CERTIFICATE", botocore_errors.SSLError),
        ("AWS_ERROR_HTTP_CHANNEL_THROUGHPUT_FAILURE", botocore_errors.ReadTimeoutError),
        ("AWS_ERROR_HTTP_RESPONSE_FIRST_BYTE_TIMEOUT", botocore_errors.ReadTimeoutError),
        ("AWS_IO_SOCKET_CLOSED", botocore_errors.ConnectionClosedError),
        ("AWS_IO_BROKEN_PIPE", botocore_errors.ConnectionClosedError),
        ("AWS_ERROR_HTTP_CONNECTION_CLOSED", botocore_errors.ConnectionClosedError),
        ("AWS_ERROR_HTTP_SERVER_CLOSED", botocore_errors.ConnectionClosedError),
        ("AWS_ERROR_HTTP_PROTOCOL_ERROR", botocore_errors.HTTPClientError),
        ("AWS_ERROR_NEW_TO_US", botocore_errors.HTTPClientError),
    ],
)
def test_errors_of_awscrts_become_botocores(name: str, expected: type[Exception]) -> None:
    answer, failure = told_by(awscrt_error(name), "http://127.0.0.1:9000")

    assert answer is None
    assert type(failure) is expected
    assert name in str(failure) or "127.0.0.1" in str(failure)


def test_a_certificate_that_is_refused_is_noticed_without_awscrt_and_not_tried_again(
    server: RawServer, awscrt: FakeAwscrt
) -> None:
    server.answers(botocore_errors.SSLError(endpoint_url="https://s3", error=OSError("unknown")))

    with pytest.raises(botocore_errors.SSLError):
        wire_to(CONFIG).put_object(b"content", **KEY)

    assert awscrt.asked == []


# Forks.


def test_a_child_of_a_process_whose_awscrt_was_at_work_is_told_apart(
    awscrt: FakeAwscrt, monkeypatch: pytest.MonkeyPatch
) -> None:
    awscrt.tells(Told())
    before = was_left_by_a_fork()
    wire_to().put_object(b"", **KEY)
    at_work = was_left_by_a_fork()
    monkeypatch.setattr(os, "getpid", lambda: -1)

    assert (before, at_work, was_left_by_a_fork()) == (False, False, True)
