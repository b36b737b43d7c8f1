"""Clients that other processes make of this one's settings."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from s3_integration import S3Client, S3ConfigError
from s3_integration.config import S3Config, resolve_settings
from s3_integration.elsewhere import StorageElsewhere
from s3_integration.portable import PortableSettings
from tests.fixtures.mock_responses import CONFIG


def elsewhere(bucket_name: str = "one") -> StorageElsewhere:
    config = S3Config(bucket_name, access_key_id="id", secret_access_key="secret")
    settings = resolve_settings(config=config, environment={}, dotenv={})
    return StorageElsewhere(PortableSettings.of(settings, config))


def service_of(maker: StorageElsewhere) -> Any:
    arrived = pickle.loads(pickle.dumps(maker))  # noqa: S301 - pickled right here
    assert isinstance(arrived, StorageElsewhere)
    bound: Any = arrived.storage().prepare
    return bound.__self__


def test_a_process_makes_one_client_of_the_same_settings_for_all_threads() -> None:
    with ThreadPoolExecutor(8) as threads:
        services = {id(service) for service in threads.map(service_of, [elsewhere()] * 100)}

    assert len(services) == 1
    assert service_of(elsewhere("another")) is not service_of(elsewhere())


def test_only_so_many_clients_are_kept() -> None:
    first = service_of(elsewhere("first"))
    for number in range(20):
        service_of(elsewhere(f"bucket-{number}"))

    assert service_of(elsewhere("first")) is not first


def test_the_bucket_is_not_made_a_second_time() -> None:
    assert service_of(elsewhere())._create_bucket is False


@pytest.mark.parametrize("call", ["upload", "download", "copy", "delete"])
@pytest.mark.parametrize("executor", ["dask", 4, os, ThreadPoolExecutor])
def test_what_is_no_executor_is_refused_before_anything_is_sent(
    call: str, executor: Any, tmp_path: Any
) -> None:
    client = S3Client(config=CONFIG)
    arguments = {"upload": (tmp_path, "p"), "download": ("p", tmp_path), "copy": ("p", "q")}

    with pytest.raises(S3ConfigError, match=r"executor=.*not an Executor") as caught:
        getattr(client, f"{call}_directory")(*arguments.get(call, ("p",)), executor=executor)

    assert "get_executor()" in caught.value.suggestion
