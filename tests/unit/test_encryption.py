"""How S3 is to encrypt: what is refused as a setting, and where it is found."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from s3_integration import Encryption, S3Config, S3ConfigError
from s3_integration.config import Settings, resolve_settings
from s3_integration.logs import redact

KEY = bytes(range(100, 132))
SSE_C = Encryption(method="SSE-C", customer_key=KEY)


def resolve(config: S3Config | None = None, **variables: str) -> Settings:
    environment = {f"S3_INTEGRATION_{name}": text for name, text in variables.items()}
    return resolve_settings(config=config, environment=environment, dotenv={})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"method": "AES256"}, "one of SSE-S3, SSE-KMS, SSE-C"),
        ({"method": "SSE-C"}, "needs a key"),
        ({"method": "SSE-C", "customer_key": KEY[:31]}, "31 bytes, not 32"),
        ({"method": "SSE-C", "customer_key": KEY * 2}, "64 bytes, not 32"),
        ({"method": "SSE-C", "customer_key": "k" * 32}, "it is a str"),
        ({"method": "SSE-C", "customer_key": KEY, "kms_key_id": "k"}, "belongs to SSE-KMS"),
        ({"method": "SSE-S3", "customer_key": KEY}, "belongs to SSE-C"),
        ({"method": "SSE-S3", "bucket_key": True}, "belongs to SSE-KMS"),
        ({"method": "SSE-KMS", "kms_key_id": ""}, "it is empty"),
        ({"method": "SSE-KMS", "kms_key_id": "a\r\nx-evil: 1"}, "unprintable"),
        ({"method": "SSE-KMS", "bucket_key": 1}, "it is a int"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_request(
    settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(S3ConfigError, match=said) as caught:
        Encryption(**settings)

    assert "defgh" not in str(caught.value)  # so the key begins
    assert "kkkk" not in str(caught.value)


@pytest.mark.promise(7)
def test_a_customer_key_is_in_no_repr_and_blotted_out_of_logs() -> None:
    shown = f"{SSE_C!r} {S3Config(encryption=SSE_C)!r} {resolve(S3Config(encryption=SSE_C))!r}"

    assert "SSE-C" in shown
    assert "defgh" not in shown
    assert b64encode(KEY).decode() not in redact(f"key {b64encode(KEY).decode()}")


def test_the_environment_can_say_it() -> None:
    key = b64encode(KEY).decode()

    assert resolve(ENCRYPTION="SSE-S3").encryption == Encryption(method="SSE-S3")
    assert resolve(ENCRYPTION="SSE-C", CUSTOMER_KEY=key).encryption == SSE_C
    assert resolve(ENCRYPTION="SSE-KMS", KMS_KEY_ID="alias/k").encryption == Encryption(
        method="SSE-KMS", kms_key_id="alias/k"
    )
    assert resolve(S3Config(encryption=SSE_C), ENCRYPTION="SSE-S3").encryption == SSE_C


@pytest.mark.parametrize("key", ["no base64", "c2hvcnQ=", "=" + b64encode(KEY).decode()])
@pytest.mark.promise(7)
def test_a_key_of_the_environment_that_is_none_is_refused_unseen(key: str) -> None:
    with pytest.raises(S3ConfigError) as caught:
        resolve(ENCRYPTION="SSE-C", CUSTOMER_KEY=key)

    assert key not in str(caught.value)


def test_a_customer_key_crosses_no_network_in_the_clear() -> None:
    config = S3Config(encryption=SSE_C, plain_http="anywhere")

    with pytest.raises(S3ConfigError, match="SSE-C sends the key along"):
        resolve(replace(config, endpoint_url="http://s3.example.org"))
    for url in ("https://s3.example.org", "http://127.0.0.1:9000"):
        assert resolve(replace(config, endpoint_url=url)).encryption == SSE_C
