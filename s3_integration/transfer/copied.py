"""What a copy within S3 keeps of its source, and whether it is one. Nothing here asks S3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from s3_integration.transfer import checksums, integrity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3_integration.aws.endpoints import EndpointProfile

CopyVerdict = Literal["same", "different", "untold"]

_HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "Metadata",
)
"""What HeadObject tells and CreateMultipartUpload wants to be told; CopyObject keeps it alone."""

_KEPT_BY_NEITHER = ("StorageClass", "WebsiteRedirectLocation")
"""API Reference, "CopyObject": without them the copy is of class STANDARD, and no redirect."""

_KMS = ("ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled")


def parameters_of_copy(
    source: Mapping[str, Any], *, encrypt_as: Literal["source", "settings or bucket"]
) -> dict[str, Any]:
    """What CopyObject has to be told so that the copy is stored as its source is.

    Args:
        source: the answer to HeadObject.
        encrypt_as: whether the source's key of KMS is to be used for the copy as well.
    """
    kept = _told(source, _KEPT_BY_NEITHER)
    if encrypt_as == "source" and str(source.get("ServerSideEncryption")).startswith("aws:kms"):
        kept |= _told(source, _KMS)
    return kept


def headers_of_copy(source: Mapping[str, Any]) -> dict[str, Any]:
    """What CreateMultipartUpload has to be told beside that."""
    return _told(source, _HEADERS)


def _told(source: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: source[name] for name in names if source.get(name)}


def verdict_on(
    source: Mapping[str, Any], copy: Mapping[str, Any], endpoint: EndpointProfile
) -> CopyVerdict:
    """Whether one object has the content of another, by what HeadObject tells of both.

    Only a difference is sure to be told: an ETag says nothing of objects that were stored in
    parts, or encrypted with a key, and few servers keep checksums.
    """
    if source.get("ContentLength") != copy.get("ContentLength"):
        return "different"
    theirs, ours = checksums.stored_checksum(source), checksums.stored_checksum(copy)
    if theirs and ours:
        return "same" if theirs == ours else "different"
    # An ETag is to be compared where that of its source is an MD5 itself.
    etag = integrity.unquoted(source.get("ETag"))
    if "-" in etag or integrity.etag_verdict(etag, source, endpoint) != "same":
        return "untold"
    verdict = integrity.etag_verdict(etag, copy, endpoint)
    return "untold" if verdict == "doubtful" else verdict
