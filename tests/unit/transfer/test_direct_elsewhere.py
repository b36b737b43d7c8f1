"""The direct wire and buckets that are not where they were thought to be."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from s3_integration.aws.locator import Refusal
from s3_integration.config import S3Config
from s3_integration.transfer.direct import DirectWire
from tests.fixtures.direct_wires import LOCAL, heard_by, refusal, wire_to, without_proxies
from tests.fixtures.mock_responses import CONFIG, Answer, CannedS3
from tests.fixtures.raw_server import RawServer, http_answer

no_proxies = pytest.fixture(autouse=True)(without_proxies)

HERE = "unit-tests.s3.amazonaws.com"
THERE = "unit-tests.s3.eu-west-1.amazonaws.com"


def wire_beside(*replies: Answer, config: S3Config = CONFIG) -> tuple[DirectWire, CannedS3]:
    """A wire, and an S3 that is asked for buckets through boto3 beside it."""
    s3, wire = CannedS3(*replies), wire_to(config)
    events: Any = wire._connection.client.meta.events
    events.register("before-send.s3.HeadBucket", s3._answer)
    return wire, s3


EVIL = "https://unit-tests.s3.evil.example/"
TELLS = {"x_amz_bucket_region": "eu-west-1"}


@pytest.mark.parametrize(
    "refused",
    [
        refusal(301, "PermanentRedirect", Location=EVIL, **TELLS),
        refusal(307, "TemporaryRedirect", Location=EVIL, **TELLS),
        refusal(308, "PermanentRedirect", Location=EVIL, **TELLS),
        refusal(400, "IllegalLocationConstraintException", **TELLS),
        refusal(400, "AuthorizationHeaderMalformed").replace(
            b"<RequestId>REQ1</RequestId>", b"<Region>eu-west-1</Region> "
        ),
    ],
    ids=["301", "307", "308", "location constraint", "signed for another"],
)
def test_a_bucket_is_followed_to_the_region_that_s3_tells(
    server: RawServer, slept: list[float], refused: bytes
) -> None:
    wire, _ = wire_beside()
    taken = [http_answer(ETag=etag, Connection="close") for etag in ('"e"', '"f"')]
    server.answers(refused, *taken)

    told = [wire.put_object(b"x", Bucket="unit-tests", Key="k")["ETag"] for _ in range(2)]

    assert told == ['"e"', '"f"']
    assert [origin.host for origin in server.origins] == [HERE, THERE, THERE]
    heard = heard_by(server, 1)
    assert (heard.headers["host"], heard.content) == (THERE, b"x")
    assert "/eu-west-1/s3/aws4_request" in heard.headers["authorization"]


@pytest.mark.parametrize("status", [200, 403])
def test_a_region_that_s3_does_not_tell_is_looked_for(
    server: RawServer, slept: list[float], status: int
) -> None:
    region = {"x-amz-bucket-region": "eu-west-1"}
    wire, s3 = wire_beside(Answer(301, headers=region), Answer(status, headers=region))
    server.answers(refusal(301, "PermanentRedirect", Location=EVIL), http_answer(ETag='"e"'))

    wire.put_object(b"x", Bucket="unit-tests", Key="k")

    assert server.origins[1].host == THERE
    assert s3.methods == ["HEAD", "HEAD"]


def test_a_bucket_that_is_nowhere_else_is_looked_for_once_per_call(server: RawServer) -> None:
    wire, s3 = wire_beside(Answer(), Answer())
    server.answers(*[refusal(301, "PermanentRedirect", Location=EVIL, Connection="close")] * 2)

    for asked in (1, 2):
        with pytest.raises(ClientError, match="PermanentRedirect"):
            wire.put_object(b"x", Bucket="unit-tests", Key="k")
        assert len(s3.sent) == asked


def test_a_bucket_that_is_nowhere_is_not_searched_for_ever(
    server: RawServer, slept: list[float]
) -> None:
    wire, _ = wire_beside()
    elsewhere = {"x_amz_bucket_region": "eu-west-2"}
    server.answers(
        refusal(301, "PermanentRedirect", **TELLS), refusal(301, "PermanentRedirect", **elsewhere)
    )

    with pytest.raises(ClientError, match="PermanentRedirect"):
        wire.put_object(b"x", Bucket="unit-tests", Key="k")

    assert [origin.host for origin in server.origins] == [HERE, THERE]


def test_a_region_that_is_none_leads_nowhere(server: RawServer) -> None:
    wire, _ = wire_beside()
    server.answers(refusal(301, "PermanentRedirect", x_amz_bucket_region="evil.example/?"))

    with pytest.raises(ClientError, match="PermanentRedirect"):
        wire.put_object(b"x", Bucket="unit-tests", Key="k")

    assert server.connections == 1


def test_a_server_of_ones_own_stays_where_it_is_whatever_its_region(
    server: RawServer, slept: list[float]
) -> None:
    wire = wire_to(LOCAL)
    server.answers(refusal(301, "PermanentRedirect", Connection="close", **TELLS), http_answer())

    wire.put_object(b"x", Bucket="unit-tests", Key="k")

    heard = heard_by(server)
    assert heard.headers["host"] == "127.0.0.1:9000"
    assert "/eu-west-1/s3/aws4_request" in heard.headers["authorization"]


def test_of_many_threads_one_asks_where_the_bucket_is(
    server: RawServer, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = wire_to(CONFIG)._places
    left = found.of("unit-tests")
    refused = Refusal(301, {"x-amz-bucket-region": "eu-west-1"}, b"")

    first = found.instead_of(left, "unit-tests", refused)
    monkeypatch.setattr(found._connection.locator, "locate", None)
    others = [found.instead_of(left, "unit-tests", refused) for _ in range(2)]

    assert [first, *others] == [found.of("unit-tests")] * 3
    assert first is not left


@pytest.mark.parametrize(
    "refused",
    [
        refusal(400, "AuthorizationHeaderMalformed"),
        refusal(403, "AccessDenied", **TELLS),
    ],
    ids=["no region", "denied"],
)
def test_other_refusals_lead_nowhere(server: RawServer, refused: bytes) -> None:
    wire, s3 = wire_beside()
    server.answers(refused)

    with pytest.raises(ClientError):
        wire.put_object(b"x", Bucket="unit-tests", Key="k")

    assert (server.connections, s3.sent) == (1, [])
