"""The program `s3i`: its commands under one roof."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from s3_integration.cli import edge
from s3_integration.cli.screen import tolerate_any_character
from s3_integration.overrides import override
from s3_integration.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

_PROGRAM = "s3i"
_COMPLETION_VARIABLE = "_S3I_COMPLETE"
"""Set by the shell when it asks click for completions instead of running a command."""

_EXIT_CODES = """\b
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 75 try again,
130 interrupted, 143 terminated.
"""


_MODULES = {
    "upload": "files",
    "download": "files",
    "cat": "contents",
    "ls": "files",
    "exists": "files",
    "info": "files",
    "rm": "files",
    "cp": "copies",
    "mv": "copies",
    "sync": "sync",
    "versions": "history",
    "restore": "history",
    "tags": "tags",
    "presign": "links",
    "bucket": "bucket",
    "policy": "policy",
    "doctor": "doctor",
    "sandbox": "local",
    "demo": "demo",
}
"""Where each command is, in the order of `--help`; only the one that runs is imported."""


class Program(click.Group):
    """A click group whose failures all go through the one edge."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_MODULES)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return None
        module = importlib.import_module(f"s3_integration.cli.{_MODULES[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    @override
    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> Any:
        """Run the command that `args` name, and end the process with its exit code."""
        if _COMPLETION_VARIABLE in os.environ:
            return super().main(args, _PROGRAM, _COMPLETION_VARIABLE)
        arguments = list(sys.argv[1:] if args is None else args)
        extra.pop("prog_name", None)
        tolerate_any_character()
        with edge.ending_cleanly():
            code = edge.carry_out(lambda: self._run(arguments, extra), arguments)
        sys.exit(code)

    def _run(self, arguments: list[str], extra: dict[str, Any]) -> int | None:
        # A copy, because click takes the words out of the list that it is given.
        with self.make_context(_PROGRAM, arguments.copy(), **extra) as context:
            code: int | None = self.invoke(context)
            return code


@click.group(cls=Program, epilog=_EXIT_CODES, context_settings={"max_content_width": 100})
@click.version_option(__version__, prog_name=_PROGRAM)
def s3i() -> None:
    """Keep files in Amazon S3, or in any S3 that --endpoint-url names.

    Try it without an account: 's3i demo' runs everything once against an S3 inside this
    process, and 's3i sandbox' keeps such an S3 running for you.
    """
