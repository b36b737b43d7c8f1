"""What a command prints: results on standard output, everything else on standard error.

With `--json` a result is one JSON object on a line, exact down to the last character of
a key. Without it, it is for people: keys and messages may come from anybody, so whatever
could move a cursor, colour a line or turn its direction is shown as an escape.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TextIO

import click

from s3_integration.cli.wording import in_words_of_the_shell, message_of_the_shell
from s3_integration.logs import log_to_stderr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from s3_integration.exceptions import S3IntegrationError

LogAmount = Literal["nothing", "warnings", "operations", "wire"]
"""How much of the log is shown; `--verbose` shows operations, `--debug` the wire."""

_BINARY_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")
_UNIT_STEP = 1024


@dataclass(frozen=True, slots=True)
class Screen:
    """Where the results of one command go."""

    as_json: bool = False
    log_amount: LogAmount = "warnings"

    def result(self, facts: Mapping[str, Any], text: str) -> None:
        """Print one result: its facts as JSON, or the text."""
        click.echo(json_line(facts) if self.as_json else text)

    def remark(self, text: str) -> None:
        """Tell a person something that is no result."""
        if not self.as_json:
            click.echo(text, err=True)

    def failure(self, error: S3IntegrationError) -> None:
        """Tell of a failure: what happened, and on a line of its own what to do next."""
        if self.as_json:
            click.echo(json_line(error.to_dict()), err=True)
            return
        click.echo(f"s3i: {printable(message_of_the_shell(error.message))}", err=True)
        if error.suggestion:
            click.echo(f"{arrow()} {printable(in_words_of_the_shell(error.suggestion))}", err=True)
        if self.log_amount in {"operations", "wire"} and (origin := _origin(error)):
            click.echo(f"  ({printable(origin)})", err=True)

    def show_log(self) -> None:
        """Print the package's log on standard error, as much of it as was asked for."""
        if self.log_amount == "wire":
            log_to_stderr("DEBUG", include_botocore=True)
        elif self.log_amount == "operations":
            log_to_stderr("INFO")
        elif self.log_amount == "warnings" and not self.as_json:
            log_to_stderr("WARNING")

    @property
    def has_bars(self) -> bool:
        """Whether somebody watches who likes to see progress."""
        return not self.as_json and sys.stderr is not None and sys.stderr.isatty()


def json_line(facts: Mapping[str, Any]) -> str:
    """`facts` as JSON in pure ASCII, so that no terminal acts upon it."""
    return json.dumps(facts, default=_as_json_value)


def _as_json_value(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def printable(text: str) -> str:
    """`text` with every character that a terminal would not simply show as an escape.

    Python calls control and format characters (the bidirectional ones too), unusual
    blanks and lone surrogates unprintable; see `str.isprintable`.
    """
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def size_text(size_bytes: int) -> str:
    """A number of bytes for people, in binary units: `1.5 MiB`."""
    if size_bytes < _UNIT_STEP:
        return f"{size_bytes} B"
    amount, units = size_bytes / _UNIT_STEP, iter(_BINARY_UNITS)
    unit = next(units)
    while round(amount, 1) >= _UNIT_STEP:
        amount, unit = amount / _UNIT_STEP, next(units)
    return f"{amount:.1f} {unit}"


def cost_text(size_bytes: int, seconds: float) -> str:
    """What a transfer moved, and how long that took: `(1.5 MiB, 0.2 s)`."""
    return f"({size_text(size_bytes)}, {seconds:.1f} s)"


def time_text(moment: datetime) -> str:
    """A moment for people, in UTC: `2026-01-31 18:06:11Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def count_text(number: int, noun: str) -> str:
    """`1 file`, `2,000 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def url_text(bucket_name: str, key: str = "") -> str:
    """Where an object is, for people."""
    return printable(f"s3://{bucket_name}/{key}")


def table_text(rows: Sequence[tuple[str, str]]) -> str:
    """Labels in one column, and what they name in another."""
    width = max(len(label) for label, _ in rows)
    return "\n".join(f"{label:<{width}}  {words}" for label, words in rows)


_MOST_COLUMNS = 100
_LEAST_TEXT_COLUMNS = 30


def columns_of_lines() -> int:
    """How long a line of a table may be: the terminal's width, as far as people like to read."""
    return min(shutil.get_terminal_size().columns, _MOST_COLUMNS) - 1


def wrapped(words: str, columns: int) -> list[str]:
    """`words`, printable, in lines of so many columns, broken between words alone.

    Args:
        words: what to break; where it begins with an arrow, further lines are indented.
        columns: how long lines may be, though never less than what can be read.
    """
    return textwrap.wrap(
        printable(words),
        max(columns, _LEAST_TEXT_COLUMNS),
        subsequent_indent="  " if words.startswith("→") else "",
        break_on_hyphens=False,
        break_long_words=False,
    )


def tolerate_any_character() -> None:
    """Let no character fail to print where the terminal's encoding lacks it."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")


def arrow() -> str:
    """The mark before a suggestion, as far as standard error can show it."""
    try:
        "→".encode(getattr(sys.stderr, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return "->"
    return "→"


def _origin(error: S3IntegrationError) -> str:
    told = {
        "": error.code,
        "HTTP ": str(error.http_status or ""),
        "request id ": error.request_id,
    }
    return ", ".join(name + value for name, value in told.items() if value)


def flush() -> None:
    """Write out what is still buffered, so that a failure to do so is told."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def give_up_on_output() -> None:
    """Nobody reads any more: keep Python from saying so when it ends."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # a stream that is closed, or no real file
            _redirect_to_nowhere(stream)


def _redirect_to_nowhere(stream: TextIO | None) -> None:
    if stream is None:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)


def end_interrupted_line() -> None:
    """Go below the `^C` that a terminal shows when a person presses it."""
    if sys.stderr is not None and sys.stderr.isatty():
        click.echo(err=True)
