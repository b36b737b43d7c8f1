"""Connections of the direct wire to a server whose bytes a test writes down."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from s3_integration.transfer import quiet
from s3_integration.transfer.http import Connections
from tests.fixtures.raw_server import HASTY, LIMITS, ORIGIN, RawServer, raw_server

server = pytest.fixture(raw_server)


@pytest.fixture
def pool(server: RawServer) -> Iterator[Connections]:
    """The connections to the server."""
    connections = Connections(ORIGIN, LIMITS)
    yield connections
    connections.close()


@pytest.fixture
def hasty_pool(server: RawServer) -> Iterator[Connections]:
    """The same with little patience."""
    connections = Connections(ORIGIN, HASTY)
    yield connections
    connections.close()


@pytest.fixture(autouse=True)
def no_request_is_left_to_awscrt() -> Iterator[None]:
    """Let no test's requests that never end keep a later test's fork waiting."""
    yield
    quiet._busy.clear()
