"""The options that commands share, and what becomes of them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Protocol

import click

from s3_integration.cli.screen import LogAmount, Screen
from s3_integration.config import S3Config

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3_integration.client import S3Client


_URL_SCHEME = "s3://"


class OpenClient(Protocol):
    """Makes the client of a command; tests hand in their own as click's `obj`."""

    def __call__(self, config: S3Config, *, create_bucket: bool) -> S3Client:
        """Give a client with these settings."""
        ...


class ClientFor(Protocol):
    """Makes the client for one bucket, with the settings of the command line."""

    def __call__(self, bucket_name: str) -> S3Client:
        """Give it."""
        ...


def open_client(config: S3Config, *, create_bucket: bool) -> S3Client:
    """The client that commands use outside tests."""
    from s3_integration.client import S3Client  # noqa: PLC0415 - keeps `--help` light

    return S3Client(config=config, create_bucket=create_bucket)


def client_factory() -> OpenClient:
    """What makes the client of the running command."""
    make: OpenClient = click.get_current_context().obj or open_client
    return make


def not_empty(_context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse the empty text: an unset shell variable must not pick a default silently."""
    if value == "":
        message = "it is empty."
        raise click.BadParameter(message, param=parameter)
    return value


def no_url(_context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Refuse `s3://BUCKET/KEY`, as other tools write it: it would be taken for a key."""
    for word in (value,) if isinstance(value, str) else value or ():
        if word.startswith(_URL_SCHEME):
            bucket_name, _, key = word.removeprefix(_URL_SCHEME).partition("/")
            message = (
                f"{word!r} is a URL. Write {key!r} in its place, with --bucket {bucket_name!r}."
            )
            raise click.BadParameter(message, param=parameter)
    return value


def pairs(
    _context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """Read `NAME=VALUE` words; the value may be empty or hold more equals signs."""
    found: dict[str, str] = {}
    for word in values:
        name, equals, value = word.partition("=")
        if not name or not equals:
            message = f"{word!r} is not NAME=VALUE."
            raise click.BadParameter(message, param=parameter)
        if name in found:
            message = f"{name!r} is given twice."
            raise click.BadParameter(message, param=parameter)
        found[name] = value
    return found


IF_EXISTS = click.option(
    "--if-exists",
    type=click.Choice(["overwrite", "fail"]),
    default="overwrite",
    show_default=True,
    help="What to do when the key is taken.",
)

NO_CREATE_BUCKET = click.option(
    "--no-create-bucket", is_flag=True, help="Fail when the bucket is missing, create none."
)

VERSION_ID = click.option(
    "--version-id", callback=not_empty, metavar="ID", help="This version, not the latest."
)

_OUTPUT_OPTIONS = (
    click.option("--json", "as_json", is_flag=True, help="One JSON object per result."),
    click.option("-v", "--verbose", is_flag=True, help="Log each operation on standard error."),
    click.option("--debug", is_flag=True, help="Log the wire too, without secrets."),
)

_BUCKET_OPTION = click.option(
    "--bucket",
    "bucket_name",
    callback=not_empty,
    default=None,
    metavar="NAME",
    help="Bucket.  [default: $S3_INTEGRATION_BUCKET, else peerpilot-kiro-data]",
)

_CONNECTION_OPTIONS = (
    click.option(
        "--region",
        callback=not_empty,
        default=None,
        metavar="NAME",
        help="AWS region.  [default: $AWS_REGION, else the profile's, else us-east-1]",
    ),
    click.option(
        "--profile",
        "profile_name",
        callback=not_empty,
        default=None,
        metavar="NAME",
        help="Profile of ~/.aws/config.  [default: $AWS_PROFILE]",
    ),
    click.option(
        "--endpoint-url",
        callback=not_empty,
        default=None,
        metavar="URL",
        help="Another S3 than AWS.  [default: $AWS_ENDPOINT_URL_S3]",
    ),
)


def with_screen(
    command: Callable[..., int], *, unasked: LogAmount = "warnings"
) -> Callable[..., int]:
    """Add the output options to a command, and hand it its screen.

    Args:
        command: what to wrap.
        unasked: how much of the log to show where no option asks for more.
    """

    @functools.wraps(command)
    def run(*, as_json: bool, verbose: bool, debug: bool, **arguments: Any) -> int:
        log_amount: LogAmount = "wire" if debug else "operations" if verbose else unasked
        screen = Screen(as_json=as_json, log_amount=log_amount)
        screen.show_log()
        return command(screen=screen, **arguments)

    return _add(_OUTPUT_OPTIONS, run)


with_quiet_screen = functools.partial(with_screen, unasked="nothing")
"""For commands with an S3 of their own: what is wrong with that one is nobody's business."""


def with_client(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options of everything that talks to S3, and hand the command its client."""

    @functools.wraps(command)
    def run(*, open_client: Callable[[], S3Client], **arguments: Any) -> int:
        return command(client=open_client(), **arguments)

    return with_client_to_open(run)


def with_client_to_open(command: Callable[..., int]) -> Callable[..., int]:
    """Add the same, and hand the command what opens its client, for it may fail to open."""

    @functools.wraps(command)
    def run(
        *,
        bucket_name: str | None,
        region: str | None,
        profile_name: str | None,
        endpoint_url: str | None,
        no_create_bucket: bool = False,
        **arguments: Any,
    ) -> int:
        config = S3Config(
            bucket_name=bucket_name or "",
            region=region or "",
            profile_name=profile_name,
            endpoint_url=endpoint_url,
        )
        make = client_factory()
        return command(
            open_client=lambda: make(config, create_bucket=not no_create_bucket), **arguments
        )

    return _add((_BUCKET_OPTION, *_CONNECTION_OPTIONS), with_screen(run))


def with_clients(command: Callable[..., int]) -> Callable[..., int]:
    """The same for a command whose arguments name buckets: it is handed what makes clients."""

    @functools.wraps(command)
    def run(
        *,
        region: str | None,
        profile_name: str | None,
        endpoint_url: str | None,
        no_create_bucket: bool = False,
        **arguments: Any,
    ) -> int:
        def client_for(bucket_name: str) -> S3Client:
            config = S3Config(
                bucket_name=bucket_name,
                region=region or "",
                profile_name=profile_name,
                endpoint_url=endpoint_url,
            )
            return client_factory()(config, create_bucket=not no_create_bucket)

        return command(client_for=client_for, **arguments)

    return _add(_CONNECTION_OPTIONS, with_screen(run))


def _add(
    options: tuple[Callable[[Callable[..., int]], Callable[..., int]], ...],
    command: Callable[..., int],
) -> Callable[..., int]:
    """`command` with `options`, which `--help` shows in the order given here."""
    for option in reversed(options):
        command = option(command)
    return command
