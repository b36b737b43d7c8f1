"""Signature version 4 for the requests that carry bytes.

botocore signs everything else. Its signer works on objects that take several times as long
to make as the signature itself, which would decide the speed of small files.

Source: AWS IAM User Guide, "Create a signed AWS API request"; for S3, paths are not
normalised and the payload may stay out of the signature ("UNSIGNED-PAYLOAD").
"""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a signature holds."""

    region: str
    service: str = "s3"


class Signer:
    """Signs requests for one scope; threads may share it."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._latest: tuple[str, str, bytes] = ("", "", b"")

    def sign(
        self,
        method: str,
        path: str,
        query: str,
        headers: dict[str, str],
        credentials: ReadOnlyCredentials,
        clock_offset_seconds: float = 0.0,
    ) -> None:
        """Add date, token, payload mark and signature to `headers`.

        Args:
            method: the HTTP method.
            path: the path as it is sent, percent-encoded once.
            query: the query as it is sent, its names sorted and percent-encoded.
            headers: those that are to be signed; names in lower case.
            credentials: whose signature it is to be.
            clock_offset_seconds: how far S3's clock is ahead of this machine's.
        """
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + clock_offset_seconds))
        headers["x-amz-content-sha256"] = UNSIGNED_PAYLOAD
        headers["x-amz-date"] = stamp
        if credentials.token:
            headers["x-amz-security-token"] = credentials.token
        names = sorted(headers)
        # Spaces in a row are signed as one (the guide's "Trim").
        listed = "".join([f"{name}:{' '.join(headers[name].split())}\n" for name in names])
        signed_names = ";".join(names)
        canonical = f"{method}\n{path}\n{query}\n{listed}\n{signed_names}\n{UNSIGNED_PAYLOAD}"
        date = stamp[:8]
        scope = f"{date}/{self.scope.region}/{self.scope.service}/aws4_request"
        digest = sha256(canonical.encode()).hexdigest()
        key = self._key_of(date, str(credentials.secret_key))
        signature = hmac.digest(key, f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}".encode(), "sha256")
        headers["authorization"] = (
            f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={signed_names}, Signature={signature.hex()}"
        )

    def _key_of(self, date: str, secret: str) -> bytes:
        latest = self._latest
        if (date, secret) == latest[:2]:
            return latest[2]
        key = f"AWS4{secret}".encode()
        for word in (date, self.scope.region, self.scope.service, "aws4_request"):
            key = hmac.digest(key, word.encode(), "sha256")
        self._latest = (date, secret, key)  # in one step: other threads read it
        return key
