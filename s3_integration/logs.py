"""Logging that never tells a secret.

The package logs under `s3_integration` and installs no handler but a `NullHandler`.
`log_to_stderr` is for people who want to look: it prints what the package logs, and
botocore's own lines too when asked, through a formatter that blots secrets out.
"""

from __future__ import annotations

import functools
import logging
import re
from typing import Literal, get_args
from urllib.parse import quote

from s3_integration.exceptions import S3ConfigError
from s3_integration.overrides import override

LogLevel = Literal["WARNING", "INFO", "DEBUG"]

_BLOT = "***"

_WIRE_LOGGERS = ("botocore", "boto3", "s3transfer", "urllib3")
"""Loggers of the libraries below; their DEBUG lines hold canonical requests with tokens."""

# A field's name, whatever stands between it and its value in headers, JSON, XML, Python's
# repr and query strings, and the value. Access key ids are names, not secrets, and stay.
_FIELDS_AND_VALUES = r"""((?:x-amz-security-token|x-amz-signature|x-amz-credential
        |x-amz-(?:copy-source-)?server-side-encryption-customer-key|ssecustomerkey|x-aws-ec2-metadata-token(?!-ttl)
        |x-amz-sso_bearer_token|(?:aws_?)?secret_?(?:access_?)?key|(?:aws_?)?session_?token|client_?secret|access_?token
        |refresh_?token|web_?identity_?token|(?<=["'<])token|\btoken(?=='))
        (?:["']?\s*[:=]\s*b?["']?|["']?,\s*b?["']|>|%3D))   # ': ', '=', tuple's ', ', '>', '%3D'
        ([^\s"'&<,;)}]+)"""
_AUTHORIZATION = r"""(authorization["']?\s*[:=,]\s*b?["']?)([^"'\r\n]+)"""
_SIGNATURE = r"(signature(?:=|:\s*|%3D))([0-9a-z+/%]{20,}=*)"

# What stands after the colon may be a port with a path.
_USER_IN_URL = r"""(https?://[^/\s:@"']*:(?!\d{1,5}/))([^\s@"']+)(?=@)"""


@functools.cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    """All of them, compiled by the first text: whoever imports the package need not wait for it."""
    fields = re.compile(_FIELDS_AND_VALUES, re.IGNORECASE | re.VERBOSE)
    others = (_AUTHORIZATION, _SIGNATURE, _USER_IN_URL)
    return fields, *(re.compile(pattern, re.IGNORECASE) for pattern in others)


_SHORTEST_SECRET = 8
"""Shorter values are words of a test server; blotting them out would garble every line."""

_HANDLER_NAME = "s3_integration.stderr"

_known_secrets: set[str] = set()


def remember_secret(value: str | None) -> None:
    """Blot `value` out of everything that `redact` sees from now on."""
    if value and len(value) >= _SHORTEST_SECRET:
        # Also as Python's repr and a URL's query would write it.
        escaped = value.encode("unicode_escape").decode("ascii")
        _known_secrets.update({value, escaped, quote(value, safe="", errors="replace")})


def redact(text: str) -> str:
    """`text` without secrets, session tokens, signatures and presigned queries."""
    # The longest first: one may be the beginning of another, whose rest would stay.
    for secret in sorted(_known_secrets, key=len, reverse=True):
        text = text.replace(secret, _BLOT)
    for pattern in _patterns():
        text = pattern.sub(rf"\g<1>{_BLOT}", text)
    return text


def in_one_line(told: object) -> str:
    """What somebody else says, without what would end a line or move a cursor; None is ""."""
    return "".join(each if each.isprintable() else "?" for each in str(told or ""))


class RedactingFormatter(logging.Formatter):
    """Formats a record as usual, then blots secrets out of the result, tracebacks included."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def log_to_stderr(level: LogLevel = "INFO", *, include_botocore: bool = False) -> None:
    """Print the package's log lines on standard error.

    Args:
        level: the least level to print.
        include_botocore: also print what botocore and urllib3 log, for looking at the
            wire. Their lines then stop going to handlers of your own, which would
            print them with secrets.

    Calling it again replaces what an earlier call set up.

    Raises:
        S3ConfigError: there is no such level.
    """
    if level not in get_args(LogLevel):
        raise S3ConfigError(
            f"The argument level={level!r} cannot be used: there is no such level.",
            suggestion=f"Use one of {', '.join(get_args(LogLevel))}.",
        )
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.set_name(_HANDLER_NAME)
    names = ("s3_integration", *(_WIRE_LOGGERS if include_botocore else ()))
    for name in ("s3_integration", *_WIRE_LOGGERS):
        _remove_own_handler(logging.getLogger(name))
    for name in names:
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(level)
        logger.propagate = name not in _WIRE_LOGGERS


def _remove_own_handler(logger: logging.Logger) -> None:
    for known in list(logger.handlers):
        if known.get_name() == _HANDLER_NAME:
            logger.removeHandler(known)
            logger.setLevel(logging.NOTSET)
            logger.propagate = True
