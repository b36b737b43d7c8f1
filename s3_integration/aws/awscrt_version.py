"""Whether awscrt is there, and new enough for what this package asks of it."""

from __future__ import annotations

import re
from importlib import metadata

from s3_integration.exceptions import S3ConfigError

_LEAST = (0, 38, 1)
"""pyproject.toml asks for it too: 0.38.0 has neither retries that can be switched off nor a heap
that survives empty downloads."""


def check_awscrt() -> None:
    """Raise an `S3ConfigError` unless engine "crt" can work here; awscrt is not imported."""
    try:
        version = metadata.version("awscrt")
    except metadata.PackageNotFoundError as error:
        raise _unusable("awscrt is not installed") from error
    if tuple(int(number) for number in re.findall(r"\d+", version)[:3]) < _LEAST:
        raise _unusable(f"awscrt is too old ({version})")


def _unusable(problem: str) -> S3ConfigError:
    return S3ConfigError(
        f"The setting engine='crt' cannot be used: {problem}.",
        suggestion='Run pip install "awscrt>=0.38.1", or leave the setting out.',
    )
