"""Noticing that somebody has hooked a boto3 client, as moto and botocore's Stubber do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client as Boto3Client

_EVENTS = ("provide-client-params", "before-parameter-build", "before-call", "before-send")
"""Where others change requests, or answer them in S3's place."""

_OPERATIONS = ("PutObject", "UploadPart", "GetObject")


class Hooks:
    """Compares a client's event handlers with those that it had at first."""

    def __init__(self, client: Boto3Client) -> None:
        self._events: Any = client.meta.events
        self._at_first = self._handlers()
        self._foreign = [handler for handler in self._at_first if _is_foreign(handler)]
        self._seen_state: object = None

    def has_others(self) -> bool:
        """Whether requests have to go through the client, since somebody waits for them there."""
        state = self._state()
        if state is None or state is not self._seen_state:
            if self._handlers() != self._at_first:
                return True  # looked at again the next time: they may be taken off
            self._seen_state = state
        # moto's handler is in every client that is made after moto was imported; it acts
        # only while a mock is active.
        return any(getattr(handler, "enabled", True) for handler in self._foreign)

    def is_mocked(self) -> bool:
        """Whether moto answers in S3's place at the moment."""
        return any(getattr(handler, "enabled", False) for handler in self._foreign)

    def _state(self) -> object:
        # botocore makes a new cache whenever handlers come or go; looking for each event's
        # handlers would take longer than signing a request.
        emitter = getattr(self._events, "_emitter", self._events)
        return getattr(emitter, "_lookup_cache", None)

    def _handlers(self) -> list[Any]:
        emitter = getattr(self._events, "_emitter", self._events)
        registered = emitter._handlers  # noqa: SLF001 - there is no other way to see them
        names = [f"{event}.s3.{operation}" for event in _EVENTS for operation in _OPERATIONS]
        return [handler for name in names for handler in registered.prefix_search(name)]


def _is_foreign(handler: Any) -> bool:
    """Whether a handler that was there at first answers requests: moto's does."""
    function = getattr(handler, "func", handler)  # of a functools.partial
    module = getattr(function, "__module__", None) or type(function).__module__
    return not module.startswith(("botocore.", "boto3.", "s3_integration."))
