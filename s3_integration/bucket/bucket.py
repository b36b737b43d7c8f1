"""Bucket: what can be done to a bucket as a whole."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from s3_integration import utils
from s3_integration.aws.session import region_of
from s3_integration.bucket.create import ensure_bucket
from s3_integration.bucket.policy import RECOMMENDED, Feature, policy_document
from s3_integration.bucket.stale import abort_stale_uploads
from s3_integration.config import Settings, resolve_settings
from s3_integration.exceptions import S3ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from s3_integration.aws.session import Connection
    from s3_integration.models import StaleUploads


class Bucket:
    """One bucket; `S3Client.bucket` gives it. Making one sends nothing."""

    def __init__(
        self, name: str, connect: Callable[[], Connection], settings: Settings | None = None
    ) -> None:
        self.name = name
        self._connect = connect
        self._settings = settings

    def __repr__(self) -> str:
        return f"Bucket({self.name!r})"

    def ensure(self) -> None:
        """Create the bucket, with its protections, unless it is there.

        Raises:
            S3BucketError: it belongs to someone else, or could not be created.
            S3IntegrationError: S3 could not be asked.
        """
        ensure_bucket(self._connect(), self.name)

    def abort_stale_uploads(self, older_than: dt.timedelta, *, prefix: str = "") -> StaleUploads:
        """Abort uploads in parts that were begun longer ago than that and never finished.

        Uploads that a process of this machine is at work on are left alone. Of those on
        other machines nothing is known here: `older_than` has to be longer than any takes.

        Args:
            older_than: the least age, by S3's clock.
            prefix: what the keys begin with.

        Returns:
            What was aborted, what was left alone, and what could not be aborted; the last
            is not raised.

        Raises:
            S3ConfigError: an argument is nonsense; nothing was sent.
            S3BucketError: the bucket does not exist.
            S3AccessDeniedError: s3:ListBucketMultipartUploads is missing.
        """
        _check_age(older_than)
        _check_prefix(prefix)
        return abort_stale_uploads(self._connect(), self.name, older_than, prefix)

    def policy(
        self, features: Iterable[Feature] = RECOMMENDED, *, prefix: str = ""
    ) -> dict[str, Any]:
        """The IAM policy that lets its holder do these things to this bucket, and no other.

        It is for a user or a role: `json.dumps` makes of it what IAM takes. No request is
        made, and no credentials are needed.

        With a prefix, list_files has to name it or a longer one; S3 then says of a missing
        key what it says of a refused one (403), and uploads need create_bucket=False: the
        permission for both could not be bound to the prefix.

        Args:
            features: what is to be allowed; docs/security.md lists what each is for.
            prefix: what the keys begin with that it is for; "" for all keys.

        Raises:
            S3ConfigError: there is no such feature, or no key can begin like that.
        """
        _check_prefix(prefix)
        settings = self._settings or resolve_settings(self.name)
        encryption = settings.encryption
        return policy_document(
            self.name,
            features,
            prefix=prefix,
            region=region_of(settings),
            kms_key_id=encryption.kms_key_id if encryption else None,
        )


def _check_age(older_than: object) -> None:
    if not isinstance(older_than, dt.timedelta) or older_than < dt.timedelta(0):
        raise S3ConfigError(
            f"The argument older_than={older_than!r} cannot be used: it has to be a "
            "datetime.timedelta of no less than nothing.",
            suggestion="Give the least age, such as timedelta(days=1).",
        )


def _check_prefix(prefix: object) -> None:
    problem = utils.prefix_problem(prefix) if isinstance(prefix, str) else "it is not text"
    if problem:
        raise S3ConfigError(
            f"The argument prefix={prefix!r} cannot be used: {problem}.",
            suggestion="Give what the keys begin with, or leave it out.",
        )
