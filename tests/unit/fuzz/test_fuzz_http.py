"""What comes over a connection, whatever it is: our own error, or a value within its bounds."""

from __future__ import annotations

import datetime as dt
import math
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from hypothesis import example, given
from hypothesis import strategies as st

from s3_integration.aws.clock import offset_of
from s3_integration.aws.endpoints import AWS, CLOUDFLARE_R2, UNKNOWN
from s3_integration.aws.errors import translate
from s3_integration.aws.locator import Refusal
from s3_integration.aws.retries import Answer as Attempt
from s3_integration.aws.retries import clock_is_off, delay_seconds, may_be_expired
from s3_integration.aws.session import Way
from s3_integration.exceptions import S3IntegrationError
from s3_integration.logs import in_one_line, redact
from s3_integration.service import S3Service
from s3_integration.transfer import contact, integrity
from s3_integration.transfer.answers import Head, NonsenseError, head_of, length_of
from s3_integration.transfer.described import _moment_of
from s3_integration.transfer.direct import _parsed
from s3_integration.transfer.integrity import DamagedError
from s3_integration.utils import MAX_BACKOFF_SECONDS, ByteRange
from tests.fixtures.fuzzing import fuzzed
from tests.fixtures.mock_responses import CONFIG, Answer, CannedS3, service_to
from tests.fixtures.raw_server import LIMITS, RawServer, Script

_NAMES = [b"Content-Length", b"Connection", b"Transfer-Encoding", b"ETag", b"Date", b"Retry-After"]
_LINES = st.builds(
    lambda name, value: name + b": " + value,
    st.sampled_from(_NAMES) | st.binary(max_size=10),
    st.binary(max_size=20) | st.from_regex(rb"-?\d{1,30}", fullmatch=True),
)
_HEADS = st.binary(max_size=200) | st.builds(
    lambda status, lines: b"\r\n".join([b"HTTP/1.1 " + status + b" OK", *lines]),
    st.from_regex(rb"[0-9]{3}", fullmatch=True),
    st.lists(_LINES, max_size=6),
)


@fuzzed
@given(_HEADS)
@example(b"HTTP/1.1 200 OK\r\nETag: a\nX-Evil: 1")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000)
@example(b"HTTP/1.1 200 OK\r\nContent-Length: \xb2")
def test_a_head_is_read_or_refused(come: bytes) -> None:
    with suppress(NonsenseError):
        head = head_of(come)

        assert 100 <= head.status <= 599
        assert not any(end in value for value in head.headers.values() for end in "\r\n\0")
        assert all(name == name.lower() for name in head.headers)
        length = length_of("GET", head)
        assert length is None or length >= 0


@fuzzed
@given(
    st.integers(100, 599), st.dictionaries(st.sampled_from(["etag", "date"]), st.text(), min_size=1)
)
def test_what_is_written_as_a_head_reads_back(status: int, headers: dict[str, str]) -> None:
    told = {name: value.encode("ascii", "ignore").decode() for name, value in headers.items()}
    told = {name: "".join(c for c in value if c.isprintable()) for name, value in told.items()}
    lines = "".join(f"\r\n{name}: {value}" for name, value in told.items())

    head = head_of(f"HTTP/1.1 {status} Told{lines}".encode("ascii"))

    assert head == Head(status, {name: value.strip() for name, value in told.items()}, True)


_NUMBERS = st.integers(0, 10**19).map(str) | st.just("9" * 5000) | st.text(max_size=5)
_RANGES = st.text(max_size=40) | st.builds(
    lambda first, last, size: f"bytes {first}-{last}/{size}", _NUMBERS, _NUMBERS, _NUMBERS
)


@fuzzed
@given(_RANGES, st.integers(0, 10**6), st.integers(1, 10**6), st.sampled_from([200, 206, 304]))
@example(f"bytes 0-0/{'9' * 5000}", 0, 1, 206)
def test_a_range_is_the_one_that_was_asked_for_or_refused(
    content_range: str, start: int, size: int, status: int
) -> None:
    asked = ByteRange(start, start + size)
    answer: dict[str, object] = {
        "ETag": '"e"',
        "ContentRange": content_range,
        "ResponseMetadata": {"HTTPStatusCode": status},
    }

    with suppress(DamagedError):
        found = integrity.object_size_of(answer, asked)

        last = min(asked.stop, found) - 1
        assert content_range == f"bytes {asked.start}-{last}/{found}"


@fuzzed
@given(
    st.text(max_size=80) | st.from_regex(r'"?[0-9a-f]{32}(-\d{1,9})?"?', fullmatch=True),
    st.sampled_from([None, "AES256", "aws:kms", "?"]),
    st.sampled_from([AWS, CLOUDFLARE_R2, UNKNOWN]),
)
def test_an_etag_is_judged_whatever_it_is(etag: str, encryption: str | None, server: Any) -> None:
    answer = {"ETag": etag, "ServerSideEncryption": encryption}
    expected = "0" * 32

    verdict = integrity.etag_verdict(expected, answer, server)

    assert verdict in {"same", "different", "doubtful", "untold"}
    assert (verdict == "same") <= (etag.strip('"') == expected)
    integrity.may_have_checksum_only(answer)
    assert integrity.etag_of_parts([etag, etag]).partition("-")[2] in {"", "2"}


