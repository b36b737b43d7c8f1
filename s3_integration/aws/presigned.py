"""Links that carry their own signature, so that whoever has one needs no credentials.

botocore could make them, by version 2 of the signature where nobody forbids it, and it logs
what a link consists of. Source: Amazon S3 API Reference, "Authenticating Requests: Using Query
Parameters (AWS Signature Version 4)".
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.credentials import ReadOnlyCredentials

    from s3_integration.aws.locator import Location

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Permit:
    """What a link allows, and nothing else."""

    method: Literal["GET", "PUT"]
    key: str
    seconds: int
    """How long it holds."""
    query: Mapping[str, str] = field(default_factory=dict)
    """What stands in the link itself."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What has to be sent with it, exactly so; names in lower case."""


def presigned_url(
    permit: Permit, location: Location, credentials: ReadOnlyCredentials, at: dt.datetime
) -> str:
    """The link; it is a secret.

    Args:
        permit: what it allows.
        location: where the bucket is.
        credentials: who allows it; with theirs it ends.
        at: when it begins to hold, by S3's clock.
    """
    parts = urlsplit(location.url_before_key)
    path = parts.path + quote(permit.key, safe="/~")
    headers = {"host": parts.netloc, **permit.headers}
    stamp = at.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{location.scope.region}/{location.scope.service}/aws4_request"
    query = {
        **permit.query,
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(permit.seconds),
        "X-Amz-SignedHeaders": ";".join(sorted(headers)),
    }
    if credentials.token:
        query["X-Amz-Security-Token"] = credentials.token
    pairs = sorted((_quoted(name), _quoted(text)) for name, text in query.items())
    words = "&".join(f"{name}={text}" for name, text in pairs)
    canonical = f"{permit.method}\n{path}\n{words}\n{_canonical(headers)}\nUNSIGNED-PAYLOAD"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = _signing_key(str(credentials.secret_key), scope)
    signature = _hmac(key, f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}").hex()
    return f"{parts.scheme}://{parts.netloc}{path}?{words}&X-Amz-Signature={signature}"


def _quoted(text: str) -> str:
    return quote(text, safe="~")


def _canonical(headers: Mapping[str, str]) -> str:
    """Headers and their names, sorted, with blanks in a row as one (the reference's "Trim")."""
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in sorted(headers))
    return f"{lines}\n{';'.join(sorted(headers))}"


def _signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for word in scope.split("/"):
        key = _hmac(key, word)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
