"""What a proxy says when it leads nobody to S3."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.exceptions import ProxyConnectionError

_REFUSAL = re.compile(r"Tunnel connection failed: ([1-5]\d\d)")
"""The words of `http.client`, which keeps the status nowhere else."""


def refusal_status(error: ProxyConnectionError) -> int:
    """The status by which a proxy refused to lead on; 0 where it did not say any."""
    cause: Any = error.kwargs.get("error")
    told = getattr(cause, "original_error", cause)  # urllib3's ProxyError holds it so
    matched = _REFUSAL.match(str(told))
    return int(matched[1]) if matched else 0


def is_final(error: ProxyConnectionError) -> bool:
    """Whether the proxy would refuse the same request again."""
    return 400 <= refusal_status(error) < 500


def refusal_told(error: ProxyConnectionError) -> tuple[str, str]:
    """What the proxy did, and what can be done about it; never its user's name or password."""
    status = refusal_status(error)
    _, _, host = str(error.kwargs.get("proxy_url", "")).rpartition("@")
    phrase = f" {HTTPStatus(status).phrase}" if status in set(HTTPStatus) else ""
    why = f"the proxy {host.rpartition('//')[2]!r} refused to lead there (HTTP {status}{phrase})"
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return why, "Put the proxy's user name and password into its URL, in HTTPS_PROXY."
    return why, "Ask who runs the proxy to let S3 through; NO_PROXY names hosts that need none."
