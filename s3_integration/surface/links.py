"""Links for those who have no credentials."""

from __future__ import annotations

from s3_integration.arguments import (
    check_version_id,
    checked_disposition,
    checked_header,
    checked_key,
    checked_size,
    checked_validity,
)
from s3_integration.surface.base import ClientBase


class LinkCalls(ClientBase):
    """Calls that make presigned links. S3 is not asked; whoever has a link has what it allows."""

    def presigned_download_url(
        self,
        s3_key: str,
        *,
        expires_in_seconds: int = 900,
        version_id: str | None = None,
        file_name: str | None = None,
        content_type: str | None = None,
    ) -> str:
        """A link by which anybody can fetch a file for a while, with GET; treat it as a secret.

        A log line warns where the credentials end before the link.

        Args:
            s3_key: the file; whether it is stored is not looked at.
            expires_in_seconds: how long the link holds, at most 7 days.
            version_id: which version; the latest at the time of use when None.
            file_name: what browsers shall save it as.
            content_type: what S3 shall call its content in place of what is stored with it.

        Raises:
            S3ConfigError: an argument is nonsense, or the client has a customer key.
            S3CredentialsError: there are none.
        """
        key = checked_key(s3_key)
        seconds = checked_validity(expires_in_seconds)
        check_version_id(version_id)
        query = {
            "versionId": version_id,
            "response-content-disposition": checked_disposition(file_name),
            "response-content-type": checked_header("content_type", content_type),
        }
        told = {name: text for name, text in query.items() if text is not None}
        from s3_integration.aws.presigned import Permit  # noqa: PLC0415 - see base.py

        return self._service.get().link(Permit("GET", key, seconds, query=told))

    def presigned_upload_url(
        self,
        s3_key: str,
        *,
        expires_in_seconds: int = 900,
        content_type: str | None = None,
        size_bytes: int | None = None,
    ) -> str:
        """A link by which anybody can store a file for a while, with PUT; treat it as a secret.

        What was stored there is overwritten. The bucket has to be there. Where the client's
        settings say how to encrypt, S3's headers for that have to be sent as well. A log line
        warns where the credentials end before the link.

        Args:
            s3_key: the key; the link is for no other.
            expires_in_seconds: how long the link holds, at most 7 days.
            content_type: the Content-Type that has to be sent; any, or none, when None.
            size_bytes: the Content-Length that has to be sent; any when None.

        Raises:
            S3ConfigError: an argument is nonsense, or the client has a customer key.
            S3CredentialsError: there are none.
        """
        key = checked_key(s3_key)
        seconds = checked_validity(expires_in_seconds)
        headers = {
            "content-type": checked_header("content_type", content_type),
            "content-length": checked_size(size_bytes),
        }
        told = {name: text for name, text in headers.items() if text is not None}
        from s3_integration.aws.presigned import Permit  # noqa: PLC0415 - see base.py

        return self._service.get().link(Permit("PUT", key, seconds, headers=told))
