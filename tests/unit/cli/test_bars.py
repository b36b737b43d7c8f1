"""Progress bars, on something that says it is a terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import pytest

from s3_integration.cli.bars import meter
from s3_integration.cli.screen import Screen


class Terminal(io.StringIO):
    """A stream that claims that a person watches."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Terminal]:
    """Makes standard error a terminal; pytest puts its own there after each fixture."""

    def replace() -> Terminal:
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        return terminal

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    return replace


def test_a_person_sees_how_far_the_work_is(
    at_a_terminal: Callable[[], Terminal], shown_logs: list[Any]
) -> None:
    terminal = at_a_terminal()

    with meter("report [bold].txt", Screen()) as progress:
        progress(512, 1024)
        progress(1024, 1024)

    written = terminal.getvalue()
    assert "report [bold].txt" in written  # no markup of rich's
    assert "1.0/1.0 KiB" in written
    assert progress.size_bytes == 1024


def test_a_size_that_is_known_is_shown_before_anything_has_moved(
    at_a_terminal: Callable[[], Terminal], shown_logs: list[Any]
) -> None:
    terminal = at_a_terminal()

    with meter("x", Screen(), size_bytes=1024):
        pass

    assert "0.0/1.0 KiB" in terminal.getvalue()


def test_the_log_is_moved_above_the_bar_and_back(
    at_a_terminal: Callable[[], Terminal], shown_logs: list[Any]
) -> None:
    terminal = at_a_terminal()

    with meter("x", Screen()):
        assert sys.stderr is not terminal
        assert len(shown_logs) == 1

    assert sys.stderr is terminal
    assert len(shown_logs) == 2


def test_a_failure_takes_the_bar_away(
    at_a_terminal: Callable[[], Terminal], shown_logs: list[Any]
) -> None:
    terminal = at_a_terminal()

    with pytest.raises(KeyboardInterrupt), meter("x", Screen()):
        raise KeyboardInterrupt

    assert sys.stderr is terminal
    assert terminal.getvalue().endswith("\x1b[2K")  # the line is empty again
    assert "\x1b[?25h" in terminal.getvalue()  # the cursor is back


def test_a_long_name_leaves_room_for_the_bar(
    at_a_terminal: Callable[[], Terminal], shown_logs: list[Any]
) -> None:
    terminal = at_a_terminal()

    with meter("long" * 50, Screen()) as progress:
        progress(1, 2)

    assert "…" in terminal.getvalue()
    assert "1/2 bytes" in terminal.getvalue()


def test_without_a_terminal_nothing_is_drawn_but_sizes_are_known(
    capsys: pytest.CaptureFixture[str], shown_logs: list[Any]
) -> None:
    with meter("x", Screen()) as progress:
        progress(1, 3)

    assert capsys.readouterr() == ("", "")
    assert (progress.size_bytes, shown_logs) == (3, [])
