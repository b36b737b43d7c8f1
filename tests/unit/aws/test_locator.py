"""Where botocore would send a request, found out without sending one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError

from s3_integration.aws.locator import PROBE_KEY, UnusualRequestError, _location_of
from s3_integration.aws.session import connect
from s3_integration.config import resolve_settings
from tests.fixtures.mock_responses import CONFIG, Answer, CannedS3, connection_to


def locate(bucket: str, **settings: Any) -> tuple[str, str, str]:
    config = replace(CONFIG, **settings)
    connection = connect(resolve_settings(config=config, environment={}, dotenv={}))
    found = connection.locator.locate(bucket)
    return found.url_before_key, found.scope.region, found.scope.service


@pytest.mark.parametrize(
    ("bucket", "settings", "expected"),
    [
        ("unit-tests", {}, ("https://unit-tests.s3.amazonaws.com/", "us-east-1", "s3")),
        (
            "unit-tests",
            {"region": "eu-central-1"},
            ("https://unit-tests.s3.eu-central-1.amazonaws.com/", "eu-central-1", "s3"),
        ),
        (
            "with.dots",
            {"region": "eu-central-1"},
            ("https://s3.eu-central-1.amazonaws.com/with.dots/", "eu-central-1", "s3"),
        ),
        (
            "unit-tests",
            {"endpoint_url": "http://127.0.0.1:9000"},
            ("http://127.0.0.1:9000/unit-tests/", "us-east-1", "s3"),
        ),
        (
            "unit-tests",
            {"endpoint_url": "https://s3.example.com/under"},
            ("https://s3.example.com/under/unit-tests/", "us-east-1", "s3"),
        ),
    ],
    ids=["aws", "region", "dots", "endpoint", "endpoint with a path"],
)
def test_a_bucket_is_where_botocore_would_look_for_it(
    bucket: str, settings: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    assert locate(bucket, **settings) == expected


def test_an_access_point_is_found_by_its_arn() -> None:
    arn = "arn:aws:s3:us-east-1:123456789012:accesspoint/point"

    url, *scope = locate(arn)

    assert url == "https://point-123456789012.s3-accesspoint.us-east-1.amazonaws.com/"
    assert scope == ["us-east-1", "s3"]


def test_a_bucket_that_botocore_refuses_is_refused() -> None:
    with pytest.raises(BotoCoreError):
        locate("no/bucket")


def test_other_requests_still_go_out() -> None:
    s3 = CannedS3(Answer(500), Answer())
    connection = connection_to(s3)
    connection.locator.locate("unit-tests")  # the 500 that the other handler gives is not taken

    connection.client.head_object(Bucket="unit-tests", Key="k")

    assert s3.methods == [f"HEAD {PROBE_KEY}", "HEAD k"]


SIGNED = "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/s3/aws4_request, Signature=0"


@pytest.mark.parametrize(
    ("url", "authorization"),
    [
        (f"https://s3/b/{PROBE_KEY}", "AWS AKID:signature"),
        (f"https://s3/b/{PROBE_KEY}", None),
        (f"https://s3/b/{PROBE_KEY}?further=1", SIGNED),
        ("https://s3/b/elsewhere", SIGNED),
        (f"https://s3/b/{PROBE_KEY}", SIGNED.replace("HMAC", "ECDSA-P256")),
    ],
    ids=["version 2", "unsigned", "query", "no key", "version 4a"],
)
def test_a_request_of_another_kind_is_unusual(url: str, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    request = AWSRequest(method="HEAD", url=url, headers=headers).prepare()

    with pytest.raises(UnusualRequestError):
        _location_of(request)


def test_headers_may_be_bytes() -> None:
    request = AWSRequest(method="HEAD", url=f"https://s3/b/{PROBE_KEY}").prepare()
    headers: Any = request.headers
    headers["Authorization"] = SIGNED.encode()

    assert _location_of(request).url_before_key == "https://s3/b/"
