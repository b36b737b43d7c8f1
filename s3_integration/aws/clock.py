"""Signing with S3's clock where this machine's is off.

S3 refuses requests whose time differs from its own by more than 15 minutes
(RequestTimeTooSkewed). Its refusal carries its time, so the second try can be right.
"""

from __future__ import annotations

import datetime as dt
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from botocore.auth import AUTH_TYPE_MAPS, SIGV4_TIMESTAMP, S3SigV4Auth

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client as Boto3Client

TOLERANCE = dt.timedelta(minutes=15)
"""How far a request's time may be off (SigV4, "Elements of an AWS API request signature")."""

_SIGNATURE_VERSION = "s3-integration-v4"
_OFFSET = "s3_integration_clock_offset"


class ServerClock:
    """How far S3's clock is ahead of this machine's, once that is known to matter."""

    def __init__(self) -> None:
        self.offset = dt.timedelta(0)

    def install(self, client: Boto3Client) -> None:
        """Let `client` sign by this clock from the moment on that its offset is set."""
        events: Any = client.meta.events
        events.register("choose-signer.s3", self._choose_signer)

    def set_from(self, date_header: str) -> bool:
        """Take S3's time from an answer's `Date`; False where it is no date."""
        ahead = offset_of(date_header)
        if ahead is None:
            return False
        self.offset = ahead
        return True

    def _choose_signer(
        self, signature_version: str, context: dict[str, Any], **_: object
    ) -> str | None:
        # Presigning and unsigned requests have other versions and are left alone.
        if not self.offset or signature_version not in {"v4", "s3v4"}:
            return None
        context[_OFFSET] = self.offset
        return _SIGNATURE_VERSION


def offset_of(date_header: str, now: dt.datetime | None = None) -> dt.timedelta | None:
    """How far the clock that wrote `date_header` is ahead of ours; None where it is no date.

    Args:
        date_header: the value of `Date`.
        now: what our clock showed then; what it shows now when None.
    """
    try:
        server_time = parsedate_to_datetime(date_header)
    except (ValueError, OverflowError):
        return None
    if server_time.tzinfo is None:
        server_time = server_time.replace(tzinfo=dt.UTC)
    return server_time - (now or dt.datetime.now(dt.UTC))


class _ServerClockAuth(S3SigV4Auth):
    """Signature version 4 with the time of S3's clock instead of this machine's."""

    def _set_necessary_date_headers(self, request: Any) -> None:
        # The first step after botocore has put its own time into the context, and before
        # anything is computed from it.
        botocores = f"{request.context['timestamp']}+0000"
        here = dt.datetime.strptime(botocores, f"{SIGV4_TIMESTAMP}%z")
        there = here + request.context[_OFFSET]
        request.context["timestamp"] = there.strftime(SIGV4_TIMESTAMP)
        super()._set_necessary_date_headers(request)  # type: ignore[misc]  # not in the stubs


AUTH_TYPE_MAPS[_SIGNATURE_VERSION] = _ServerClockAuth
