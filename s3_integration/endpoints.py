"""Which endpoints may be spoken to. Pure rules: nothing here reads or sends anything."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from s3_integration.utils import HOST_LABEL, is_visible_ascii

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII | re.IGNORECASE)
MAX_HOST_CHARACTERS = 255


def endpoint_problem(url: str, *, plain_http_allowed: bool) -> str:
    """Why `url` may not be an S3 endpoint; "" when it may.

    Credentials and file contents go there, so it has to be https unless it is this
    very machine, and it may never be the link-local address of a metadata service.
    """
    # urlsplit drops some of the others in silence: another URL would be judged than is used.
    if not is_visible_ascii(url):
        return "it holds a blank, an unprintable character or one beyond ASCII"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:  # not quoted: what looks like a port may be half a password
        return "it is not a URL, or its port is no number up to 65535"
    if parts.scheme not in {"http", "https"} or not host:
        return "it has to look like 'https://host' or 'https://host:port'"
    if "@" in parts.netloc or parts.query or parts.fragment:
        return "it may hold no user name, password, query or fragment"
    in_the_clear = parts.scheme == "http" and not (plain_http_allowed or _is_loopback(host))
    plain_http_problem = "plain http would send credentials and files in the clear"
    return _host_problem(host) or (plain_http_problem if in_the_clear else "")


_METADATA_NETWORKS = tuple(
    map(
        ip_network,
        (
            # EC2's by IPv6, in no link-local range: ::254 (EC2 User Guide); ::23 hands out
            # credentials to containers (EKS User Guide, "EKS Pod Identities").
            "fd00:ec2::/32",
            "fd20:ce::254",  # Google Cloud's by IPv6
            "fd00:c1::a9fe:a9fe",  # Oracle Cloud's by IPv6
            "fd00:42::42",  # Scaleway's by IPv6
            "192.0.0.192",  # Oracle Cloud's of old
            "100.100.100.200",  # Alibaba Cloud's
            "168.63.129.16",  # Azure's (Azure docs, "What is IP address 168.63.129.16?")
        ),
    )
)
_METADATA_NAMES = frozenset(
    {
        "instance-data",  # EC2's resolver knows it
        "instance-data.ec2.internal",
        "metadata",  # Google's resolver knows it
        "metadata.goog",
        "metadata.google.internal",
        "metadata.tencentyun.com",
    }
)
_NAT64 = (
    ip_network("64:ff9b::/96"),  # RFC 6052, section 2.1
    ip_network("64:ff9b:1::/48"),  # RFC 8215: the same within one network
)


def _host_problem(host: str) -> str:
    address = _ip_address(host)
    if address is not None:
        is_metadata = any(map(_is_metadata_address, (address, *_embedded(address))))
        return "it is an address of metadata services, as link-local ones are" * is_metadata
    labels = host.removesuffix(".").split(".")
    if ".".join(labels).lower() in _METADATA_NAMES:
        return "it is the name of a metadata service"
    # As in the URL Standard ("ends in a number checker"): resolvers take 0xA9FEA9FE, too.
    if _NUMBER.fullmatch(labels[-1]):
        return "an IP address in it has to be written as four numbers, such as 127.0.0.1"
    if len(host) > MAX_HOST_CHARACTERS or not all(
        re.fullmatch(HOST_LABEL, label) for label in labels
    ):
        return "a host name is letters, digits, hyphens and dots"
    return ""


def _is_metadata_address(address: IPv4Address | IPv6Address) -> bool:
    return address.is_link_local or any(address in network for network in _METADATA_NETWORKS)


def _embedded(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address]:
    """IPv4 addresses that packets to an IPv6 address are translated to."""
    if isinstance(address, IPv4Address):
        return
    if (
        any(address in network for network in _NAT64) or int(address) < 1 << 32
    ):  # the second: RFC 4291, section 2.5.5.1
        yield IPv4Address(int(address) & 0xFFFFFFFF)
    if address.sixtofour is not None:
        yield address.sixtofour


def is_loopback_url(url: str) -> bool:
    """Whether `url`, which has to be a good one, leads to this very machine."""
    return _is_loopback(urlsplit(url).hostname or "")


def _is_loopback(host: str) -> bool:
    address = _ip_address(host)
    return host == "localhost" if address is None else address.is_loopback


def _ip_address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
