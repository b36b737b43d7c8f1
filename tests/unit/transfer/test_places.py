"""Where buckets are found, and what is shared between them."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from s3_integration.aws.locator import Location
from s3_integration.aws.session import connect
from s3_integration.aws.signing import Scope
from s3_integration.config import S3Config, resolve_settings
from s3_integration.transfer import places
from s3_integration.transfer.places import Places
from tests.fixtures.direct_wires import without_proxies
from tests.fixtures.mock_responses import CONFIG
from tests.fixtures.raw_server import LIMITS

LOCAL = replace(CONFIG, endpoint_url="http://127.0.0.1:9000")


no_proxies = pytest.fixture(autouse=True)(without_proxies)


def places_by(config: S3Config = LOCAL) -> Places:
    """The places that these settings lead to."""
    return Places(connect(resolve_settings(config=config, environment={}, dotenv={})), LIMITS)


def test_buckets_on_one_server_share_its_connections() -> None:
    found = places_by()

    origins = {id(found.of(bucket).connections) for bucket in ("one", "two", "one")}

    assert len(origins) == 1
    assert found.of("one") is found.of("one")


def test_only_the_given_authorities_are_trusted(tmp_path: Path) -> None:
    bundle = tmp_path / "none.pem"
    bundle.write_text("no certificate")

    with pytest.raises(ssl.SSLError):
        places_by(replace(CONFIG, ca_bundle=str(bundle))).of("unit-tests")


def test_this_very_machine_is_asked_without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "get_environ_proxies", lambda _: {"http": "http://proxy:1"})

    place = places_by(LOCAL).of("unit-tests")

    assert place.connections.origin.proxy_url is None


def test_a_usual_bucket_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = places_by()
    asked: list[str] = []

    def locate(bucket: str, _: object) -> Location:
        asked.append(bucket)
        return Location(f"http://127.0.0.1:9000/{bucket}/", Scope("us-east-1"))

    monkeypatch.setattr(found._connection.locator, "locate", locate)

    assert all(found.of("unit-tests") for _ in range(3))
    assert asked == ["unit-tests"]


def test_all_hosts_share_one_tls_context() -> None:
    found = places_by(CONFIG)

    contexts = [found.of(bucket).connections.origin.tls for bucket in ("one", "two")]

    assert contexts[0] is contexts[1] is not None
