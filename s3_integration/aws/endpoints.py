"""What is known of the servers that speak S3, where they differ in what matters here."""

from __future__ import annotations

from dataclasses import dataclass
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

    etags: Literal["md5", "md5 unless encrypted", "opaque"]
    """When an ETag is the MD5 of what was stored. On AWS that includes AES-256 encryption
    (API Reference, "Object", ETag), on other servers it need not."""


@dataclass(slots=True)
class Learned:
    """What one server has shown of itself, where its profile leaves it open."""

    etags_when_encrypted: Literal["unknown", "md5", "opaque"] = "unknown"


AWS = EndpointProfile("aws", conditional_writes="enforced", etags="md5")
UNKNOWN = EndpointProfile("unknown", conditional_writes="unproven", etags="md5 unless encrypted")

# Cloudflare R2 makes multipart ETags up (rclone, backend/s3/provider/Cloudflare.yaml).
CLOUDFLARE_R2 = EndpointProfile("cloudflare r2", conditional_writes="enforced", etags="opaque")


def profile_of(endpoint_url: str) -> EndpointProfile:
    """The profile of the server behind `endpoint_url`, told by its host's name alone."""
    host = (urlsplit(endpoint_url).hostname or "").lower()
    if host.endswith(_AWS_DOMAINS):
        return AWS
    if host.endswith(".r2.cloudflarestorage.com"):
        return CLOUDFLARE_R2
    return UNKNOWN
