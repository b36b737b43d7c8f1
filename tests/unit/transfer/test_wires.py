"""Which wire a transfer takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import Stubber

from s3_integration.aws.session import Connection, connect
from s3_integration.config import S3Config, resolve_settings
from s3_integration.transfer.direct import DirectWire
from s3_integration.transfer.wire import Boto3Wire
from s3_integration.transfer.wires import Wires
from tests.fixtures.mock_responses import CONFIG


class Wired:
    """Wires and the connections that they have made."""

    def __init__(self, config: S3Config = CONFIG) -> None:
        settings = resolve_settings(config=config, environment={}, dotenv={})
        self.made: list[Connection] = []

        def make() -> Connection:
            self.made.append(connect(settings))
            return self.made[-1]

        self.wires = Wires(make, settings)

    @property
    def events(self) -> Any:
        """Those of the client."""
        return self.made[0].client.meta.events

    def chosen(self) -> type:
        """The kind of wire for a transfer now."""
        return type(self.wires.choose("unit-tests").wire)


def test_the_direct_wire_is_usual_and_made_once() -> None:
    wired = Wired()

    routes = [wired.wires.choose("unit-tests") for _ in range(2)]

    assert isinstance(routes[0].wire, DirectWire)
    assert routes[0].wire is routes[1].wire
    assert [routes[0].connection] == wired.made


def test_boto3_carries_everything_where_that_is_wanted() -> None:
    assert Wired(replace(CONFIG, engine="boto3")).chosen() is Boto3Wire


def test_a_hooked_client_gets_its_requests_while_it_is_hooked() -> None:
    wired = Wired()

    def watch(**_: object) -> None:
        """Somebody else's."""

    chosen = [wired.chosen()]
    wired.events.register("before-send.s3.PutObject", watch)
    chosen.append(wired.chosen())
    wired.events.unregister("before-send.s3.PutObject", watch)
    chosen.append(wired.chosen())

    assert chosen == [DirectWire, Boto3Wire, DirectWire]


def test_a_stubbed_client_gets_its_requests() -> None:
    wired = Wired()
    wired.chosen()

    with Stubber(wired.made[0].client):
        assert wired.chosen() is Boto3Wire


def test_a_bucket_of_unusual_requests_goes_through_boto3(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(DirectWire, "can_speak_to", lambda *_: False)

    assert Wired().chosen() is Boto3Wire
