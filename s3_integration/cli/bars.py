"""Progress bars on standard error, for a person who watches."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from s3_integration.cli.screen import size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.progress import Progress

    from s3_integration.cli.screen import Screen
    from s3_integration.models import FolderProgress, FolderProgressCallback, ProgressCallback


class Meter:
    """A progress callback that remembers what it was told."""

    def __init__(self, show: ProgressCallback | None = None) -> None:
        self.size_bytes = 0
        self._show = show

    def __call__(self, done_bytes: int, total_bytes: int) -> None:
        """Take note of progress, and draw it where there is a bar."""
        self.size_bytes = total_bytes
        if self._show:
            self._show(done_bytes, total_bytes)


@contextmanager
def meter(label: str, screen: Screen, *, size_bytes: int | None = None) -> Iterator[Meter]:
    """A meter for one piece of work; it draws a bar where somebody watches.

    Args:
        label: what is going on, printable.
        screen: knows whether somebody watches.
        size_bytes: how much there is to do, where that is known before it begins.
    """
    if not screen.has_bars:
        yield Meter()
        return
    bar = _bar()
    task = bar.add_task(label, total=size_bytes)
    try:
        with bar:
            screen.show_log()  # again, so that its lines go above the bar
            yield Meter(lambda done, total: bar.update(task, completed=done, total=total))
    finally:
        screen.show_log()


def size_of_file(local_path: str) -> int | None:
    """How much an upload has to do; None where that cannot be told."""
    try:
        return Path(local_path).stat().st_size
    except (OSError, ValueError):  # the client finds it too, and tells of it
        return None


@contextmanager
def folder_meter(screen: Screen) -> Iterator[FolderProgressCallback | None]:
    """A progress callback for many files, where somebody watches; else None."""
    if not screen.has_bars:
        yield None
        return
    bar = _folder_bar()
    task = bar.add_task("0 files", total=None, rate="")

    def show(seen: FolderProgress) -> None:
        files = f"{seen.files_done:,} of {seen.files_known:,} files"
        skipped = f", {seen.files_skipped:,} skipped" if seen.files_skipped else ""
        failed = f", {seen.files_failed:,} failed" if seen.files_failed else ""
        bar.update(
            task,
            description=files + skipped + failed,
            completed=seen.bytes_done,
            total=seen.bytes_known if seen.is_all_known else None,
            rate=_rate_of(seen),
        )

    try:
        with bar:
            screen.show_log()  # again, so that its lines go above the bar
            yield show
    finally:
        screen.show_log()


def _rate_of(seen: FolderProgress) -> str:
    """Bytes in a second, on the whole, in the units that sizes are told in."""
    return (
        f"{size_text(int(seen.bytes_done / seen.seconds))}/s"
        if seen.bytes_done and seen.seconds
        else ""
    )


def _folder_bar() -> Progress:
    from rich.progress import (  # noqa: PLC0415 - slower than a small upload
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column  # noqa: PLC0415 - the same

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        DownloadColumn(binary_units=True, table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=_console(),
        transient=True,
    )


def _bar() -> Progress:
    from rich.progress import (  # noqa: PLC0415 - slower than a small upload
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column  # noqa: PLC0415 - the same

    label = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    return Progress(
        TextColumn("{task.description}", markup=False, table_column=label),
        BarColumn(bar_width=20),
        DownloadColumn(binary_units=True),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=_console(),
        expand=True,
        transient=True,
    )


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415 - slower than a small upload

    console = Console(stderr=True)
    # Room for the `^C` of a terminal: it would wrap, and the bar not be wiped away whole.
    console.width -= len("^C") + 1
    return console
