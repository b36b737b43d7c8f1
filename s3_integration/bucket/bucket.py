"""Bucket: what can be done to a bucket as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3_integration.aws.session import region_of
from s3_integration.bucket.arguments import (
    check_account,
    check_age,
    check_days,
    check_kms_key,
    check_logging_bucket,
    check_prefix,
)
from s3_integration.bucket.create import ensure_bucket
from s3_integration.bucket.policy import RECOMMENDED, Feature, policy_document
from s3_integration.bucket.secure import Choices, audit_bucket, secure_bucket
from s3_integration.bucket.stale import abort_stale_uploads
from s3_integration.config import Settings, resolve_settings

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable

    from s3_integration.aws.session import Connection
    from s3_integration.bucket.findings import AuditReport, SecureReport
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

    def ensure(self) -> bool:
        """Create the bucket, with its protections, unless it is there.

        Returns:
            True: it was created. False: it was there, and stays as it is.

        Raises:
            S3BucketError: it belongs to someone else, or could not be created.
            S3IntegrationError: S3 could not be asked.
        """
        return ensure_bucket(self._connect(), self.name)

    def audit(self, *, expected_owner: str | None = None) -> AuditReport:
        """Read the bucket's settings and say how each of its controls stands.

        It changes nothing. A setting that these credentials may not read, or that the server
        does not have, is a finding, not an error.

        Args:
            expected_owner: the number of the AWS account that has to own the bucket; where
                another does, nothing is read.

        Raises:
            S3ConfigError: an argument is nonsense; nothing was sent.
            S3BucketError: the bucket does not exist, or belongs to someone else.
            S3IntegrationError: S3 could not be asked.
        """
        check_account(expected_owner)
        return audit_bucket(self._connect(), self.name, expected_owner)

    def secure(
        self,
        *,
        logging_bucket: str | None = None,
        kms_key: str | None = None,
        expire_old_versions_after_days: int | None = None,
        expected_owner: str | None = None,
        dry_run: bool = False,
    ) -> SecureReport:
        """Set what `audit` finds missing, and read it back.

        Policy statements, lifecycle rules and everything else that is not the package's own
        stay. A second call sends no write. What could not be set is in the report, not raised.

        Args:
            logging_bucket: where access logs go; made, with its own protections, where it is
                missing, and opened for them by one more policy statement where it is there.
            kms_key: id, ARN or alias of a KMS key to encrypt new objects with; without it,
                a bucket's own choice stays, and one that has none gets AES-256.
            expire_old_versions_after_days: delete versions so long after they were replaced
                or deleted; without it, none is ever deleted.
            expected_owner: the number of the AWS account that has to own the bucket; on AWS,
                the credentials' own account unless it is given.
            dry_run: only say what would be set.

        Raises:
            S3ConfigError: an argument is nonsense; nothing was sent.
            S3BucketError: the bucket does not exist, or belongs to another account.
            S3IntegrationError: S3 or AWS STS could not be asked.
        """
        check_account(expected_owner)
        check_logging_bucket(logging_bucket, self.name)
        check_kms_key(kms_key)
        check_days(expire_old_versions_after_days)
        choices = Choices(
            logging_bucket=logging_bucket,
            kms_key=kms_key,
            expire_old_versions_after_days=expire_old_versions_after_days,
            expected_owner=expected_owner,
            dry_run=dry_run,
        )
        return secure_bucket(self._connect(), self.name, choices)

    def abort_stale_uploads(
        self, older_than: dt.timedelta, *, prefix: str = "", dry_run: bool = False
    ) -> StaleUploads:
        """Abort uploads in parts that were begun longer ago than that and never finished.

        Uploads that a process of this machine is at work on are left alone. Of those on
        other machines nothing is known here: `older_than` has to be longer than any takes.

        Args:
            older_than: the least age, by S3's clock.
            prefix: what the keys begin with.
            dry_run: only say what would be aborted.

        Returns:
            What was aborted (in a dry run: what would be), what was left alone, and what
            could not be aborted; the last is not raised.

        Raises:
            S3ConfigError: an argument is nonsense; nothing was sent.
            S3BucketError: the bucket does not exist.
            S3AccessDeniedError: s3:ListBucketMultipartUploads is missing.
        """
        check_age(older_than)
        check_prefix(prefix)
        return abort_stale_uploads(self._connect(), self.name, older_than, prefix, dry_run=dry_run)

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
        check_prefix(prefix)
        settings = self._settings or resolve_settings(self.name)
        encryption = settings.encryption
        return policy_document(
            self.name,
            features,
            prefix=prefix,
            region=region_of(settings),
            kms_key_id=encryption.kms_key_id if encryption else None,
        )
