"""Which wire a transfer takes."""

from __future__ import annotations

from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from s3_integration import S3Client, S3ConfigError
from s3_integration.aws.session import Connection, connect
from s3_integration.config import S3Config, resolve_settings
from s3_integration.transfer import crt
from s3_integration.transfer.crt import CrtWire
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


def test_awscrt_carries_what_it_can_where_that_is_wanted(caplog: pytest.LogCaptureFixture) -> None:
    assert Wired(replace(CONFIG, engine="crt")).chosen() is CrtWire
    assert not caplog.records


def test_a_forked_child_of_a_process_that_used_awscrt_does_without_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(crt, "_started_in", -1)
    caplog.set_level("INFO", "s3_integration")

    assert Wired(replace(CONFIG, engine="crt")).chosen() is DirectWire
    assert "forked" in caplog.text


def test_without_awscrt_nothing_is_asked_of_s3(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def find_nothing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", find_nothing)
    source = tmp_path / "file"
    source.write_bytes(b"content")

    with pytest.raises(S3ConfigError, match="awscrt is not installed"):
        S3Client(config=replace(CONFIG, engine="crt")).upload_file(source)


def test_a_hooked_client_gets_its_requests_instead_of_awscrt() -> None:
    wired = Wired(replace(CONFIG, engine="crt"))
    wired.chosen()

    with Stubber(wired.made[0].client):
        assert wired.chosen() is Boto3Wire


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
