"""Policies are enough, and no action of theirs is too much: proved by a server that enforces them.

The server is moto with IAM switched on and put right where it differs from AWS
(`tests/fixtures/iam_process.py`); the package takes it for AWS, and so sends it what AWS gets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from s3_integration.aws import session
from s3_integration.aws.endpoints import AWS
from s3_integration.bucket.policy import NEEDS, Feature, actions_of, policy_document
from s3_integration.exceptions import S3AccessDeniedError, S3IntegrationError
from tests.fixtures.iam_process import CORRECTIONS, Correction, action_in_moto
from tests.fixtures.iam_server import IamServer, iam_server
from tests.fixtures.iam_stage import SMALL, Stage
from tests.fixtures.least_privilege import EXERCISES, GOES_ON, LOOKS, ON_TOP_OF
from tests.fixtures.servers import chosen_servers

FEATURES: tuple[Feature, ...] = get_args(Feature)


@pytest.fixture(scope="module")
def iam(request: pytest.FixtureRequest) -> Iterator[IamServer]:
    if "moto" not in chosen_servers(request.config):
        pytest.skip("needs moto")
    with iam_server() as started:
        yield started


@pytest.fixture(scope="module")
def shared_stage(iam: IamServer, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(iam, tmp_path_factory.mktemp("files"), tmp_path_factory.mktemp("state"))


@pytest.fixture
def stage(shared_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(session, "profile_of", lambda _: AWS)
    monkeypatch.setenv("XDG_STATE_HOME", str(shared_stage._state))
    return shared_stage


CALLS = [(feature, call) for feature in FEATURES for call in NEEDS[feature]]


def let_user_have(actions: Iterable[str], feature: Feature, stage: Stage) -> None:
    """Give the user these actions of the feature's policy, and what it stands on."""
    bucket_name = "*" if feature in {"create", "secure"} else stage.bucket_name
    base = ON_TOP_OF.get(feature, ())
    policy = policy_document(bucket_name, [*base, feature])
    allowed = set(actions)
    if base:
        allowed |= set(actions_of(base)) - set(actions_of([feature]))
    for statement in policy["Statement"]:
        statement["Action"] = [action for action in statement["Action"] if action in allowed]
    policy["Statement"] = [each for each in policy["Statement"] if each["Action"]] or [NOTHING]
    if feature == "resume":
        stage.kill_uploads()
    stage.let_user(policy)


NOTHING = {"Effect": "Deny", "Action": ["*"], "Resource": ["*"]}


def test_every_call_of_every_feature_is_made() -> None:
    assert {call for _, call in CALLS} == set(EXERCISES)
    assert {call for call, _ in GOES_ON} <= set(EXERCISES)


@pytest.mark.parametrize(("feature", "call"), CALLS)
def test_every_call_does_its_work_with_the_actions_of_its_row(
    feature: Feature, call: str, stage: Stage
) -> None:
    let_user_have(NEEDS[feature][call], feature, stage)

    EXERCISES[call](stage)

    assert [each for each in stage.server.refused() if (call, each[0]) not in LOOKS] == []
    assert stage.unfinished() == []


@pytest.mark.parametrize(
    ("feature", "call", "action"),
    [(feature, call, action) for feature, call in CALLS for action in NEEDS[feature][call]],
)
@pytest.mark.promise(6)
def test_without_any_one_of_them_it_is_refused_and_the_error_names_that_one(
    feature: Feature, call: str, action: str, stage: Stage
) -> None:
    let_user_have(set(NEEDS[feature][call]) - {action}, feature, stage)

    error = _outcome_of(call, stage)

    on = [resource for refused, resource in stage.server.refused() if refused == action]
    assert on
    if (call, action) in GOES_ON:
        assert error is None
    else:
        assert isinstance(error, S3AccessDeniedError)
        assert action in error.suggestion
        assert any(resource in error.suggestion for resource in on)


def _outcome_of(call: str, stage: Stage) -> S3IntegrationError | None:
    try:
        EXERCISES[call](stage)
    except S3IntegrationError as error:
        return error
    return None


# Prefixes

PREFIX = "agents/7/"


def test_with_a_prefix_everything_under_it_can_be_done(stage: Stage) -> None:
    stage.let_user(policy_document(stage.bucket_name, prefix=PREFIX))
    client = stage.client(create_bucket=False)
    key = stage.new_key(PREFIX)

    client.upload_file(stage.file(), key)
    path = client.download_file(key, stage.folder / "fetched")

    assert Path(path).read_bytes() == SMALL
    assert client.file_exists(key)
    assert key in [file["key"] for file in client.list_files(PREFIX)]
    assert key in [file["key"] for file in client.list_files(key)]
    assert client.delete_file(key)
    assert stage.server.refused() == []


@pytest.mark.parametrize("outside", ["agents/8/x", "agents/7", "agents/70/x", "x"])
def test_with_a_prefix_nothing_beside_it_can_be_done(outside: str, stage: Stage) -> None:
    stage.let_user(policy_document(stage.bucket_name, prefix=PREFIX))
    client = stage.client(create_bucket=False)
    stage.put(outside)

    for attempt in (
        lambda: client.upload_file(stage.file(b"another"), outside),
        lambda: client.download_file(outside, stage.folder / "fetched"),
        lambda: client.file_exists(outside),
        lambda: client.delete_file(outside),
        lambda: client.list_files(outside),
        client.list_files,
    ):
        with pytest.raises(S3AccessDeniedError):
            attempt()

    assert stage.get(outside) == SMALL


def test_with_a_prefix_a_missing_key_is_told_as_a_refusal_and_never_as_missing(
    stage: Stage,
) -> None:
    stage.let_user(policy_document(stage.bucket_name, prefix=PREFIX))

    with pytest.raises(S3AccessDeniedError, match="s3:ListBucket on arn:aws:s3:::notes-"):
        stage.client().file_exists(stage.new_key(PREFIX))


# What the server was told of AWS


@pytest.mark.parametrize("correction", CORRECTIONS, ids=lambda each: f"{each.method} {each.query}")
def test_moto_still_names_these_actions_otherwise(correction: Correction) -> None:
    found = action_in_moto(correction.level, correction.method, correction.query)

    assert found == correction.in_moto
    assert correction.in_aws != found
