"""The command that keeps a local S3 running: sandbox."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from s3_integration import sandbox as local_s3
from s3_integration.cli import edge
from s3_integration.cli.options import not_empty, with_quiet_screen
from s3_integration.cli.screen import Screen, count_text, printable, url_text
from s3_integration.utils import DEFAULT_BUCKET_NAME

if TYPE_CHECKING:
    from s3_integration.config import S3Config


@click.command(short_help="Run a local S3 until Ctrl-C.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="NUMBER",
    help="Where to listen on 127.0.0.1.  [default: a free port]",
)
@click.option(
    "--seed",
    "seed_folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Store everything under this folder to begin with.",
)
@click.option(
    "--bucket",
    "bucket_name",
    callback=not_empty,
    envvar="S3_INTEGRATION_BUCKET",
    default=DEFAULT_BUCKET_NAME,
    show_default=True,
    metavar="NAME",
    help="Bucket to store it in.",
)
@with_quiet_screen
def sandbox(screen: Screen, *, port: int, seed_folder: Path | None, bucket_name: str) -> int:
    """Run a local S3 in this process until Ctrl-C.

    Standard output gets the shell lines that lead another program to it. Its files
    are gone when it stops.
    """
    files = {"": seed_folder} if seed_folder else None
    with local_s3.sandbox(bucket_name=bucket_name, files=files, port=port) as config:
        if seed_folder:
            _tell_seeds(screen, seed_folder, bucket_name)
        _tell_how_to_use(screen, config)
        _wait_for_a_signal()
    return edge.DONE


def _tell_seeds(screen: Screen, folder: Path, bucket_name: str) -> None:
    found = local_s3.files_under(folder)
    where = url_text(bucket_name)
    skipped = f" ({found.skipped:,} skipped: links or special files)" if found.skipped else ""
    screen.remark(
        f"{count_text(len(found.files), 'file')} of {printable(str(folder))} in {where}{skipped}"
    )


def _tell_how_to_use(screen: Screen, config: S3Config) -> None:
    variables = environment_for(config)
    screen.remark(f"A local S3 runs at {config.endpoint_url} until Ctrl-C.")
    screen.remark("Paste this into another shell to use it there:\n")
    facts = {"endpoint_url": config.endpoint_url, "bucket": config.bucket_name}
    screen.result(facts | {"environment": variables}, shell_lines(variables))


def environment_for(config: S3Config) -> dict[str, str]:
    """The variables that lead this package, boto3 and the AWS tools to the sandbox."""
    return {
        "AWS_ENDPOINT_URL_S3": config.endpoint_url or "",
        "AWS_ACCESS_KEY_ID": config.access_key_id or "",
        "AWS_SECRET_ACCESS_KEY": config.secret_access_key or "",
        "AWS_REGION": config.region,
        "AWS_DEFAULT_REGION": config.region,  # what boto3 itself reads
        "S3_INTEGRATION_BUCKET": config.bucket_name,
    }


def shell_lines(variables: dict[str, str]) -> str:
    """POSIX shell lines that set `variables`, and drop what would stand against them."""
    exports = [f"export {name}={value}" for name, value in variables.items()]
    return "\n".join([*exports, "unset AWS_SESSION_TOKEN AWS_PROFILE"])


def _wait_for_a_signal() -> None:
    """Wait for ever: signals end it as exceptions, which the edge takes."""
    threading.Event().wait()
