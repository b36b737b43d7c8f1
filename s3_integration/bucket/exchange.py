"""Reading and replacing the settings of a bucket: the one place that asks S3 about them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from s3_integration.aws.elements import note_unknown_elements, unknown_elements_of
from s3_integration.aws.errors import translated
from s3_integration.bucket.audit import finding_of
from s3_integration.bucket.mending import block_all_but_public_acls
from s3_integration.bucket.settings import (
    SETTINGS,
    Reading,
    Setting,
    SettingName,
    Snapshot,
    believable,
    reading_of,
)
from s3_integration.bucket.wanted import Wanted
from s3_integration.exceptions import (
    S3AccessDeniedError,
    S3BucketError,
    S3CredentialsError,
    S3IntegrationError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3_integration.aws.session import Connection
    from s3_integration.bucket.audit import Step
    from s3_integration.bucket.settings import Document

_READ_BACK_WAITS_SECONDS = (0.0, 0.2, 1.0, 3.0)
"""Settings of a bucket take a moment to show (User Guide, "Amazon S3 data consistency model")."""

_PROBE_KEY = ".s3_integration-write-probe"

_UNKNOWN_CODES = frozenset({"NotImplemented", "MethodNotAllowed", "UnsupportedOperation", "501"})
_BUCKET_IS_THERE = frozenset({"BucketAlreadyExists", "BucketAlreadyOwnedByYou"})


class BucketSettings:
    """The settings of one bucket at the other end of a connection.

    `owner` is the number of the account that has to own the bucket: S3 refuses every call
    where another does; "" asks for none.
    """

    def __init__(self, connection: Connection, bucket: str, owner: str = "") -> None:
        self.connection = connection
        self.bucket = bucket
        self.owner = owner
        self.named: dict[str, Any] = {"Bucket": bucket}
        if owner:
            self.named["ExpectedBucketOwner"] = owner

    def snapshot(self) -> Snapshot:
        """Read all settings; one that may not be read, or that the server has not, is noted.

        Raises:
            S3BucketError: the bucket is not there.
            S3IntegrationError: S3 could not be asked.
        """
        return Snapshot(self.bucket, believable({name: self.read(name) for name in SETTINGS}))

    def read(self, name: SettingName) -> Reading:
        """Read one setting; see `snapshot`."""
        setting = SETTINGS[name]
        try:
            return self._reading(setting)
        except S3IntegrationError as error:
            return _reading_of_error(setting, error)

    def carry_out(self, step: Step, wanted: Wanted, before: Snapshot) -> Reading | None:
        """Replace a setting; give it as it then is, or None where its controls never hold."""

        def holds(reading: Reading) -> bool:
            after = before.with_reading(step.setting, reading)
            return all(finding_of(c, after, wanted).status == "ok" for c in step.controls)

        return self.replace(step.setting, step.document, holds)

    def replace(
        self, name: SettingName, document: Document, holds: Callable[[Reading], bool]
    ) -> Reading | None:
        """Put a setting, and read it back until it holds; None where it never does."""
        self.put(name, document)
        return self._read_back(SETTINGS[name], holds)

    def _read_back(self, setting: Setting, holds: Callable[[Reading], bool]) -> Reading | None:
        for wait_seconds in _READ_BACK_WAITS_SECONDS:
            time.sleep(wait_seconds)
            try:
                reading = self._reading(setting)
            except S3IntegrationError as error:
                if error.http_status != 404 or wait_seconds == _READ_BACK_WAITS_SECONDS[-1]:
                    raise
                continue  # it does not even show as not set
            if holds(reading):
                return reading
        return None

    def soften_public_access(self, document: Document) -> None:
        """Let public ACLs be set again; see `mending.block_all_but_public_acls`."""
        self.put("public access block", block_all_but_public_acls(document))

    def can_write(self) -> bool:
        """Whether an object can be stored; what was stored for that is removed again.

        Ceph 16 answers 403 to every PUT of an object, its owner's too, once public ACLs are
        blocked (measured with 16.2.15).
        """
        client = self.connection.client
        probe = {**self.named, "Key": _PROBE_KEY}
        try:
            with translated("PutObject", self.bucket, _PROBE_KEY):
                stored = client.put_object(**probe, Body=b"")
                if stored.get("VersionId"):  # else a marker would stay, and the probe below it
                    probe["VersionId"] = stored["VersionId"]
                client.delete_object(**probe)
        except S3AccessDeniedError:
            return False
        return True

    def _reading(self, setting: Setting) -> Reading:
        client = self.connection.client
        note_unknown_elements(client, setting.read_operation)
        with translated(setting.read_operation, self.bucket):
            answer = self._answer(setting)
        unknown = unknown_elements_of(answer)
        return replace(reading_of(setting, answer), unknown=unknown)

    def _answer(self, setting: Setting) -> dict[str, Any]:
        try:
            return cast(
                "dict[str, Any]", getattr(self.connection.client, setting.read_by)(**self.named)
            )
        except UnicodeDecodeError as error:  # botocore lets it through
            raise S3IntegrationError(
                f"Cannot read the {setting.name} of bucket {self.bucket!r}: what the server "
                "answers is not text.",
                operation=setting.read_operation,
                bucket=self.bucket,
                suggestion="Check the endpoint: something else than S3 may be there.",
            ) from error

    def put(self, name: SettingName, document: Document) -> None:
        """Put a setting, and don't look what becomes of it."""
        setting = SETTINGS[name]
        arguments = setting.arguments_of(document)
        with translated(setting.set_operation, self.bucket):
            getattr(self.connection.client, setting.set_by)(**self.named, **arguments)


