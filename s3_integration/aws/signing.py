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
    """Signs requests for one scope; threads may share it.

    What many requests have in common is kept, each in one tuple: other threads replace it.
    """

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._latest_key: tuple[str, str, hmac.HMAC] | None = None
        self._latest_stamp: tuple[int, str] = (0, "")
        self._orders: dict[tuple[str, ...], tuple[list[str], str]] = {}

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
        stamp = self._stamp(int(time.time() + clock_offset_seconds))
        headers["x-amz-content-sha256"] = UNSIGNED_PAYLOAD
        headers["x-amz-date"] = stamp
        if credentials.token:
            headers["x-amz-security-token"] = credentials.token
        names, signed_names = self._order(tuple(headers))
        # Spaces in a row are signed as one (the guide's "Trim").
        listed = "".join([f"{name}:{' '.join(headers[name].split())}\n" for name in names])
        canonical = f"{method}\n{path}\n{query}\n{listed}\n{signed_names}\n{UNSIGNED_PAYLOAD}"
        date = stamp[:8]
        scope = f"{date}/{self.scope.region}/{self.scope.service}/aws4_request"
        digest = sha256(canonical.encode()).hexdigest()
        key = self._key_of(date, str(credentials.secret_key))
        signature = key.copy()
        signature.update(f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}".encode())
        headers["authorization"] = (
            f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={signed_names}, Signature={signature.hexdigest()}"
        )

    def _stamp(self, second: int) -> str:
        latest, stamp = self._latest_stamp
        if latest != second:
            stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
            self._latest_stamp = (second, stamp)
        return stamp

    def _order(self, names: tuple[str, ...]) -> tuple[list[str], str]:
        """The names as they are signed: sorted, and joined."""
        order = self._orders.get(names)
        if order is None:
            in_order = sorted(names)
            order = in_order, ";".join(in_order)
            if len(self._orders) < _MOST_ORDERS:
                self._orders[names] = order
        return order

    def _key_of(self, date: str, secret: str) -> hmac.HMAC:
        latest = self._latest_key
        if latest is not None and (date, secret) == latest[:2]:
            return latest[2]
        key = f"AWS4{secret}".encode()
        for word in (date, self.scope.region, self.scope.service, "aws4_request"):
            key = hmac.digest(key, word.encode(), "sha256")
        made = hmac.new(key, digestmod="sha256")
        self._latest_key = (date, secret, made)
        return made


_MOST_ORDERS = 100
"""Sets of headers whose order is kept: users' metadata may have any names."""
