"""Whoever hooks a boto3 client gets its requests, as long as the hook is there."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from botocore.stub import Stubber
from moto import mock_aws

from s3_integration.aws.hooks import Hooks
from s3_integration.aws.session import Connection, connect
from s3_integration.config import resolve_settings
from tests.fixtures.mock_responses import CONFIG


@pytest.fixture
def connection() -> Connection:
    """One that nobody has hooked."""
    return connect(resolve_settings(config=CONFIG, environment={}, dotenv={}))


def watch(**_: object) -> None:
    """A handler of somebody else."""


def test_a_client_as_it_was_made_has_no_others(connection: Connection) -> None:
    assert [connection.hooks.has_others() for _ in range(3)] == [False] * 3


@pytest.mark.parametrize(
    "event",
    [
        "before-send",
        "before-send.s3",
        "before-send.s3.PutObject",
        "before-call.s3.GetObject",
        "before-parameter-build.s3.UploadPart",
        "provide-client-params.s3.*",
    ],
)
@pytest.mark.parametrize("was_asked", [False, True], ids=["unasked", "asked before"])
def test_a_hook_counts_from_when_it_is_set_until_it_is_taken_off(
    connection: Connection, event: str, was_asked: bool
) -> None:
    events: Any = connection.client.meta.events
    if was_asked:
        connection.hooks.has_others()

    events.register(event, watch, unique_id="watch")
    hooked = [connection.hooks.has_others() for _ in range(2)]
    events.unregister(event, watch, unique_id="watch")

    assert hooked == [True, True]
    assert not connection.hooks.has_others()


@pytest.mark.parametrize("event", ["before-send.s3.ListObjectsV2", "after-call.s3.PutObject"])
def test_hooks_elsewhere_change_nothing(connection: Connection, event: str) -> None:
    events: Any = connection.client.meta.events

    events.register(event, watch)

    assert not connection.hooks.has_others()


def test_a_stubber_counts_while_it_is_active(connection: Connection) -> None:
    stubber = Stubber(connection.client)

    with stubber:
        assert connection.hooks.has_others()

    assert not connection.hooks.has_others()


class _Mock:
    """Answers requests in S3's place, as an object rather than a function: moto does so."""

    def __call__(self, **_: object) -> None:
        return None


def _bound() -> Any:
    class Answerer:
        def answer(self, **_: object) -> None:
            return None

    return Answerer().answer


@pytest.mark.parametrize("handler", [_Mock(), watch, _bound()], ids=["object", "def", "method"])
def test_a_hook_that_was_there_at_first_counts(connection: Connection, handler: Any) -> None:
    events: Any = connection.client.meta.events
    events.register("before-send", handler)

    hooks = Hooks(connection.client)

    assert [hooks.has_others() for _ in range(3)] == [True] * 3


def test_without_botocores_cache_every_call_looks_itself() -> None:
    class Handlers:
        def __init__(self) -> None:
            self.found: list[Any] = []

        def prefix_search(self, name: str) -> list[Any]:
            return self.found

    client: Any = ModuleType("client")
    client.meta = ModuleType("meta")
    client.meta.events = ModuleType("events")
    client.meta.events._handlers = handlers = Handlers()
    hooks = Hooks(client)
    before = hooks.has_others()

    handlers.found = [watch]

    assert not before
    assert hooks.has_others()


def test_motos_own_handler_counts_while_a_mock_is_active() -> None:
    with mock_aws():  # from now on, moto's handler is in every new client
        hooks = connect(resolve_settings(config=CONFIG, environment={}, dotenv={})).hooks

        assert hooks.has_others()
        assert hooks.is_mocked()

    assert not hooks.has_others()
    assert not hooks.is_mocked()
