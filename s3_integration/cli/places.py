"""Where a file is, as people write it: `s3://BUCKET/KEY`, or a path of this machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import click

from s3_integration.utils import bucket_name_problem, prefix_problem

_SCHEME = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]+)://(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
"""RFC 3986, section 3.1; with two letters at least, since one may be a drive of Windows."""


@dataclass(frozen=True, slots=True)
class S3Place:
    """A place in S3."""

    bucket_name: str
    key: str
    """As it stands in the word, percent signs and all: keys are not encoded in such URLs. ""
    is the whole bucket; one that ends in a slash means a folder."""

    def __str__(self) -> str:
        return f"s3://{self.bucket_name}/{self.key}"


def place_of(word: str) -> S3Place | Path:
    """The place that `word` names; nothing is looked for there.

    A path loses the slash at its end by that; ask the word for it. A file whose name begins
    like a URL is `./s3:…`.

    Raises:
        click.BadParameter: it is empty, another kind of URL, or names a bucket or key that S3
            cannot have.
    """
    if not word:
        message = "it is empty."
        raise click.BadParameter(message)
    url = _SCHEME.fullmatch(word)
    if url is None:
        if word.lower().startswith("s3:"):
            message = f"{word!r} is no place. Write s3://BUCKET/KEY."
            raise click.BadParameter(message)
        return Path(word)
    if url["scheme"].lower() != "s3":
        message = f"{word!r} is neither s3://BUCKET/KEY nor a path."
        raise click.BadParameter(message)
    return _s3_place(word, url["rest"])


def place_of_argument(parameter: str, word: str) -> S3Place | Path:
    """The same for an argument of the running command, which a refusal names.

    Raises:
        click.BadParameter: see `place_of`.
    """
    try:
        return place_of(word)
    except click.BadParameter as error:
        context = click.get_current_context()
        known = next(each for each in context.command.params if each.name == parameter)
        raise click.BadParameter(error.message, context, known) from None


def _s3_place(word: str, rest: str) -> S3Place:
    bucket_name, _, key = rest.partition("/")
    if problem := bucket_name_problem(bucket_name):
        message = f"{word!r} names no bucket: {problem}."
        raise click.BadParameter(message)
    if problem := prefix_problem(key):
        message = f"{word!r} names no key: {problem}."
        raise click.BadParameter(message)
    return S3Place(bucket_name, key)
