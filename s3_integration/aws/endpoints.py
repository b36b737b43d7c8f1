"""What is known of the servers that speak S3, where they differ in what matters here."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws")


@dataclass(frozen=True, slots=True)
class EndpointProfile:
    """How one kind of server behaves."""

    name: Literal["aws", "cloudflare r2", "unknown"]

    conditional_writes: Literal["enforced", "unproven"]
    """Whether `If-None-Match` on a write is sure to be obeyed. Servers ignore what they do
    not know: rclone's answers 200 and overwrites; Ceph 16.2 does so in versioned buckets and
    at the end of multipart uploads (measured); moto refuses as it should."""

    encryption: Literal["enforced", "unproven"]
    """Whether encryption that is asked for is sure to be done or refused. moto and rclone's
    server overlook a customer key, Ceph 16.2 and rclone's server SSE-S3 (measured)."""

    etags: Literal["md5", "md5 unless encrypted", "opaque"]
    """When an ETag is the MD5 of what was stored. On AWS that includes AES-256 encryption
    (API Reference, "Object", ETag), on other servers it need not."""

    checksums: Literal["verified", "unproven"]
    """Whether the CRC64NVME that comes with bytes is sure to be compared with them (User
    Guide, "Checking object integrity"). Ceph 16 ignores it, moto repeats it whatever it is,
    and rclone's server keeps it among the object's metadata (all measured)."""


@dataclass(slots=True)
class Learned:
    """What one server has shown of itself, where its profile leaves it open."""

    etags_when_encrypted: Literal["unknown", "md5", "opaque"] = "unknown"

    checksums: Literal["unknown", "refused", "ignored", "repeated", "believed", "verified"] = (
        "unknown"
    )
    """What it does with the CRC64NVME that comes with bytes: refuse such a request, say
    nothing of it, or repeat it. Repeated, it is `believed` or `verified` once one that is
    wrong was taken, or refused."""

    repeated_bytes: int = 0
    """Of how many bytes it has repeated the CRC64NVME while it was not known what that proves;
    about as many as there were, since threads count them at once."""

    if_match: Literal["quoted", "bare", "useless"] = "quoted"
    """How it wants an If-Match: `bare` once it refused one with quotes that held, `useless` once
    it refused one without as well."""

    encrypts: bool | None = None
    """Whether it has said that it encrypts as the settings want it; None: not asked yet."""

    said_of_encryption: str = ""
    """What it said where it does not."""

    bucket_key_missed: threading.Lock = field(default_factory=threading.Lock)
    """Locked for good by whoever is the first to tell that it says nothing of a bucket key."""

    finding_out: threading.Lock = field(default_factory=threading.Lock)
    """Held while it is asked, so that many threads ask once."""


AWS = EndpointProfile(
    "aws",
    conditional_writes="enforced",
    encryption="enforced",
    etags="md5",
    checksums="verified",
)
UNKNOWN = EndpointProfile(
    "unknown",
    conditional_writes="unproven",
    encryption="unproven",
    etags="md5 unless encrypted",
    checksums="unproven",
)

# Cloudflare R2 makes multipart ETags up (rclone, backend/s3/provider/Cloudflare.yaml).
CLOUDFLARE_R2 = EndpointProfile(
    "cloudflare r2",
    conditional_writes="enforced",
    encryption="unproven",
    etags="opaque",
    checksums="unproven",
)


def profile_of(endpoint_url: str) -> EndpointProfile:
    """The profile of the server behind `endpoint_url`, told by its host's name alone."""
    host = (urlsplit(endpoint_url).hostname or "").lower()
    if host.endswith(_AWS_DOMAINS):
        return AWS
    if host.endswith(".r2.cloudflarestorage.com"):
        return CLOUDFLARE_R2
    return UNKNOWN
