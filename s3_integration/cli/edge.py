"""Where every failure of a command becomes a message and an exit code.

Exit codes: 0 done · 1 failed · 2 wrong usage · 3 not found · 75 try again (sysexits'
EX_TEMPFAIL) · 130 interrupted · 141 the reader of the output went away · 143 terminated.
The last three are the shell's 128 + number of the signal.
"""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import click

from s3_integration.cli.screen import (
    Screen,
    end_interrupted_line,
    flush,
    give_up_on_output,
)
from s3_integration.exceptions import S3ConfigError, S3FileNotFoundError, S3IntegrationError
from s3_integration.logs import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

DONE, FAILED, WRONG_USAGE, NOT_FOUND, TRY_AGAIN = 0, 1, 2, 3, 75
OUTPUT_CLOSED = 128 + 13  # SIGPIPE, which Windows does not know

_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]

_log = logging.getLogger(__name__)


class Terminated(KeyboardInterrupt):
    """A signal asked the process to end.

    It is a KeyboardInterrupt so that whatever cleans up after Ctrl-C does so here too.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


@contextmanager
def ending_cleanly() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into `Terminated` while the block runs.

    Signals that the process was started to ignore stay ignored (nohup), and threads
    other than the main one, which Python gives no signals, leave everything as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    caught = [number for number, handler in before.items() if handler is signal.SIG_DFL]
    for number in caught:
        signal.signal(number, _terminate)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, before[number])


def _terminate(signal_number: int, _frame: FrameType | None) -> NoReturn:
    # `timeout` and service supervisors send it twice; the second must not cut the
    # cleaning up short.
    signal.signal(signal_number, signal.SIG_IGN)
    raise Terminated(signal_number)


def carry_out(command: Callable[[], int | None], arguments: Sequence[str]) -> int:
    """Run a command and give its exit code, having told of its failure."""
    screen = _screen_for(arguments)
    try:
        try:
            code = command() or DONE
            flush()
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - nothing gets past the edge
            code = _tell(error, screen)
    except BrokenPipeError:
        give_up_on_output()
        code = OUTPUT_CLOSED
    return code


def _screen_for(arguments: Sequence[str]) -> Screen:
    """The screen that the bare words ask for; they count even where click refuses them."""
    words = arguments[: arguments.index("--")] if "--" in arguments else arguments
    talkative = not {"-v", "--verbose", "--debug"}.isdisjoint(words)
    return Screen(as_json="--json" in words, log_amount="operations" if talkative else "warnings")


def _tell(error: BaseException, screen: Screen) -> int:
    """Print what `error` has to say, if anything, and give the exit code for it."""
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.exceptions.NoArgsIsHelpError():
            error.show()
            return WRONG_USAGE
        case BrokenPipeError() if not isinstance(error, S3IntegrationError):
            raise error
        case KeyboardInterrupt() | click.Abort():
            return _tell_end(error, screen)
    failure = as_our_error(error)
    _log.debug("The command failed.", exc_info=error)
    screen.failure(failure)
    return code_of(failure)


def _tell_end(error: BaseException, screen: Screen) -> int:
    advice = " ".join(getattr(error, "__notes__", ()))
    if isinstance(error, Terminated):
        screen.failure(S3IntegrationError("Terminated.", suggestion=advice, retryable=True))
        return 128 + error.signal_number
    end_interrupted_line()
    screen.failure(S3IntegrationError("Interrupted.", suggestion=advice, retryable=True))
    return 128 + signal.SIGINT


def code_of(failure: S3IntegrationError) -> int:
    """The exit code that tells a script what to do about `failure`."""
    if isinstance(failure, S3ConfigError):
        return WRONG_USAGE
    if isinstance(failure, S3FileNotFoundError):
        return NOT_FOUND
    return TRY_AGAIN if failure.retryable else FAILED


def as_our_error(error: BaseException) -> S3IntegrationError:
    """`error` as one of the package's own, which all have a message and a suggestion."""
    match error:
        case S3IntegrationError():
            return error
        case click.ClickException():
            return S3ConfigError(error.format_message(), suggestion=_usage_hint(error))
        case ModuleNotFoundError():
            hint = 'Run: pip install "s3_integration[all]"'
            return S3IntegrationError(f"{error}.", suggestion=hint)
        case OSError():
            return S3IntegrationError(redact(_os_error_text(error)))
    return S3IntegrationError(
        redact(f"Unexpected {type(error).__name__}: {error}"),
        suggestion="This is a mistake in s3_integration; --debug shows where.",
    )


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    if context is None:
        return ""
    if context.parent is None and isinstance(error, click.NoSuchOption):
        return "Options come after the command, as in 's3i ls --bucket NAME'."
    return f"Run '{context.command_path} --help' to see what it takes."


def _os_error_text(error: OSError) -> str:
    """What the operating system says, with the file and without its number."""
    where = f"{str(error.filename)!r}: " if error.filename is not None else ""
    return f"{where}{error.strerror or error}."
