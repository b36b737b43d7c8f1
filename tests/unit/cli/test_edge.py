"""Failures become messages and exit codes in one place."""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import threading
from typing import TYPE_CHECKING, NoReturn

import click
import pytest

from s3_integration import exceptions as exc
from s3_integration.cli import edge, screen

if TYPE_CHECKING:
    from collections.abc import Callable


def raising(error: BaseException) -> Callable[[], NoReturn]:
    """A command that fails."""

    def command() -> NoReturn:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (exc.S3IntegrationError("x"), 1),
        (exc.S3AccessDeniedError("x"), 1),
        (exc.S3BucketError("x"), 1),
        (exc.S3CredentialsError("x"), 1),
        (exc.S3ConflictError("x"), 1),
        (exc.S3UploadError("x"), 1),
        (exc.both(exc.S3UploadError, FileNotFoundError)("x"), 1),  # a local file, not a key
        (exc.both(exc.S3UploadError, BrokenPipeError)("x"), 1),  # S3's pipe, not the reader's
        (exc.S3ConfigError("x"), 2),
        (exc.S3ConfigError("x", retryable=True), 2),
        (click.UsageError("x"), 2),
        (exc.S3FileNotFoundError("x"), 3),
        (exc.both(exc.S3DownloadError, exc.S3FileNotFoundError)("x"), 3),
        (exc.S3IntegrationError("x", retryable=True), 75),
        (exc.S3UploadError("x", retryable=True), 75),
        (OSError(errno.ENOSPC, "No space left on device"), 1),
        (ModuleNotFoundError("No module named 'rich'", name="rich"), 1),
        (RuntimeError("x"), 1),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (edge.Terminated(signal.SIGTERM), 143),
        (click.exceptions.Exit(7), 7),
        (BrokenPipeError(), 141),
    ],
)
def test_every_failure_has_its_exit_code(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "give_up_on_output", lambda: None)  # it would close pytest's own

    assert edge.carry_out(raising(error), []) == code


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (3, 3)])
def test_a_command_that_ends_well_decides_its_own_exit_code(
    returned: int | None, code: int
) -> None:
    assert edge.carry_out(lambda: returned, []) == code


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (OSError(errno.ENOSPC, "No space left"), "s3i: No space left.\n"),
        (PermissionError(errno.EACCES, "Denied", "/x\n"), "s3i: '/x\\n': Denied.\n"),
        (OSError("odd"), "s3i: odd.\n"),
        (KeyboardInterrupt(), "s3i: Interrupted.\n"),
        (edge.Terminated(signal.SIGTERM), "s3i: Terminated.\n"),
        (click.UsageError("Bad."), "s3i: Bad.\n"),
        (
            ModuleNotFoundError("No module named 'rich'"),
            "s3i: No module named 'rich'.\n→ Run: pip install \"s3_integration[all]\"\n",
        ),
        (
            RuntimeError("x"),
            (
                "s3i: Unexpected RuntimeError: x\n"
                "→ This is a mistake in s3_integration; --debug shows where.\n"
            ),
        ),
    ],
)
def test_failures_that_are_not_ours_read_like_ours(
    error: BaseException, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    edge.carry_out(raising(error), [])

    assert capsys.readouterr() == ("", shown)


def test_a_mistake_of_ours_tells_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    error = RuntimeError("GET /?X-Amz-Signature=" + "0badcafe" * 8)

    edge.carry_out(raising(error), [])

    assert "0badcafe" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "is_json"),
    [(["ls", "--json"], True), (["ls"], False), (["rm", "--", "--json"], False)],
)
def test_failures_are_json_when_the_bare_words_say_so(
    *, arguments: list[str], is_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    edge.carry_out(raising(click.UsageError("Bad.")), arguments)

    err = capsys.readouterr().err
    assert err.startswith("{") is is_json
    assert not is_json or json.loads(err)["error"] == "S3ConfigError"


@pytest.mark.parametrize("flag", ["-v", "--verbose", "--debug"])
def test_verbose_failures_show_where_they_come_from(
    flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    edge.carry_out(raising(exc.S3IntegrationError("No.", request_id="4NX")), ["ls", flag])

    assert "request id 4NX" in capsys.readouterr().err


def test_the_traceback_goes_to_the_debug_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "s3_integration")

    edge.carry_out(raising(RuntimeError("x")), [])

    (record,) = caplog.records
    assert record.levelno == logging.DEBUG
    assert record.exc_info is not None


def test_output_that_cannot_be_written_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(edge, "flush", raising(full))

    assert edge.carry_out(lambda: 0, []) == edge.FAILED
    assert capsys.readouterr().err == "s3i: No space left on device.\n"


def test_a_reader_that_went_away_is_met_with_silence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given_up: list[bool] = []
    monkeypatch.setattr(edge, "give_up_on_output", lambda: given_up.append(True))

    assert edge.carry_out(raising(BrokenPipeError()), []) == edge.OUTPUT_CLOSED
    assert given_up == [True]
    assert capsys.readouterr() == ("", "")


def test_a_reader_of_errors_that_went_away_is_met_with_silence_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(screen.Screen, "failure", lambda *_: raising(BrokenPipeError())())
    monkeypatch.setattr(edge, "give_up_on_output", lambda: None)  # it would close pytest's own

    assert edge.carry_out(raising(exc.S3ConfigError("x")), []) == edge.OUTPUT_CLOSED


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_is_an_interrupt_with_its_own_code(
    signal_number: signal.Signals,
) -> None:
    with edge.ending_cleanly():
        code = edge.carry_out(lambda: os.kill(os.getpid(), signal_number), [])

    assert code == 128 + signal_number
    assert signal.getsignal(signal_number) is signal.SIG_DFL


def test_a_second_signal_does_not_cut_the_cleaning_up_short() -> None:
    cleaned_up: list[bool] = []

    def command() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            cleaned_up.append(True)

    with edge.ending_cleanly():
        code = edge.carry_out(command, [])

    assert code == 128 + signal.SIGTERM
    assert cleaned_up == [True]


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with edge.ending_cleanly():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_threads_leave_the_signals_alone() -> None:
    seen: list[object] = []

    def in_a_thread() -> None:
        with edge.ending_cleanly():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=in_a_thread)
    thread.start()
    thread.join()

    assert seen == [signal.SIG_DFL]
