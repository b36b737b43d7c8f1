"""Links that carry their own signature."""

from __future__ import annotations

import datetime as dt
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from s3_integration.aws.locator import Location
from s3_integration.aws.presigned import Permit, presigned_url
from s3_integration.aws.signing import Scope
from s3_integration.utils import key_problem

# Amazon S3 API Reference, "Authenticating Requests: Using Query Parameters", its example.
EXAMPLE_KEYS: Final = ReadOnlyCredentials(
    "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None
)
EXAMPLE_PLACE: Final = Location("https://examplebucket.s3.amazonaws.com/", Scope("us-east-1"))
EXAMPLE_TIME: Final = dt.datetime(2013, 5, 24, tzinfo=dt.UTC)
EXAMPLE_SIGNATURE: Final = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, True).items()}


def test_a_link_is_signed_as_in_s3s_own_example() -> None:
    permit = Permit("GET", "test.txt", 86400)

    url = presigned_url(permit, EXAMPLE_PLACE, EXAMPLE_KEYS, EXAMPLE_TIME)

    assert url.startswith("https://examplebucket.s3.amazonaws.com/test.txt?")
    assert query_of(url) == {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request",
        "X-Amz-Date": "20130524T000000Z",
        "X-Amz-Expires": "86400",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": EXAMPLE_SIGNATURE,
    }


def botocores_signature(url: str, method: str, headers: dict[str, str], token: str | None) -> str:
    """What botocore would sign the same link with."""
    keys = Credentials(str(EXAMPLE_KEYS.access_key), str(EXAMPLE_KEYS.secret_key), token)
    auth = S3SigV4QueryAuth(keys, "s3", "us-east-1")
    bare = url.partition("&X-Amz-Signature=")[0]
    request = AWSRequest(method=method, url=bare, headers=headers)
    request.context["timestamp"] = "20130524T000000Z"
    canonical = auth.canonical_request(request)
    return str(auth.signature(auth.string_to_sign(request, canonical), request))


WORDS: Final = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@given(
    key=WORDS.filter(lambda key: not key_problem(key)),
    query=st.dictionaries(
        st.sampled_from(["versionId", "response-content-type", "a", "a-b"]), WORDS
    ),
    content_type=st.none() | st.text("abc/ ;=-", min_size=1).map(str.strip).filter(bool),
    token=st.none() | WORDS,
)
def test_a_link_is_signed_as_botocore_would(
    key: str, query: dict[str, str], content_type: str | None, token: str | None
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    keys = ReadOnlyCredentials(EXAMPLE_KEYS.access_key, EXAMPLE_KEYS.secret_key, token)

    url = presigned_url(Permit("PUT", key, 900, query, headers), EXAMPLE_PLACE, keys, EXAMPLE_TIME)

    assert query_of(url)["X-Amz-Signature"] == botocores_signature(url, "PUT", headers, token)
    assert query_of(url).items() >= query.items()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"method": "PUT"}, "host"),
        ({"key": "another.txt"}, "host"),
        ({"seconds": 86401}, "host"),
        ({"query": {"versionId": "1"}}, "host"),
        ({"headers": {"content-type": "text/plain"}}, "content-type;host"),
    ],
)
def test_whatever_a_link_allows_is_part_of_its_signature(
    change: dict[str, object], named: str
) -> None:
    permit = Permit(**({"method": "GET", "key": "test.txt", "seconds": 86400} | change))  # type: ignore[arg-type]  # fields by their names

    query = query_of(presigned_url(permit, EXAMPLE_PLACE, EXAMPLE_KEYS, EXAMPLE_TIME))

    assert query["X-Amz-Signature"] != EXAMPLE_SIGNATURE
    assert query["X-Amz-SignedHeaders"] == named