@fuzzed
@given(st.text(max_size=40) | st.floats().map(str) | st.integers().map(str), st.integers(1, 100))
@example("inf", 1)
@example("nan", 1)
@example("-1", 1)
@example("9" * 5000, 1)
def test_no_retry_after_makes_one_wait_for_longer_than_20_s(asked: str, attempt: int) -> None:
    answer = Attempt(503, "SlowDown", {"retry-after": asked})

    delay = delay_seconds(answer, attempt, base_seconds=1.0, jitter=1.0)

    assert math.isfinite(delay)
    assert 0 <= delay <= MAX_BACKOFF_SECONDS


_DATES = st.text(max_size=40) | st.builds(
    lambda day, month, year, hour, zone: f"Mon, {day} {month} {year} {hour}:00:00 {zone}",
    st.integers(-1, 400),
    st.sampled_from(["Jan", "Feb", "Foo"]),
    st.integers(0, 99999),
    st.integers(0, 99),
    st.sampled_from(["GMT", "+0000", "-2359", "+2359", "+9999", "-9999", ""]),
)


@fuzzed
@given(_DATES)
@example("Mon, 1 Jan 0001 00:00:00 +2359")
@example("Fri, 31 Dec 9999 23:59:59 -2359")
@example("Fri, 31 Dec 9999 23:59:59 +99999999999")
@example("1 Jan 99999999999999999999 00:00:00 GMT")
def test_a_date_is_a_time_or_none(date: str) -> None:
    ahead = offset_of(date)

    assert ahead is None or isinstance(ahead, dt.timedelta)
    answer = Attempt(403, "", {"date": date})
    assert clock_is_off(answer) in {True, False}
    assert may_be_expired(answer) in {True, False}


@fuzzed
@given(st.text(max_size=40))
@example("Fri, 31 Dec 9999 23:59:59 -0100")
@example("Mon, 01 Jan 0001 00:00:00 +0100")
@example("Fri, 31 Dec 99999999999999999999 23:59:59 GMT")
@example("Sat, 28 Nov 2026 04:00:00 -0000")
def test_the_moment_of_a_write_is_a_time_whatever_its_answer_tells(date: str) -> None:
    assert _moment_of({"Date": date}).tzinfo == dt.UTC


_XML = st.binary(max_size=200) | st.builds(
    lambda code, message, rest: (
        f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message>{rest}"
        "</Error>"
    ).encode("utf-8", "surrogatepass"),
    st.text(max_size=20) | st.sampled_from(["AccessDenied", "NoSuchKey", "SlowDown", "400", ""]),
    st.text(max_size=20),
    st.text(max_size=20) | st.sampled_from(["<Code/>", "<Error>", "<a><b/></a>"]),
)
_BOMB = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a0 "aaaaaaaaaa">%s]>
<Error><Code>&a9;</Code></Error>""" % b"".join(
    b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10)
)


@pytest.fixture(scope="module")
def asked() -> tuple[S3Service, CannedS3]:
    s3 = CannedS3()
    return service_to(s3, replace(CONFIG, total_attempts=1)), s3


@fuzzed
@given(
    _XML, st.sampled_from([300, 301, 307, 400, 403, 404, 405, 409, 412, 416, 429, 500, 501, 503])
)
@example(b"<Error><Code>a</Code><Code>b</Code></Error>", 400)
@example(b"<Error><Code><a>b</a></Code><Message/><Message/></Error>", 400)
@example(_BOMB, 400)
@example(
    b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><Error><Code>&x;</Code></Error>", 400
)
@example(b"<Error>" * 2000, 400)
def test_an_error_of_a_server_is_an_error_of_ours(
    asked: tuple[S3Service, CannedS3], body: bytes, status: int
) -> None:
    service, s3 = asked
    s3.otherwise = lambda _: Answer(status, body)

    with pytest.raises(S3IntegrationError) as caught:
        list(service.iter_files(""))

    assert caught.value.suggestion
    assert len(str(caught.value)) < 5000
    assert "root:" not in str(caught.value)


@fuzzed
@given(_XML)
@example(b"<Error><Code>a</Code><Code>b</Code></Error>")
@example(b"<Error><Code><a>b</a></Code></Error>")
@example(_BOMB)
def test_the_direct_wire_reads_errors_as_botocore_does(body: bytes) -> None:
    with suppress(ResponseParserError):
        parsed = _parsed(Refusal(400, {}, body), 1)

        error = ClientError(parsed, "GetObject")
        assert isinstance(translate(error, operation="a", bucket="b"), S3IntegrationError)


@fuzzed
@given(_HEADS | st.binary(max_size=300), st.booleans())
def test_whatever_answers_a_first_question_is_told_or_an_error(come: bytes, ends: bool) -> None:
    server, patched = RawServer(), pytest.MonkeyPatch()
    patched.setattr(contact, "connected_socket", server.connect)
    server.answers(Script(come + (b"\r\n\r\n" if ends else b""), ends=True))
    try:
        with suppress(S3IntegrationError):
            found = contact.make_contact(Way("http://a.example", "", {}, None), "b", LIMITS)

            assert len(found.body) <= 64 * 1024
            assert contact.speaks_s3(found) in {True, False}
    finally:
        patched.undo()
        server.close()


@fuzzed
@given(st.text(max_size=300), st.text(max_size=5))
@example("x-amz-security-token" * 500, ":")
@example("authorization: " * 500, "")
@example("secret_access_key='" + "a" * 10_000, "")
def test_anything_can_be_logged(text: str, more: str) -> None:
    token = "s3cr3t-canary-token"

    assert in_one_line(text).isprintable()
    assert token not in redact(f"{text} x-amz-security-token: {token}{more} ")
