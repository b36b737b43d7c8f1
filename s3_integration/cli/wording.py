"""Messages that are written for programs in Python, in the words of the shell."""

from __future__ import annotations

import re
from typing import Final


def message_of_the_shell(message: str) -> str:
    """A message with its argument named as `--help` names it; the rest may quote anything."""
    return _ARGUMENT.sub(lambda found: f"{_word(found)} {found['value']}{_CANNOT}", message)


def in_words_of_the_shell(suggestion: str) -> str:
    """A suggestion for Python programs as one for people at a shell."""
    for ours, theirs in _PHRASES.items():
        suggestion = suggestion.replace(ours, theirs)
    return _ANOTHER.sub(lambda found: f"Give another {_word(found)}.", suggestion)


# Whole phrases: a key that a suggestion names may hold a single word.
_PHRASES: Final = {
    "list_files(prefix=...)": "'s3i ls PREFIX'",
    "list_versions(s3_key)": "'s3i versions S3_KEY'",
    "restore_file(s3_key)": "'s3i restore S3_KEY'",
    "are stored by upload_directory": "are stored by 's3i sync'",
    "let the first upload create it (create_bucket=True)": "create it with 's3i bucket create'",
    "pass create_bucket=False": "give --no-create-bucket",
    "if_exists='overwrite'": "--if-exists overwrite",
    "empty_source='allow'": "--allow-empty-source",
    "plain_http='anywhere'": "S3_INTEGRATION_PLAIN_HTTP=anywhere",
    "AWS_PROFILE or profile_name": "AWS_PROFILE or --profile",
    "Give bucket_name another": "Give --bucket another",
    "Give region another": "Give --region another",
    "Give endpoint_url another": "Give --endpoint-url another",
    "Give logging_bucket another": "Give --logging-bucket another",
    "Give kms_key another": "Give --kms-key another",
    "or correct endpoint_url": "or correct --endpoint-url",
    "Set region (": "Set --region (",
    "Call bucket.secure(logging_bucket=...)": "Run 's3i bucket secure --logging-bucket NAME'",
    "Call bucket.secure(expire_old_versions_after_days=90)": (
        "Run 's3i bucket secure --expire-old-versions 90'"
    ),
    "Call bucket.secure()": "Run 's3i bucket secure'",
    "call bucket.secure()": "run 's3i bucket secure'",
    "ive expected_owner ": "ive --expected-owner ",
    "Give another logging_bucket": "Give --logging-bucket another bucket",
    "Leave logging_bucket out": "Leave --logging-bucket out",
}

_WORDS: Final = {
    "s3_key": "S3_KEY",
    "local_path": "LOCAL_PATH",
    "target_key": "TARGET",
    "target_prefix": "TARGET",
    "prefix": "PREFIX",
    "source_prefix": "SOURCE",
    "include": "--include",
    "exclude": "--exclude",
    "content_type": "--content-type",
    "metadata": "--metadata",
    "tags": "--tag",
    "version_id": "--version-id",
    "file_name": "--file-name",
    "expires_in_seconds": "--expires",
}
"""What stands in `--help` for the arguments of methods."""

_CANNOT: Final = " cannot be used: "
_ARGUMENT: Final = re.compile(r"\AThe argument (?P<name>\w+)=(?P<value>.*?)" + _CANNOT, re.DOTALL)
_ANOTHER: Final = re.compile(r"\ACall again with another (?P<name>\w+)\.")


def _word(found: re.Match[str]) -> str:
    name = found["name"]
    return _WORDS.get(name, name)
