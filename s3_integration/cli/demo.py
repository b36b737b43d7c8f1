"""The command that shows that it works: demo."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

import s3_integration
from s3_integration import sandbox as local_s3
from s3_integration.cli import edge, trial
from s3_integration.cli.bars import meter
from s3_integration.cli.options import client_factory, with_quiet_screen
from s3_integration.cli.screen import Screen, count_text, printable, size_text
from s3_integration.exceptions import S3IntegrationError

if TYPE_CHECKING:
    from collections.abc import Sequence

_PROBLEMS_SHOWN = 10


@click.command(short_help="Try everything on a local S3.")
@click.argument(
    "folder",
    required=False,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@with_quiet_screen
def demo(screen: Screen, *, folder: Path | None) -> int:
    """Send the files of FOLDER through a local S3 and compare every byte.

    It starts an S3 inside this process, uploads FOLDER (by default the documents of this
    project) and a file of 64 MiB, lists them, downloads them, compares them, deletes
    them, and shows how fast that was. Nothing leaves this machine. Exit code 0 means
    that everything was equal and nothing was left over.
    """
    folder = folder or trial.default_folder(Path(s3_integration.__file__).parent)
    sources, skipped = trial.collect(folder)
    if not sources:
        message = f"There are no files under {str(folder)!r}."
        raise click.UsageError(message, click.get_current_context())
    with (
        tempfile.TemporaryDirectory(prefix="s3_integration-demo-") as scratch,
        local_s3.sandbox() as config,
    ):
        large_file = Path(scratch, "large.bin")
        trial.write_large_file(large_file)
        client = client_factory()(config, create_bucket=True)
        files = sources | {"demo/large.bin": large_file}
        run = trial.Trial(client, files, Path(scratch, "copies"))
        screen.remark(f"A local S3 runs at {config.endpoint_url}, inside this process.")
        screen.remark(_plan_text(folder, len(sources), skipped, run.size_bytes))
        steps = _go_through(run, screen)
    return _tell_outcome(run, steps, screen)


def _plan_text(folder: Path, files: int, skipped: int, size_bytes: int) -> str:
    large = size_text(trial.LARGE_FILE_SIZE_BYTES)
    left_out = f", {skipped:,} left out (links or special files)" if skipped else ""
    return (
        f"{count_text(files, 'file')} of {printable(str(folder))}{left_out} "
        f"and one of {large}: {size_text(size_bytes)} in all."
    )


def _go_through(run: trial.Trial, screen: Screen) -> list[trial.Step]:
    """Do every step; with `--json` each one is told as soon as it is done."""
    steps = []
    for step in run.steps(lambda name: meter(name, screen)):
        steps.append(step)
        if screen.as_json:
            screen.result(step.to_dict(), "")
    return steps


def _tell_outcome(run: trial.Trial, steps: Sequence[trial.Step], screen: Screen) -> int:
    facts = {"equal": not run.problems, "problems": run.problems}
    if screen.as_json:
        screen.result(facts, "")
    else:
        _draw_table(steps)
    if run.problems:
        for problem in run.problems[:_PROBLEMS_SHOWN]:
            screen.remark(f"- {printable(problem)}")
        count = count_text(len(run.problems), "difference")
        raise S3IntegrationError(f"The demo found {count}.", suggestion="Please report this.")
    screen.remark("Every byte came back as it was, and nothing was left over.")
    return edge.DONE


def _draw_table(steps: Sequence[trial.Step]) -> None:
    from rich.console import Console  # noqa: PLC0415 - only this command draws one
    from rich.table import Table  # noqa: PLC0415 - the same

    table = Table("Step")
    for heading in ("Files", "Bytes", "Seconds", "MB/s"):
        table.add_column(heading, justify="right")
    for step in steps:
        speed = step.megabytes_per_second
        table.add_row(
            step.step,
            f"{step.files:,}",
            f"{step.bytes:,}",
            f"{step.seconds:.2f}",
            "" if speed is None else f"{speed:,.1f}",
        )
    Console().print(table)
