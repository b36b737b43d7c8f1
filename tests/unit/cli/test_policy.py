"""s3i policy: JSON for IAM, without a request."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from s3_integration.bucket.policy import policy_document
from s3_integration.cli.app import s3i
from tests.fixtures.shell import objects


def run(*arguments: str) -> Result:
    """Run the command with a client as it is: unit tests have no network anyway."""
    return CliRunner(catch_exceptions=False).invoke(s3i, ("policy", *arguments))


def test_without_options_it_is_the_recommended_policy() -> None:
    result = run()

    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == policy_document("peerpilot-kiro-data")
    assert result.stdout.startswith('{\n    "Version": "2012-10-17"')


def test_features_prefix_bucket_and_region_are_those_of_the_options() -> None:
    result = run(
        *("--feature", "read", "--feature", "resume", "--prefix", "a/"),
        *("--bucket", "notes", "--region", "cn-north-1"),
    )

    wanted = policy_document("notes", ["read", "resume"], prefix="a/", region="cn-north-1")
    assert json.loads(result.stdout) == wanted


def test_as_json_it_is_one_object_on_one_line() -> None:
    result = run("--json")

    assert objects(result.stdout) == [policy_document("peerpilot-kiro-data")]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(("--feature", "fly"), "read"), (("--prefix", "s3://notes/a"), "--bucket")],
)
def test_a_feature_that_does_not_exist_and_a_url_are_wrong_usage(
    arguments: tuple[str, ...], named: str
) -> None:
    result = run(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert named in result.stderr
