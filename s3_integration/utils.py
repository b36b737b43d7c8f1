"""Pure rules of S3: names, keys, sizes, parts. Nothing here reads or sends anything."""

from __future__ import annotations

import re
import unicodedata
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

# Amazon S3 User Guide, "Amazon S3 multipart upload limits".
MIN_PART_SIZE_BYTES = 5 * MIB
MAX_PART_SIZE_BYTES = 5 * GIB
MAX_PARTS = 10_000
MAX_OBJECT_SIZE_BYTES = MAX_PART_SIZE_BYTES * MAX_PARTS

# Amazon S3 User Guide, "Naming Amazon S3 objects".
MAX_KEY_BYTES = 1024

# Amazon S3 User Guide, "Working with object metadata".
MAX_METADATA_BYTES = 2 * KIB

# Amazon S3 User Guide, "Categorizing your objects using tags".
MAX_TAGS = 10
MAX_TAG_NAME_CHARACTERS = 128
MAX_TAG_VALUE_CHARACTERS = 256

# Amazon S3 User Guide, "General purpose bucket naming rules".
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
# Refused even where no such address exists (999.1.1.1).
_FOUR_NUMBERS = re.compile(r"\d+\.\d+\.\d+\.\d+", re.ASCII)
_RESERVED_BUCKET_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_BUCKET_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")

# RFC 1123, section 2.1: what one label of a host name may be; a region becomes one.
_HOST_LABEL = re.compile(r"(?!-)[a-zA-Z0-9-]{1,63}(?<!-)", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII | re.IGNORECASE)
MAX_HOST_CHARACTERS = 255


class ByteRange(NamedTuple):
    """Bytes `start` up to, not including, `stop`."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        """How many bytes the range covers."""
        return self.stop - self.start


def bucket_name_problem(name: str) -> str:
    """Why S3 would refuse `name` for a bucket; "" when it would not."""
    reserved = [affix for affix in _RESERVED_BUCKET_PREFIXES if name.startswith(affix)]
    reserved += [affix for affix in _RESERVED_BUCKET_SUFFIXES if name.endswith(affix)]
    problems = {
        f"it has {len(name)} characters, S3 wants 3 to 63": not 3 <= len(name) <= 63,
        "S3 allows lower-case letters, digits, dots and hyphens, "
        "with a letter or a digit at both ends": not _BUCKET_NAME.fullmatch(name),
        "two dots may not stand side by side": ".." in name,
        "it may not look like an IP address": _FOUR_NUMBERS.fullmatch(name),
        f"names that begin or end with {''.join(reserved[:1])!r} are reserved by AWS": reserved,
    }
    return next((problem for problem, is_so in problems.items() if is_so), "")


def key_problem(key: str) -> str:
    """Why S3 cannot store anything under `key`; "" when it can."""
    if not key:
        return "it is empty"
    try:
        size_bytes = len(key.encode("utf-8"))
    except UnicodeEncodeError:
        return "it holds a lone surrogate, which UTF-8 cannot express"
    if size_bytes > MAX_KEY_BYTES:
        return f"it takes {size_bytes} bytes in UTF-8, S3 allows {MAX_KEY_BYTES}"
    return ""


def prefix_problem(prefix: str) -> str:
    """Why S3 cannot list by `prefix`; "" when it can."""
    return key_problem(prefix) if prefix else ""


def file_name_problem(name: str) -> str:
    """Why `name`, the last part of a key, cannot become a file inside a folder; "" when it can."""
    if name in {"", ".", ".."}:
        return f"its last part is {name!r}, which names no file"
    if "\0" in name:
        return "its last part holds a NUL character"
    if "\\" in name:
        return "its last part holds a backslash, which is a folder separator on Windows"
    return ""


def metadata_problem(metadata: Mapping[str, str]) -> str:
    """Why S3 would refuse the metadata of an object; "" when it would not."""
    size_bytes = sum(len(text.encode()) for pair in metadata.items() for text in pair)
    if size_bytes > MAX_METADATA_BYTES:
        return f"it takes {size_bytes} bytes, S3 allows {MAX_METADATA_BYTES}"
    # S3 keeps names in lower case (User Guide, "User-defined object metadata").
    spellings: dict[str, str] = {}
    for name in metadata:
        first = spellings.setdefault(name.lower(), name)
        if first != name:
            return f"{first!a} and {name!a} are one name to S3, which keeps names in lower case"
    return ""


def tags_problem(tags: Mapping[str, str]) -> str:
    """Why S3 would refuse the tags of an object; "" when it would not."""
    if len(tags) > MAX_TAGS:
        return f"there are {len(tags)} of them, S3 allows {MAX_TAGS}"
    problems = (
        _tag_problem(f"the name {name!r}", name, MAX_TAG_NAME_CHARACTERS)
        or _tag_problem(f"the value {value!r}", value, MAX_TAG_VALUE_CHARACTERS)
        or _tag_name_problem(name)
        for name, value in tags.items()
    )
    return next(filter(None, problems), "")


def _tag_problem(what: str, text: str, most: int) -> str:
    # S3 counts as Java and JavaScript do: a character beyond U+FFFF is two.
    if len(text.encode("utf-16-le", "surrogatepass")) > 2 * most:
        return f"{what} has more than {most} characters"
    wrong = [c for c in text if unicodedata.category(c)[0] not in "LNZ" and c not in "+-=._:/@"]
    return f"{what} holds {wrong[0]!r}, which no tag can" if wrong else ""


def _tag_name_problem(name: str) -> str:
    if not name:
        return "the name of one is empty"
    return "names that begin with 'aws:' are reserved" if name.lower().startswith("aws:") else ""


def region_problem(region: str) -> str:
    """Why `region` cannot be an AWS region; "" when it can."""
    if not _HOST_LABEL.fullmatch(region) or region.isdigit():
        return "a region is letters, digits and hyphens, such as 'eu-central-1'"
    return ""


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


def is_visible_ascii(text: str) -> bool:
    """Whether `text` has nothing but letters, digits and signs of ASCII: no blank, no line end."""
    return all(33 <= ord(character) <= 126 for character in text)


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
    if len(host) > MAX_HOST_CHARACTERS or not all(map(_HOST_LABEL.fullmatch, labels)):
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


def part_size_for(object_size_bytes: int, preferred_bytes: int) -> int:
    """The size of a part, so that at most 10,000 parts hold the whole object.

    The preferred size where that suffices, else the least whole number of MiB that does.
    """
    least = -(-object_size_bytes // MAX_PARTS)
    if least <= preferred_bytes:
        return preferred_bytes
    return -(-least // MIB) * MIB


def split_into_ranges(start: int, stop: int, step: int) -> Iterator[ByteRange]:
    """Cut `start` up to `stop` into ranges of `step` bytes; the last may be shorter."""
    for offset in range(start, stop, step):
        yield ByteRange(offset, min(offset + step, stop))


def backoff_seconds(attempt: int, *, base_seconds: float, jitter: float) -> float:
    """How long to wait after failed attempt number `attempt` (1 is the first).

    Exponential with full jitter (AWS Architecture Blog, "Exponential Backoff And
    Jitter"): `jitter`, between 0 and 1, says where between nothing and the whole wait.
    """
    return jitter * min(MAX_BACKOFF_SECONDS, base_seconds * 2.0 ** (attempt - 1))


MAX_BACKOFF_SECONDS = 20.0
