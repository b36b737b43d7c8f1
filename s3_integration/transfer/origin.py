"""Where requests go, and how a connection to there is opened: proxies and TLS."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from botocore import exceptions as botocore_errors
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProxyError
from urllib3.exceptions import SSLError as Urllib3SSLError
from urllib3.util import make_headers, parse_url

if TYPE_CHECKING:
    import socket

    from s3_integration.aws.pace import Limits


@dataclass(frozen=True, slots=True)
class Origin:
    """Where requests go, and by which way."""

    scheme: str
    host: str
    port: int
    proxy_url: str | None = None
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
    except NewConnectionError as error:  # first, since to urllib3 it is a ConnectTimeoutError
        raise botocore_errors.EndpointConnectionError(
            endpoint_url=origin.url, error=error
        ) from error
    except ConnectTimeoutError as error:
        raise botocore_errors.ConnectTimeoutError(endpoint_url=origin.url, error=error) from error
    except ProxyError as error:
        proxy_url = parse_url(origin.proxy_url or "")._replace(auth=None).url
        raise botocore_errors.ProxyConnectionError(proxy_url=proxy_url, error=error) from error
    except (ssl.SSLError, Urllib3SSLError) as error:
        raise botocore_errors.SSLError(endpoint_url=origin.url, error=error) from error
    except (OSError, HTTPError) as error:
        raise botocore_errors.EndpointConnectionError(
            endpoint_url=origin.url, error=error
        ) from error
    return cast("socket.socket", opened.sock)


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
    opened = kind(proxy.host or "", proxy.port or 80, **settings)
    if origin.scheme == "https":
        opened.set_tunnel(origin.host, origin.port, proxy_headers(origin.proxy_url))
    return opened


def proxy_headers(proxy_url: str) -> dict[str, str]:
    """What tells a proxy who is asking (RFC 7617)."""
    auth = parse_url(proxy_url).auth
    return dict(make_headers(proxy_basic_auth=auth)) if auth else {}
