"""Signature version 4 of the requests that carry bytes, compared with botocore's."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials
from hypothesis import example, given
from hypothesis import strategies as st

from s3_integration.aws.signing import UNSIGNED_PAYLOAD, Scope, Signer

NOW = datetime(2026, 2, 28, 23, 59, 58, tzinfo=UTC)

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
HEADERS = st.dictionaries(
    st.from_regex(r"x-amz-meta-[a-z0-9]{1,8}", fullmatch=True),
    st.from_regex(r"[!-~]([ -~]{0,20}[!-~])?", fullmatch=True),
    max_size=4,
)
SIGNER = Signer(Scope("eu-central-1"))
"""One for all, so that what it keeps of a request would show in another."""

QUERIES = st.dictionaries(st.sampled_from(["partNumber", "uploadId", "versionId"]), WORDS)


@pytest.fixture(autouse=True, scope="module")
def stopped_clock() -> Any:
    """Let it be `NOW` for both signers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", NOW.timestamp)
        patch.setattr("botocore.auth.get_current_datetime", lambda: NOW.replace(tzinfo=None))
        yield


def _query_of(words: dict[str, str]) -> str:
    return "&".join(f"{name}={quote(words[name], safe='~')}" for name in sorted(words))


def _botocores(
    method: str, path: str, query: str, headers: dict[str, str], token: str | None
) -> dict[str, str]:
    """What botocore adds to the same request."""
    url = f"https://{headers['host']}{path}{'?' if query else ''}{query}"
    request = AWSRequest(method=method, url=url, headers=dict(headers))
    request.context["client_config"] = None
    request.context["payload_signing_enabled"] = False
    auth: Any = S3SigV4Auth(Credentials("AKID", "secret", token), "s3", "eu-central-1")
    auth.payload = lambda _: UNSIGNED_PAYLOAD
    auth.add_auth(request)
    return {str(name).lower(): str(value) for name, value in request.headers.items()}


def _ours(
    method: str, path: str, query: str, headers: dict[str, str], token: str | None
) -> dict[str, str]:
    signed = dict(headers)
    credentials = ReadOnlyCredentials("AKID", "secret", token, None)
    SIGNER.sign(method, path, query, signed, credentials)
    return signed


@given(
    method=st.sampled_from(["PUT", "GET"]),
    key=WORDS,
    words=QUERIES,
    further=HEADERS,
    token=st.sampled_from([None, "IQoJb3JpZ2lu//token=="]),
)
@example(method="PUT", key="a", words={}, further={"x-amz-meta-a": "two  spaces"}, token=None)
@example(method="GET", key="a/../b//c", words={}, further={}, token=None)
@example(method="PUT", key="ä +&~*'()!", words={"uploadId": "a/b+c=~"}, further={}, token="t")
def test_a_signature_is_botocores(
    method: str, key: str, words: dict[str, str], further: dict[str, str], token: str | None
) -> None:
    path = "/bucket/" + quote(key, safe="/~")
    request = (method, path, _query_of(words), {"host": "s3.example.com", **further}, token)

    assert _ours(*request) == _botocores(*request)


def test_the_clock_of_s3_decides_the_date() -> None:
    headers = {"host": "s3.example.com"}
    credentials = ReadOnlyCredentials("AKID", "secret", None, None)

    Signer(Scope("eu-central-1")).sign("GET", "/k", "", headers, credentials, 2.0)

    assert headers["x-amz-date"] == "20260301T000000Z"
    assert "Credential=AKID/20260301/eu-central-1/s3/aws4_request" in headers["authorization"]


def test_a_signer_follows_the_day_and_the_secret() -> None:
    signer = Signer(Scope("eu-central-1"))

    def signature(secret: str, offset: float, by: Signer) -> str:
        headers = {"host": "s3.example.com"}
        credentials = ReadOnlyCredentials("AKID", secret, None, None)
        by.sign("GET", "/k", "", headers, credentials, offset)
        return headers["authorization"]

    turns = [("one", 0.0), ("one", 0.0), ("two", 0.0), ("two", 86400.0), ("one", 0.0)]

    by_one = [signature(*turn, signer) for turn in turns]

    assert by_one == [signature(*turn, Signer(Scope("eu-central-1"))) for turn in turns]
    assert len(set(by_one)) == 3


def test_the_date_is_of_this_machine_when_its_clock_is_right() -> None:
    headers = {"host": "s3.example.com"}
    credentials = ReadOnlyCredentials("AKID", "secret", None, None)

    Signer(Scope("us-east-1", "s3-outposts")).sign("GET", "/k", "", headers, credentials)

    assert headers["x-amz-date"] == time.strftime("%Y%m%dT%H%M%SZ", NOW.timetuple())
    assert "/us-east-1/s3-outposts/aws4_request" in headers["authorization"]
