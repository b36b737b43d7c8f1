"""Where requests go, and how a connection to there is opened: proxies and TLS."""

from __future__ import annotations

import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from botocore import exceptions as botocore_errors
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProxyError
from urllib3.exceptions import SSLError as Urllib3SSLError
from urllib3.util import parse_url

from s3_integration.aws.pace import TooSlowError
from s3_integration.aws.paced import PacedTunnel
from s3_integration.aws.proxies import refusal_status

if TYPE_CHECKING:
    import socket

    from s3_integration.aws.pace import Limits


DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where requests go, and by which way."""

    scheme: str
    host: str
    port: int
    proxy_url: str | None = field(default=None, repr=False)
    """It may hold a password."""
    tls: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        """As error messages name it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def target_prefix(self) -> str:
        """What stands before the path in a request: proxies of plain http want it whole."""
        return self.url if self.proxy_url and self.scheme == "http" else ""


def connected_socket(origin: Origin, limits: Limits) -> socket.socket:
    """Connect, and agree on TLS where it is wanted.

    Raises:
        botocore's ConnectionError, or one of its kinds.
    """
    opened = _urllib3_connection(origin, limits)
    try:
        opened.connect()
    except (OSError, HTTPError, HTTPException) as error:
        opened.close()
        raise _as_botocores(error, origin) from error
    return cast("socket.socket", opened.sock)


def _as_botocores(error: Exception, origin: Origin) -> botocore_errors.BotoCoreError:
    """The error that botocore would raise."""
    if isinstance(error, ssl.SSLError | Urllib3SSLError):
        return botocore_errors.SSLError(endpoint_url=origin.url, error=error)
    through_proxy = _through_proxy(error, origin)
    if through_proxy is not None:
        return through_proxy
    # A NewConnectionError is a ConnectTimeoutError to urllib3.
    is_late = isinstance(error, ConnectTimeoutError) and not isinstance(error, NewConnectionError)
    if is_late:
        return botocore_errors.ConnectTimeoutError(endpoint_url=origin.url, error=error)
    return botocore_errors.EndpointConnectionError(endpoint_url=origin.url, error=error)


def _through_proxy(error: Exception, origin: Origin) -> botocore_errors.BotoCoreError | None:
    """The same where the proxy is to blame: it is not there, or leads nobody on."""
    if not origin.proxy_url:
        return None
    proxy_url = parse_url(origin.proxy_url)._replace(auth=None).url
    told = botocore_errors.ProxyConnectionError(proxy_url=proxy_url, error=error)
    is_unreachable = isinstance(error, ConnectTimeoutError | ProxyError | TooSlowError)
    return told if is_unreachable or refusal_status(told) else None


def _urllib3_connection(origin: Origin, limits: Limits) -> HTTPConnection:
    settings: dict[str, Any] = {
        "timeout": limits.connect_seconds,
        "socket_options": HTTPConnection.default_socket_options,
    }
    if origin.scheme == "https":
        settings["ssl_context"] = origin.tls
    kind = HTTPSConnection if origin.scheme == "https" else HTTPConnection
    if not origin.proxy_url:
        return kind(origin.host, origin.port, **settings)
    proxy = parse_url(origin.proxy_url)
    if origin.scheme != "https":
        return kind(proxy.host or "", proxy.port or 80, **settings)
    opened = _TunnelConnection(proxy.host or "", proxy.port or 80, **settings)
    opened.limits = limits
    opened.set_tunnel(origin.host, origin.port, proxy_headers(origin.proxy_url))
    return opened


class _TunnelConnection(PacedTunnel, HTTPSConnection):
    """One that a proxy leads on."""


def proxy_headers(proxy_url: str) -> dict[str, str]:
    """What tells a proxy who is asking (RFC 7617)."""
    auth = parse_url(proxy_url).auth
    if not auth:
        return {}
    # In a URL, what would end a name or a password is percent-encoded.
    who = ":".join(map(unquote, auth.split(":", 1)))
    return {"proxy-authorization": f"Basic {b64encode(who.encode()).decode()}"}
