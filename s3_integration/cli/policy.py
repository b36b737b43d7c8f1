"""The command that writes the smallest IAM policy: policy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args

import click

from s3_integration.bucket.policy import RECOMMENDED, Feature
from s3_integration.cli import edge
from s3_integration.cli.options import no_url, with_client

if TYPE_CHECKING:
    from s3_integration.cli.screen import Screen
    from s3_integration.client import S3Client


@click.command(short_help="Write the IAM policy that suffices.")
@click.option(
    "--feature",
    "features",
    multiple=True,
    type=click.Choice(get_args(Feature)),
    default=RECOMMENDED,
    show_default=True,
    help="What is to be allowed. Repeatable.",
)
@click.option(
    "--prefix",
    default="",
    callback=no_url,
    metavar="PREFIX",
    help="Only for keys that begin so.  [default: all keys]",
)
@with_client
def policy(client: S3Client, screen: Screen, *, features: tuple[Feature, ...], prefix: str) -> int:
    """Write the smallest IAM policy with which these features work, as JSON.

    Give it to a user or a role, for example with 'aws iam put-user-policy'. Nothing is
    sent, and no credentials are needed; with --json it takes one line.
    """
    document = client.bucket.policy(features, prefix=prefix)
    screen.result(document, json.dumps(document, indent=4))
    return edge.DONE
