"""One question to an endpoint without any signature: who answers, by which TLS, at what time."""

from __future__ import annotations

import datetime as dt
import re
import ssl
import time
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore import exceptions as botocore_errors
from urllib3.util import parse_url

from s3_integration.aws.errors import translated
from s3_integration.aws.locator import UnusualRequestError
from s3_integration.exceptions import S3IntegrationError
from s3_integration.transfer.origin import DEFAULT_PORTS, Origin, connected_socket, proxy_headers
from s3_integration.transfer.places import proxy_for, tls_context

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from s3_integration.aws.pace import Limits
    from s3_integration.aws.session import Way

_MOST_BODY_BYTES = 64 * 1024
"""S3's answer to the question is far shorter; of anything longer, the beginning will do."""


@dataclass(frozen=True, slots=True)
class Tls:
    """What was agreed on, and the certificate that was shown."""

    version: str
    """Such as `TLSv1.3`."""
    issuer: str
    ends: dt.datetime | None
    """When the certificate ends to be good; None where it does not tell."""


@dataclass(frozen=True, slots=True)
class Contact:
    """What an endpoint answered to a question that nobody signed."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    """Its beginning."""
    seconds: float
    """From the first packet to the end of the answer."""
    at: dt.datetime
    """The middle of that time, by this machine's clock."""
    tls: Tls | None
    proxy: str
    """The proxy on the way, without its password; "" where there is none."""


_SPEAKS_S3 = re.compile(rb"<(ListBucketResult|Error)\b")
_HEADERS_OF_S3 = ("x-amz-request-id", "x-amz-id-2", "x-amz-bucket-region")


def speaks_s3(found: Contact) -> bool:
    """Whether an answer is one that only S3 would give."""
    is_named = any(name in found.headers for name in _HEADERS_OF_S3)
    return is_named or bool(_SPEAKS_S3.search(found.body))


def make_contact(way: Way, bucket: str, limits: Limits) -> Contact:
    """Ask for the bucket's listing without a signature; whatever is answered is an answer.

    Raises:
        S3IntegrationError: nobody answered, or not in HTTP, or with a certificate that is
            not trusted.
    """
    with translated("connect", bucket):
        try:
            return _asked(_origin_of(way), way, bucket, limits)
        except UnusualRequestError as error:
            raise S3IntegrationError(f"It was not looked at: {error}.") from error
        except HTTPException as error:
            url = way.endpoint_url
            raise botocore_errors.HTTPClientError(
                error=f"what answers at {url} does not speak HTTP ({type(error).__name__})"
            ) from error


def _origin_of(way: Way) -> Origin:
    parts = urlsplit(way.endpoint_url)
    scheme = parts.scheme
    proxy_url = proxy_for(scheme, way.endpoint_url, way.proxies)
    tls = tls_context(way.ca_bundle) if scheme == "https" else None
    return Origin(scheme, parts.hostname or "", parts.port or DEFAULT_PORTS[scheme], proxy_url, tls)


def _asked(origin: Origin, way: Way, bucket: str, limits: Limits) -> Contact:
    parts = urlsplit(way.endpoint_url)
    target = f"{origin.target_prefix}{parts.path.rstrip('/')}/{bucket}?list-type=2&max-keys=1"
    in_the_clear = bool(origin.proxy_url) and origin.scheme == "http"
    headers = proxy_headers(origin.proxy_url or "") if in_the_clear else {}
    began, at = time.monotonic(), dt.datetime.now(dt.UTC)
    opened = connected_socket(origin, limits)
    asking = HTTPConnection(origin.host, origin.port)
    with closing(asking):
        asking.sock = opened
        opened.settimeout(limits.answer_seconds)
        tls = _tls_of(opened)
        asking.request("GET", target, headers={"Host": parts.netloc, **headers})
        answer = asking.getresponse()
        body = answer.read(_MOST_BODY_BYTES)
    seconds = time.monotonic() - began
    told = {name.lower(): value for name, value in answer.getheaders()}
    middle = at + dt.timedelta(seconds=seconds / 2)
    return Contact(answer.status, told, body, seconds, middle, tls, _without_password(origin))


def _without_password(origin: Origin) -> str:
    return parse_url(origin.proxy_url)._replace(auth=None).url if origin.proxy_url else ""


def _tls_of(opened: socket.socket) -> Tls | None:
    if not isinstance(opened, ssl.SSLSocket):
        return None
    certificate: dict[str, Any] = dict(opened.getpeercert() or {})
    return tls_told(opened.version() or "", certificate)


def tls_told(version: str, certificate: Mapping[str, Any]) -> Tls:
    """What a certificate, as the standard library reads it, tells."""
    issuer = dict(pair for names in certificate.get("issuer", ()) for pair in names)
    ends = certificate.get("notAfter")
    return Tls(
        version=version,
        issuer=issuer.get("organizationName") or issuer.get("commonName") or "",
        ends=dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), dt.UTC) if ends else None,
    )
