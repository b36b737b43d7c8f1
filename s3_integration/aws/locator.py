"""Asking botocore where it would send a request, without sending it."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from s3_integration.aws.signing import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.awsrequest import AWSPreparedRequest
    from mypy_boto3_s3.client import S3Client as Boto3Client

PROBE_KEY = "s3-integration-probe"
"""The key that is asked for; nothing is ever stored or looked for under it."""

_SCOPE = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/([^/]+)/([^/]+)/aws4_request")


class UnusualRequestError(Exception):
    """botocore would do something with this bucket that nobody else here knows."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where botocore would send a request for a bucket's object, and how it would sign it."""

    url_before_key: str
    """Ends with a slash."""
    scope: Scope


@dataclass(frozen=True, slots=True)
class Refusal:
    """What S3 said instead of doing what it was asked for."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class Locator:
    """Asks one client; it has to be there before anybody hooks the client."""

    def __init__(self, client: Boto3Client) -> None:
        self._client = client
        self._asking = threading.local()
        events: Any = client.meta.events
        # First of all handlers: botocore asks them all and takes the first one's answer.
        events.register_first("before-send.s3.HeadObject", self._take)

    def locate(self, bucket: str, refusal: Refusal | None = None) -> Location:
        """Where `bucket` is, by every setting that botocore knows.

        Args:
            bucket: the bucket.
            refusal: S3's answer to a request of our own. botocore is told it, as if the
                request had been botocore's; where it means another region, botocore goes
                there, this time and from now on.

        Raises:
            UnusualRequestError: requests for it are not signed by version 4 alone.
            BotoCoreError: botocore could not make a request.
            ClientError: the refusal means no other region.
        """
        self._asking.request = None
        self._asking.refusal = refusal
        self._asking.is_asking = True
        try:
            self._client.head_object(Bucket=bucket, Key=PROBE_KEY)
        finally:
            self._asking.is_asking = False
        return _location_of(self._asking.request)

    def _take(self, request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        """Keep the request of the thread that asks, and answer in S3's place."""
        if not getattr(self._asking, "is_asking", False):
            return None
        self._asking.request = request
        answer = self._asking.refusal or Refusal(200, {}, b"")
        self._asking.refusal = None
        headers = HTTPHeaders.from_pairs(answer.headers.items())
        return AWSResponse(request.url, answer.status, headers, _Body(answer.body))


class _Body:
    """A body, as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


def _location_of(request: AWSPreparedRequest) -> Location:
    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    signed = _SCOPE.match(headers.get("authorization", ""))
    before_key, found, query = str(request.url).partition(PROBE_KEY)
    if signed is None or not found or query:
        message = "its requests are signed or addressed in an unusual way"
        raise UnusualRequestError(message)
    return Location(before_key, Scope(signed[1], signed[2]))


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
