"""Asking for a health check: each thing once, in bounded time, whatever else has failed."""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from s3_integration.aws.clock import TOLERANCE, offset_of
from s3_integration.aws.pace import limits_of
from s3_integration.aws.probes import (
    LIST_FILES,
    Identity,
    Ownership,
    Question,
    Reply,
    ask,
    is_refused_for_its_signature,
    who_asks,
    whose_bucket,
)
from s3_integration.aws.session import Way, connect, way_to_s3
from s3_integration.config import DEFAULT_REGION
from s3_integration.exceptions import S3BucketError, S3IntegrationError
from s3_integration.transfer.contact import Contact, make_contact, speaks_s3

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3_integration.aws.session import Connection
    from s3_integration.config import Settings

Value = TypeVar("Value")

CONNECT_SECONDS = 3.0
READ_SECONDS = 5.0
QUESTION_SECONDS = 10.0
"""How long one thing may take: looking names up, and services that hand out credentials, know
no limits of ours."""
ALL_SECONDS = 45.0
"""How long all of it may take; what was not asked by then is not asked."""


class NotAskedError(Exception):
    """Something could not be found out, because something else is missing."""


class Once(Generic[Value]):
    """A thing that is found out once, or fails once, however often it is wanted."""

    def __init__(
        self, find: Callable[[], Value], ends_at: float, after: tuple[Once[Any], ...] = ()
    ) -> None:
        self._find = find
        self._ends_at = ends_at
        self._after = after
        self._found: list[Value] = []
        self._failure: Exception | None = None

    def get(self) -> Value:
        """What was found.

        Raises:
            S3IntegrationError: it could not be found out, or not in time.
            NotAskedError: there was no time left to begin, or something else is missing.
        """
        self.settle()
        if self._failure is not None:
            raise self._failure
        return self._found[0]

    @property
    def failure(self) -> Exception | None:
        """Why it could not be found out; None where it was."""
        self.settle()
        return self._failure

    def settle(self) -> None:
        """Find it out now, whatever comes of it."""
        if not self._found and self._failure is None:
            self._find_in_time()

    def _find_in_time(self) -> None:
        for other in self._after:  # each has a time of its own
            other.settle()
        limit = min(QUESTION_SECONDS, self._ends_at - time.monotonic())
        if limit <= 0:
            self._failure = NotAskedError("the time for all checks was up")
            return
        # A thread, since neither resolvers nor botocore's providers can be broken off.
        asking = threading.Thread(target=self._find_out, daemon=True, name="s3_integration-doctor")
        asking.start()
        asking.join(limit)
        if not self._found and self._failure is None:
            self._failure = S3IntegrationError(
                f"No answer within {limit:.0f} s.",
                suggestion="Check the network, the endpoint and any proxy settings.",
                retryable=True,
            )

    def _find_out(self) -> None:
        try:
            self._found.append(self._find())
        except Exception as error:  # noqa: BLE001 - raised again by whoever wants to know
            self._failure = error


