"""How the engine is set up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from s3_integration.config import EngineName, TransferConfig, resolve_settings
from s3_integration.transfer.files import parts_at_once


@pytest.mark.parametrize(
    ("engine", "wanted", "number"),
    [("auto", 16, 16), ("boto3", 16, 16), ("crt", 16, 5), ("crt", 2, 2)],
)
def test_awscrt_gets_no_more_parts_than_memory_has_room_for(
    engine: EngineName, wanted: int, number: int
) -> None:
    transfer = TransferConfig(parts_in_flight=wanted)
    settings = replace(
        resolve_settings(environment={}, dotenv={}), engine=engine, transfer=transfer
    )

    assert parts_at_once(settings) == number
