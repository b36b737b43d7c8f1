"""The whole surface against a model of a bucket with versions, with a second writer interfering."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase
from hypothesis.errors import FlakyFailure

from s3_integration import S3Client, S3Config
from tests.fixtures.servers import ServerUnderTest
from tests.fixtures.surface.defects import DEFECTIVE
from tests.fixtures.surface.running import STEPS, run_steps
from tests.fixtures.surface.stage import Stage, stage_on


@pytest.fixture
def stage(server: ServerUnderTest, config: S3Config, plain: Any, tmp_path: Path) -> Iterator[Stage]:
    server.must_have("any key")
    server.must_have("versions")
    with stage_on(server, config.bucket_name, plain, tmp_path) as made:
        yield made


def test_whatever_is_called_in_whatever_order_the_model_foretells_it(stage: Stage) -> None:
    run_steps(stage, STEPS)

    assert stage.steps >= STEPS
    assert stage.meddled_steps > STEPS // 200


@pytest.mark.parametrize("make_client", DEFECTIVE, ids=lambda kind: kind.__name__)
def test_the_machine_finds_what_is_wrong(
    server: ServerUnderTest,
    config: S3Config,
    plain: Any,
    tmp_path: Path,
    make_client: type[S3Client],
) -> None:
    if server.name != "moto":
        pytest.skip("the machine is tested here, for which the quickest server is enough")

    # FlakyFailure: by the second writer's doing it may go another way the second time.
    with (
        stage_on(server, config.bucket_name, plain, tmp_path, make_client) as stage,
        pytest.raises((AssertionError, FlakyFailure)) as caught,
    ):
        run_steps(stage, STEPS, [Phase.generate])

    assert not str(caught.value).startswith("DID NOT RAISE")