def wanted_of(connection: Connection, bucket: str, **choices: Any) -> Wanted:
    """What is wanted of a bucket, as far as the connection decides it; `choices` are further."""
    meta = connection.client.meta
    is_mocked = connection.hooks.is_mocked()
    encryption = connection.terms.encryption
    rule = meta.service_model.shape_for("ServerSideEncryptionRule")
    knows_blocking = "BlockedEncryptionTypes" in getattr(rule, "members", {})
    uses_customer_keys = encryption is not None and encryption.method == "SSE-C"
    is_plain_http = meta.endpoint_url.startswith("http:")
    return Wanted(
        bucket=bucket,
        partition=meta.partition,
        server="aws" if connection.endpoint.name == "aws" and not is_mocked else "other",
        plain_http="in use" if is_plain_http else "mocked" if is_mocked else "deniable",
        customer_keys=(
            "in use" if uses_customer_keys else "blockable" if knows_blocking else "unknown"
        ),
        **choices,
    )


def is_unknown_to_server(error: S3IntegrationError, connection: Connection) -> bool:
    """Whether an error says that the server has no such setting. AWS knows all.

    Ceph 16 answers InvalidArgument, others NotImplemented or MethodNotAllowed; rclone's server
    takes a PUT of any setting for one more CreateBucket.
    """
    return connection.endpoint.name != "aws" and (
        error.http_status in {400, 404, 405, 501} or error.code in _BUCKET_IS_THERE
    )


def _reading_of_error(setting: Setting, error: S3IntegrationError) -> Reading:
    """What an error says of a setting; raised where it is not about the setting."""
    if error.code in setting.unset_codes:
        return Reading("unset")
    if _is_about_everything(error):
        raise error
    if isinstance(error, S3AccessDeniedError) and error.code not in _UNKNOWN_CODES:
        return Reading(
            "refused", told="these credentials may not read it", next_step=error.suggestion
        )
    return Reading("unsupported", told=f"this server does not know it: {error.code}")


def _is_about_everything(error: S3IntegrationError) -> bool:
    """Whether the other settings could not be read either."""
    return (
        isinstance(error, S3CredentialsError)
        or error.code == "NoSuchBucket"
        or (isinstance(error, S3BucketError) and error.http_status != 404)
        or error.retryable
        or not error.http_status
    )
