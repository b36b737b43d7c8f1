"""Where buckets are, and the connections that lead there.

botocore decides both, by every setting that it knows: what a server's answer names as the
place to go to is never gone to.
"""

from __future__ import annotations

import contextlib
import logging
import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies

from s3_integration.aws.locator import UnusualRequestError
from s3_integration.aws.signing import Signer
from s3_integration.transfer.http import Connections
from s3_integration.transfer.origin import DEFAULT_PORTS, Origin, proxy_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3_integration.aws.locator import Location, Refusal
    from s3_integration.aws.pace import Limits
    from s3_integration.aws.session import Connection

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bucket is."""

    location: Location
    connections: Connections
    signer: Signer
    host: str
    """As the Host header names it."""
    path: str
    """What stands before the key, with its slash."""
    further_headers: Mapping[str, str]
    """Unsigned ones, for a proxy."""


class Places:
    """The places of one wire's buckets; threads share it."""

    def __init__(self, connection: Connection, limits: Limits) -> None:
        self._connection = connection
        self._limits = limits
        self._by_bucket: dict[str, Place] = {}
        self._by_origin: dict[tuple[str, str, int], Connections] = {}
        self._tls: ssl.SSLContext | None = None
        self._finding = threading.Lock()

    def of(self, bucket: str) -> Place:
        """Where `bucket` is.

        Raises:
            UnusualRequestError: nowhere where requests of our own lead.
            BotoCoreError: botocore could not make a request for it.
        """
        place = self._by_bucket.get(bucket)
        if place is None:
            with self._finding:
                place = self._by_bucket.get(bucket) or self._find(bucket)
                self._by_bucket[bucket] = place
        return place

    def instead_of(self, left: Place, bucket: str, refusal: Refusal) -> Place | None:
        """Where `bucket` is, now that S3 says that it is not at `left`; None: still there."""
        with self._finding:
            if self._by_bucket[bucket] is not left:
                return self._by_bucket[bucket]  # another thread has asked
            with contextlib.suppress(UnusualRequestError, BotoCoreError, ClientError):
                place = self._find(bucket, refusal)
                if place.location != left.location:
                    logger.info("bucket %r is in %s", bucket, place.location.scope.region)
                    self._by_bucket[bucket] = place
                    return place
        return None

    def _find(self, bucket: str, refusal: Refusal | None = None) -> Place:
        location = self._connection.locator.locate(bucket, refusal)
        parts = urlsplit(location.url_before_key)
        address = (parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme])
        connections = self._by_origin.get(address)
        if connections is None:
            origin = self._origin_of(*address, location.url_before_key)
            connections = self._by_origin[address] = Connections(origin, self._limits)
        proxy_url = connections.origin.proxy_url
        return Place(
            location=location,
            connections=connections,
            signer=Signer(location.scope),
            host=parts.netloc,
            path=parts.path,
            further_headers=(
                proxy_headers(proxy_url) if proxy_url and parts.scheme == "http" else {}
            ),
        )

    def _origin_of(self, scheme: str, host: str, port: int, url: str) -> Origin:
        config: Any = self._connection.client.meta.config
        proxy_url = proxy_for(scheme, url, config.proxies)
        if scheme == "https" and self._tls is None:  # one for all: each takes 10 ms and some MB
            self._tls = tls_context(self._connection.ca_bundle)
        return Origin(scheme, host, port, proxy_url, self._tls if scheme == "https" else None)


def proxy_for(scheme: str, url: str, proxies: Mapping[str, str] | None) -> str | None:
    """The proxy on the way to `url`, as botocore chooses it; None where there is none.

    Args:
        scheme: of `url`.
        url: where a request is to go.
        proxies: by scheme; None leaves them to the environment.

    Raises:
        UnusualRequestError: it is one that cannot be spoken to here.
    """
    proxy_url = (get_environ_proxies(url) if proxies is None else proxies).get(scheme)
    if proxy_url and not proxy_url.startswith("http://"):
        message = "the way there leads through a proxy that is spoken to by TLS"
        raise UnusualRequestError(message)
    return proxy_url


def tls_context(ca_bundle: str | None) -> ssl.SSLContext:
    """TLS that trusts the authorities of `ca_bundle`, else the usual ones.

    Raises:
        OSError: the file cannot be read, or holds none.
    """
    return ssl.create_default_context(cafile=str(ca_bundle or get_cert_path(verify=True)))
