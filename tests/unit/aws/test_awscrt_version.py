"""Whether the engine of awscrt can work here."""

from __future__ import annotations

from importlib import metadata

import pytest

from s3_integration import S3ConfigError
from s3_integration.aws.awscrt_version import check_awscrt


@pytest.mark.parametrize("version", ["0.38.1", "0.38.10", "0.100.0", "1.0.0.dev1"])
def test_versions_that_do_what_is_asked_of_them_are_taken(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(metadata, "version", lambda _: version)

    check_awscrt()


@pytest.mark.parametrize("version", ["0.38.0", "0.9.9", "0.38"])
def test_older_ones_are_refused(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(metadata, "version", lambda _: version)

    with pytest.raises(S3ConfigError, match=f"too old .{version}") as caught:
        check_awscrt()

    assert '"awscrt>=0.38.1"' in caught.value.suggestion


def test_where_it_is_missing_what_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nothing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", find_nothing)

    with pytest.raises(S3ConfigError, match=r"engine='crt' .*: awscrt is not installed") as caught:
        check_awscrt()

    assert 'pip install "awscrt>=0.38.1"' in caught.value.suggestion
