"""Unit tests use no network and wait for nothing: each attempt is a failure."""

from __future__ import annotations

import logging
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CONNECT: Final = socket.socket.connect
_CONNECT_EX: Final = socket.socket.connect_ex
_SLEEP: Final = time.sleep


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that looks up a host, or connects to anything but a local socket file."""
    monkeypatch.setattr(socket.socket, "connect", _only_local(_CONNECT))
    monkeypatch.setattr(socket.socket, "connect_ex", _only_local(_CONNECT_EX))
    monkeypatch.setattr(socket, "getaddrinfo", _no_lookup)


@pytest.fixture(autouse=True)
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that sleeps."""
    monkeypatch.setattr(time, "sleep", _no_sleep)


def _only_local(connect: Callable[..., Any]) -> Callable[..., Any]:
    def connect_locally(self: socket.socket, address: Any) -> Any:
        if self.family != socket.AF_UNIX:
            _refuse(f"connects to {address}")
        return connect(self, address)

    return connect_locally


def _no_lookup(host: object, port: object, *_: object, **__: object) -> NoReturn:
    _refuse(f"looks up {host}:{port}")


def _no_sleep(seconds: float) -> None:
    # Waiting for a child process with a time limit is a loop of short sleeps.
    if sys._getframe(1).f_globals["__name__"] != "subprocess":
        _refuse(f"sleeps for {seconds} s")
    _SLEEP(seconds)


def _refuse(what: str) -> NoReturn:
    # Not an Exception: code under test that catches everything must not hide it.
    pytest.fail(f"A unit test {what}.")


@pytest.fixture
def loggers_as_before() -> Iterator[None]:
    """Set up the loggers of the package and of those below after the test as before it."""
    names = ("s3_integration", "botocore", "boto3", "s3transfer", "urllib3")
    loggers = [logging.getLogger(name) for name in names]
    before = [(each, each.level, each.propagate, list(each.handlers)) for each in loggers]
    yield
    for logger, level, propagate, handlers in before:
        logger.setLevel(level)
        logger.propagate = propagate
        logger.handlers[:] = handlers


@pytest.fixture
def slept(no_sleep: None, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the test sleep no time at all, and tell for how long it would have."""
    seconds: list[float] = []
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds
