"""The command that tells what is wrong: doctor."""

from __future__ import annotations

import sys
from itertools import groupby
from typing import TYPE_CHECKING, NoReturn

import click

from s3_integration.cli import edge
from s3_integration.cli.options import with_client_to_open
from s3_integration.cli.screen import (
    Screen,
    arrow,
    columns_of_lines,
    count_text,
    printable,
    wrapped,
)
from s3_integration.cli.wording import in_words_of_the_shell
from s3_integration.doctor.report import NOT_CHECKED
from s3_integration.exceptions import S3ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from s3_integration.client import S3Client
    from s3_integration.doctor.report import HealthLine, HealthReport

_STATUS_WIDTH = len("warning")


@click.command(short_help="Say what is wrong, and what to do about it.")
@click.option(
    "--write", is_flag=True, help="Also store, read and delete 1 KiB under a key of its own."
)
@with_client_to_open
def doctor(open_client: Callable[[], S3Client], screen: Screen, *, write: bool) -> int:
    """Look at settings, credentials, network, bucket and permissions, and change nothing.

    It ends with 1 where something failed, else with 0. Everything is looked at as far as
    it can be, and in less than a minute, whatever else has failed.
    """
    report = _report_of(open_client, write=write)
    screen.result(report.to_dict(), _text_of(report))
    return edge.DONE if report.ok else edge.FAILED


def _report_of(open_client: Callable[[], S3Client], *, write: bool) -> HealthReport:
    try:
        client = open_client()
    except S3ConfigError as error:
        return _report_of_no_client(error)
    return client.check(write="yes" if write else "no")


def _report_of_no_client(error: S3ConfigError) -> HealthReport:
    from s3_integration.doctor.examine import examine  # noqa: PLC0415 - keeps `--help` light

    def resolve() -> NoReturn:
        raise error

    return examine(resolve, may_create=False)


def _text_of(report: HealthReport) -> str:
    width = max(len(line.name) for line in report.lines)
    lines = [text for line in report.lines if not line.was_skipped for text in _told(line, width)]
    failed = sum(line.status == "failed" for line in report.lines)
    warnings = sum(line.status == "warning" and not line.was_skipped for line in report.lines)
    counts = f"{failed} failed, {count_text(warnings, 'warning')}"
    return "\n".join([*lines, *_skipped(report.lines), "", counts])


def _told(line: HealthLine, width: int) -> Iterator[str]:
    margin = f"{line.status:<{_STATUS_WIDTH}}  {line.name:<{width}}  "
    paragraphs = [line.fact]
    if line.next_step:
        paragraphs.append(f"{arrow()} {in_words_of_the_shell(line.next_step)}")
    for paragraph in paragraphs:
        for text in _lines(paragraph, len(margin)):
            yield margin + text
            margin = " " * len(margin)


def _lines(paragraph: str, indent: int) -> list[str]:
    """In lines that fit a terminal; whole where something else reads, so that it can search."""
    if sys.stdout is None or not sys.stdout.isatty():
        return [printable(paragraph)]
    return wrapped(paragraph, columns_of_lines() - indent)


def _skipped(lines: Sequence[HealthLine]) -> Iterator[str]:
    """What was not looked at, in one paragraph for each reason."""
    skipped = sorted((line for line in lines if line.was_skipped), key=lambda line: line.fact)
    for fact, group in groupby(skipped, key=lambda line: line.fact):
        names = ", ".join(line.name for line in group)
        first, *others = _lines(f"not checked: {names}", 2)
        yield from [first, *(f"  {text}" for text in others)]
        yield f"  since {printable(fact.removeprefix(NOT_CHECKED))}"
