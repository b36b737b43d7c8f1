"""Every Python example of README.md runs, in its order, as it is printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from s3_integration import S3Client, S3Config, TransferConfig, config
from tests.fixtures.moto_server import moto_server

ROOT = Path(__file__).parents[2]


@pytest.fixture
def readme_surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An S3 in the environment, and the files that the examples speak of."""
    with moto_server() as endpoint_url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint_url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "readme")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "readme-secret")
        for name in ("local_file.txt", "report.pdf", "important_data.json"):
            Path(name).write_text(name)
        for key in ("remote_file.txt", "data/1"):
            S3Client().upload_file("local_file.txt", key)
        S3Client("custom-bucket").upload_file("important_data.json")
        yield


def test_every_python_example_of_the_readme_runs(
    readme_surroundings: None, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = Sybil([PythonCodeBlockParser()], encoding="utf-8").parse(ROOT / "README.md")
    examples = list(readme.examples())

    for example in examples:
        example.evaluate()

    printed = capsys.readouterr().out
    assert len(examples) == (ROOT / "README.md").read_text().count("```python")
    assert "Uploaded to: local_file.txt" in printed
    assert "Downloaded to: downloaded_file.txt" in printed
    assert "data/1 - 14 bytes" in printed
    assert Path("downloaded_file.txt").read_text() == "local_file.txt"
    assert Path("local_data.json").read_text() == "important_data.json"


def test_the_readme_names_every_variable_that_is_read() -> None:
    source = Path(config.__file__).read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    quoted = {word for word in source.split('"') if word.startswith(("AWS_", "S3_INTEGRATION_"))}

    missing = {name for name in quoted if name.isidentifier() and f"`{name}`" not in readme}

    assert quoted
    assert not missing


def test_the_readme_names_every_setting() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    names = [setting.name for kind in (S3Config, TransferConfig) for setting in fields(kind)]

    assert [name for name in names if f"`{name}`" not in readme] == []
