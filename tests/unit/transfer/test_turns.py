"""Threads that compute by turns."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from s3_integration.exceptions import S3IntegrationError
from s3_integration.transfer import turns
from s3_integration.transfer.engine import ObjectId, UploadOptions
from s3_integration.transfer.parts import PartThreads, in_threads
from s3_integration.transfer.stored import head_of
from s3_integration.transfer.turns import Turns, end_turn
from tests.fixtures.mock_responses import Answer, CannedS3, Sent, connection_to, service_to


@pytest.fixture
def other_thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_a_turn_begins_when_the_other_threads_ends(other_thread: ThreadPoolExecutor) -> None:
    shared, order = Turns(), list[str]()
    shared.take()
    asks = threading.Event()

    def take_and_note() -> None:
        asks.set()
        shared.take()
        order.append("the other's begins")
        end_turn()

    taken = other_thread.submit(take_and_note)
    assert asks.wait(10)
    order.append("mine ends")
    end_turn()
    taken.result(10)

    assert order == ["mine ends", "the other's begins"]


def test_a_turn_that_nobody_ends_holds_no_other_thread_for_long(
    other_thread: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_LONGEST_WAIT_SECONDS", 0.001)
    shared = Turns()
    shared.take()

    other_thread.submit(shared.take).result(10)

    assert other_thread.submit(end_turn).result(10) is None  # it went on without
    assert end_turn() is shared


def test_ending_twice_is_ending_once() -> None:
    shared = Turns()
    shared.take()
    shared.take()

    assert end_turn() is shared
    assert end_turn() is None


def test_groups_do_not_wait_for_each_other(other_thread: ThreadPoolExecutor) -> None:
    mine, theirs = Turns(), Turns()
    mine.take()

    other_thread.submit(theirs.take).result(10)

    assert end_turn() is mine
    assert other_thread.submit(end_turn).result(10) is theirs


def test_nobody_waits_for_the_turn_of_a_thread_that_asks_what_is_stored() -> None:
    held = list[Turns | None]()

    def note_turn(_: Sent) -> Answer:
        held.append(end_turn())
        return Answer(404)

    Turns().take()

    assert head_of(connection_to(CannedS3(note_turn)), ObjectId("unit-tests", "k")) is None
    assert held == [None]


@pytest.fixture
def turns_begun(monkeypatch: pytest.MonkeyPatch) -> list[Turns]:
    """All turns that are taken from now on."""
    begun = list[Turns]()
    take = Turns.take

    def take_and_note(shared: Turns) -> None:
        begun.append(shared)
        take(shared)

    monkeypatch.setattr(Turns, "take", take_and_note)
    return begun


@pytest.mark.parametrize("status", [206, 403])
def test_calls_for_one_file_take_turns_and_keep_none(
    status: int, turns_begun: list[Turns], tmp_path: Path
) -> None:
    content, etag = b"content", '"9a0364b9e99bb480dd25e1f0284c8555"'
    source = tmp_path / "source"
    source.write_bytes(content)

    def answer(sent: Sent) -> Answer:
        if status == 206 and sent.method == "PUT":
            return Answer(200, b"", {"etag": etag})
        return Answer(status, content, {"etag": etag, "content-range": "bytes 0-6/7"})

    service = service_to(CannedS3(otherwise=answer))
    calls: list[Callable[[], object]] = [
        lambda: service.upload_file(source, "k", UploadOptions("text/plain", {}, {})),
        lambda: service.download_file("k", tmp_path / "fetched"),
        lambda: service.read("k"),
    ]

    for call in calls:
        with contextlib.nullcontext() if status == 206 else pytest.raises(S3IntegrationError):
            call()

        assert end_turn() is None
    assert len(turns_begun) == len(calls)
    assert len(set(map(id, turns_begun))) == 1


def test_parts_are_moved_outside_of_turns() -> None:
    Turns().take()

    with in_threads(PartThreads(1), []):
        assert end_turn() is None
