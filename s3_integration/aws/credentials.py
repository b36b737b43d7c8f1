"""Who is asking: finding credentials in time, renewing them, telling where was looked."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any

from botocore.credentials import Credentials, ReadOnlyCredentials, create_credential_resolver
from botocore.exceptions import BotoCoreError

from s3_integration.aws.codes import SEE_DOCTOR
from s3_integration.checks import CREDENTIAL_FIELDS
from s3_integration.exceptions import S3CredentialsError
from s3_integration.logs import redact, remember_secret
from s3_integration.overrides import override
from s3_integration.surroundings import keys_file, warn_of_exposed
from s3_integration.utils import is_visible_ascii

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Mapping

    from botocore.session import Session as BotocoreSession

    from s3_integration.config import Settings, StaticCredentials

_METADATA_LIMITS = {"metadata_service_timeout": 1, "metadata_service_num_attempts": 2}
"""Seconds and tries at the instance metadata service: it lies on the same host and answers
in milliseconds. botocore's single try loses the first request of a busy instance; more of
both would let a laptop wait for a service that it does not have."""

_CONTAINER_LIMITS = {"TIMEOUT_SECONDS": 1.5, "RETRY_ATTEMPTS": 2, "SLEEP_TIME": 0.2}
"""The same for the container's service, which botocore would wait 9 s for."""


class RenewableCredentials(Credentials):
    """Credentials that can be looked for again when S3 says that they have expired.

    botocore refreshes what it knows to expire. This is for the rest: a file that another
    program rewrites, or a server that revokes early.
    """

    def __init__(self, load: Callable[[], Credentials]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._found = load()
        self._remembered: ReadOnlyCredentials | None = None
        frozen: Any = self.get_frozen_credentials()
        super().__init__(frozen.access_key, frozen.secret_key, frozen.token, self._found.method)

    @override
    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        try:
            frozen = self._found.get_frozen_credentials()
        except BotoCoreError:
            raise
        except Exception as error:
            raise _untold_failure(error) from error
        if frozen != self._remembered:  # every request asks for them
            _check_for_headers(frozen)
            remember_secret(frozen.secret_key)
            remember_secret(frozen.token)
            self._remembered = frozen
        return frozen

    @property
    def expires_at(self) -> dt.datetime | None:
        """When those of now end; None where that is not known, or never."""
        expiry: dt.datetime | None = getattr(self._found, "_expiry_time", None)
        return expiry

    def renew(self, refused_key_id: str) -> bool:
        """Look for others than those that S3 refused; True where there are some.

        Of several threads that were refused at once, the first looks for all.
        """
        with self._lock:
            before = self.get_frozen_credentials()
            if before.access_key == refused_key_id:
                self._found = self._load()
            after = self.get_frozen_credentials()
            return after.access_key != refused_key_id or bool(after != before)


class CredentialFinder:
    """botocore's `credential_provider` of one session: what was given, else its own chain."""

    def __init__(self, settings: Settings, session: BotocoreSession) -> None:
        self._settings = settings
        self._session = session
        for name, value in _METADATA_LIMITS.items():
            if name.upper() not in {key.removeprefix("AWS_") for key in os.environ}:
                session.set_config_variable(name, value)

    def load_credentials(self) -> RenewableCredentials:
        """Find credentials, within seconds.

        Raises:
            S3CredentialsError: there are none; it lists where was looked.
        """
        return RenewableCredentials(self._find)

    def _find(self) -> Credentials:
        given = self._settings.credentials
        if given is not None:
            return _from_settings(given)
        with _failures_translated():
            resolver = create_credential_resolver(self._session)
            container: Any = resolver.get_provider("container-role")
            vars(container._fetcher).update(_CONTAINER_LIMITS)  # noqa: SLF001 - no setting for it
            found = resolver.load_credentials()
        if found is None:
            raise no_credentials(self._settings.profile_name, os.environ)
        if found.method == "shared-credentials-file":
            warn_of_exposed(keys_file(os.environ))
        return found


def _check_for_headers(found: ReadOnlyCredentials) -> None:
    """Refuse what could end a header and begin another: programs and services may send it."""
    words = (found.access_key, found.secret_key, found.token)
    for name, word in zip(CREDENTIAL_FIELDS, words, strict=True):
        if not is_visible_ascii(word or ""):
            raise S3CredentialsError(
                f"The credentials that were found cannot be used: their {name} holds a blank or "
                "an unprintable character.",
                suggestion=f"Check the profile, role or program that they come from.{SEE_DOCTOR}",
            )


@contextlib.contextmanager
def _failures_translated() -> Iterator[None]:
    """Raise what botocore's providers let through unnamed as an `S3CredentialsError`."""
    try:
        yield
    except BotoCoreError:
        raise
    except Exception as error:
        raise _untold_failure(error) from error


def _untold_failure(error: Exception) -> S3CredentialsError:
    """What botocore's providers let through unnamed, as an error of ours.

    Their own failures are translated with all the others; these are answers of other
    services than S3 (STS, SSO), and nonsense or nothing from a file or a program.
    """
    # A RuntimeError for one, where a refresh brings expired ones.
    said = redact(str(error)).rstrip(".") or type(error).__name__
    answer: Any = getattr(error, "response", {})
    code = str(answer.get("Error", {}).get("Code", ""))
    return S3CredentialsError(
        f"The AWS credentials could not be fetched: {said}.",
        code=code,
        suggestion=f"Check the profile, role or program that they come from.{SEE_DOCTOR}",
    )


def _from_settings(given: StaticCredentials) -> Credentials:
    return Credentials(
        given.access_key_id, given.secret_access_key, given.session_token, method=given.origin
    )


def no_credentials(profile_name: str | None, environment: Mapping[str, str]) -> S3CredentialsError:
    """The error for finding none, with every place that was looked at."""
    places = "; ".join(where_looked(profile_name, environment))
    return S3CredentialsError(
        f"No AWS credentials were found. Looked at: {places}.",
        suggestion=(
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile of "
            f"~/.aws/credentials in AWS_PROFILE, or run where an IAM role is attached.{SEE_DOCTOR}"
        ),
    )


def where_looked(profile_name: str | None, environment: Mapping[str, str]) -> list[str]:
    """The places of the search in its order, each with what was found wanting."""
    told = _places(profile_name, environment)
    return [f"{place} ({wanting})" if wanting else place for place, wanting in told]


def looked_at_before(
    source: str, profile_name: str | None, environment: Mapping[str, str]
) -> list[str]:
    """The places that were looked at in vain before the one where credentials were found.

    Args:
        source: `Credentials.method` of those that were found.
        profile_name: the profile of the settings.
        environment: variables of the process.
    """
    places = [place for place, _ in _places(profile_name, environment)]
    return places[: _PLACE_OF.get(source, _PROFILE_PLACE)]


_PROFILE_PLACE = 3
_PLACE_OF = {
    "the settings": 0,
    "the environment": 1,
    "env": 1,
    "the .env file": 2,
    "container-role": 4,
    "iam-role": 5,
}
"""Where in the search each source stands; all that is not named here comes by a profile."""


def _places(profile_name: str | None, environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each place of the search, and what was found wanting there if nothing was found."""
    credentials_file = environment.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")
    config_file = environment.get("AWS_CONFIG_FILE", "~/.aws/config")
    profile = profile_name or "default"
    container = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") or environment.get(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI"
    )
    switched_off = environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
    return [
        ("the settings (access_key_id, profile_name)", ""),
        ("the environment (AWS_ACCESS_KEY_ID, AWS_PROFILE)", ""),
        ("the .env file of the working folder", ""),
        (f"profile {profile!r} in {credentials_file} and {config_file}", ""),
        ("the container role", "no answer" if container else "not in a container with one"),
        (
            "the instance role",
            "switched off by AWS_EC2_METADATA_DISABLED" if switched_off else "no answer",
        ),
    ]
