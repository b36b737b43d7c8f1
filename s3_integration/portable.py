"""Settings for other processes: what they shall have in common, without what is secret.

Secrets that somebody wrote into an `S3Config` go along, for there is no other place to take
them from. Those that were found around a program stay there: each process looks around itself.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from s3_integration.checks import CREDENTIAL_FIELDS
from s3_integration.config import S3Config, choose_identity, encryption_around
from s3_integration.exceptions import S3ConfigError
from s3_integration.surroundings import Surroundings, read_dotenv

if TYPE_CHECKING:
    from collections.abc import Mapping

    from s3_integration.config import Settings
    from s3_integration.encryption import Encryption


@dataclass(frozen=True, slots=True)
class PortableSettings:
    """Settings that can be pickled, and settled by the process that is to use them."""

    settings: Settings
    """With credentials and a profile only if the caller gave them."""
    identity: Literal["given", "around"]
    """Where the process is to take credentials from: these settings, or its surroundings."""
    customer_key_digest: str = ""
    """SHA-256 of the key for SSE-C that the process has to find around itself, in base 16."""

    @classmethod
    def of(cls, settings: Settings, config: S3Config | None) -> PortableSettings:
        """Leave out of `settings` what is secret and not in the caller's `config`."""
        said = config or S3Config()
        is_given = any(getattr(said, name) for name in (*CREDENTIAL_FIELDS, "profile_name"))
        if not is_given:
            settings = dataclasses.replace(settings, credentials=None, profile_name=None)
        digest = ""
        if said.encryption is None and (digest := _digest(settings.encryption)):
            settings = dataclasses.replace(settings, encryption=None)
        return cls(settings, "given" if is_given else "around", digest)

    def settled(
        self,
        *,
        environment: Mapping[str, str] | None = None,
        dotenv: Mapping[str, str] | None = None,
    ) -> Settings:
        """Every setting decided, for this process.

        Args:
            environment: variables of the process; `os.environ` when None.
            dotenv: variables of the `.env` file; the working folder's when None.

        Raises:
            S3ConfigError: something around this process is nonsense, or it has not the key
                that the caller encrypts with.
        """
        around = Surroundings(
            os.environ if environment is None else environment,
            read_dotenv(Path()) if dotenv is None else dotenv,
        )
        settings = self.settings
        if self.identity == "around":
            credentials, profile_name = choose_identity(S3Config(), around)
            settings = dataclasses.replace(
                settings, credentials=credentials, profile_name=profile_name
            )
        if self.customer_key_digest:
            settings = dataclasses.replace(settings, encryption=self._encryption(around))
        return settings

    def _encryption(self, around: Surroundings) -> Encryption | None:
        found = encryption_around(around)
        if _digest(found) == self.customer_key_digest:
            return found
        raise S3ConfigError(
            "This process has not the customer key that the caller encrypts with.",
            suggestion="Set S3_INTEGRATION_CUSTOMER_KEY alike in all processes, or hand the key "
            "over in an S3Config.",
        )


def _digest(encryption: Encryption | None) -> str:
    """What tells a customer key from others, and nothing of what it is: it is 32 random bytes."""
    key = encryption.customer_key if encryption else None
    return hashlib.sha256(key).hexdigest() if key else ""