class Visit:
    """What is found out in the course of one health check."""

    def __init__(self, resolve: Callable[[], Settings], *, may_create: bool) -> None:
        self._ends_at = time.monotonic() + ALL_SECONDS
        self._replies: dict[str, Once[Reply]] = {}
        self._identity: Once[Identity] | None = None
        self.may_create = may_create
        self.settings = self.once(lambda: _hasty(resolve()))
        self.way = self.once(lambda: way_to_s3(self.settings.get()), self.settings)
        self.contact = self.once(self._make_contact, self.way)
        self.connection = self.once(self._connect, self.contact)

    def once(self, find: Callable[[], Value], *after: Once[Any]) -> Once[Value]:
        """A thing to find out within the time of this visit, after others that it needs."""
        return Once(find, self._ends_at, after)

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.settings.get().bucket_name

    def likely_way(self) -> Way:
        """Where requests go; where the config file cannot be read, where they would without."""
        if self.way.failure is None:
            return self.way.get()
        self._need(self.settings, "the settings cannot be used")
        settings = self.settings.get()
        region = settings.region or DEFAULT_REGION
        url = settings.endpoint_url or f"https://s3.{region}.amazonaws.com"
        return Way(url, region, None, settings.ca_bundle)

    def reached(self) -> Contact:
        """What the endpoint answered.

        Raises:
            NotAskedError: nothing.
        """
        self._need(self.contact, "S3 could not be reached")
        return self.contact.get()

    def need_connection(self) -> Connection:
        """The connection, whether S3 listens or not.

        Raises:
            NotAskedError: there is none, for want of credentials or good settings.
        """
        self._need(self.connection, "there are no credentials that could be used")
        return self.connection.get()

    def signed(self) -> Connection:
        """The connection, if S3 listens to what it signs.

        Raises:
            NotAskedError: it does not, for a reason that is told elsewhere.
        """
        if is_refused_for_its_signature(self.reply(LIST_FILES).error):
            raise NotAskedError("S3 does not accept the credentials")
        return self.connection.get()

    def existing_bucket(self) -> Connection:
        """The same, if the bucket is there.

        Raises:
            NotAskedError: it is not, or S3 does not listen.
        """
        connection = self.signed()
        error = self.reply(LIST_FILES).error
        if isinstance(error, S3BucketError):
            missing = error.http_status == 404
            raise NotAskedError(
                "the bucket does not exist" if missing else "the bucket cannot be used"
            )
        return connection

    def identity(self) -> Identity:
        """Who asks.

        Raises:
            S3IntegrationError: nobody told.
        """
        return self._known_identity().get()

    def ownership(self) -> Ownership:
        """Whose the bucket is, as far as that can be found out."""
        connection, identity = self.signed(), self._known_identity()
        asking = self.once(lambda: whose_bucket(connection, self.bucket, identity.get()), identity)
        return asking.get() if asking.failure is None else "unknown"

    def _known_identity(self) -> Once[Identity]:
        if self._identity is None:
            connection = self.signed()
            self._identity = self.once(lambda: who_asks(connection, self.bucket))
        return self._identity

    def reply(self, question: Question) -> Reply:
        """S3's reply to a question, signed.

        Raises:
            NotAskedError: it could not be asked, or did not answer in time.
        """
        is_mocked = self.way.failure is None and self.way.get().is_mocked
        if not is_mocked and not speaks_s3(self.reached()):
            raise NotAskedError("what answers is not S3")
        connection = self.need_connection()
        known = self._replies.setdefault(
            question.name, self.once(lambda: ask(connection, self.bucket, question))
        )
        return known.get()

    def _make_contact(self) -> Contact:
        way = self.likely_way()
        if way.is_mocked:
            raise NotAskedError("moto answers in S3's place")
        return make_contact(way, self.bucket, limits_of(self.settings.get()))

    def _connect(self) -> Connection:
        self._need(self.way, "the settings cannot be used")
        connection = connect(self.settings.get())
        if self.contact.failure is None:
            ahead = offset_of(self.contact.get().headers.get("date", ""))
            if ahead is not None and abs(ahead) > TOLERANCE:
                connection.clock.offset = ahead  # else S3 would refuse all that follows
        return connection

    def _need(self, thing: Once[Value], reason: str) -> None:
        failure = thing.failure
        if isinstance(failure, NotAskedError):
            raise failure
        if failure is not None:
            raise NotAskedError(reason)


def _hasty(settings: Settings) -> Settings:
    """The same settings, but with less patience."""
    return dataclasses.replace(
        settings,
        total_attempts=1,
        connect_timeout_seconds=min(settings.connect_timeout_seconds, CONNECT_SECONDS),
        read_timeout_seconds=min(settings.read_timeout_seconds, READ_SECONDS),
    )
