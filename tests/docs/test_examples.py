"""Every example of README.md and of the guide runs, Python and shell, in its order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import partial
from inspect import getmembers
from pathlib import Path

import pytest
from click.testing import CliRunner
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from s3_integration import S3Client, S3Config, TransferConfig, config
from s3_integration.bucket.bucket import Bucket
from s3_integration.cli import app
from tests.fixtures.moto_server import moto_server

ROOT = Path(__file__).parents[2]


@pytest.fixture
def local_s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An S3 in the environment, and the bucket that shell lines name as the default one."""
    with moto_server() as endpoint_url:
        monkeypatch.setenv("S3_INTEGRATION_BUCKET", "my-bucket")
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint_url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "readme")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "readme-secret")
        yield


@pytest.fixture
def readme_surroundings(local_s3: None) -> None:
    """The files that the README's examples speak of."""
    for name in ("local_file.txt", "report.pdf", "important_data.json"):
        Path(name).write_text(name)
    Path("reports").mkdir()
    for key in ("remote_file.txt", "data/1"):
        S3Client().upload_file("local_file.txt", key)
    S3Client("custom-bucket").upload_file("important_data.json")


def run_examples_of(page: Path) -> None:
    """Run a page's blocks of Python, in one namespace, and its shell lines between them."""
    text = page.read_text(encoding="utf-8")
    examples = list(Sybil([PythonCodeBlockParser()], encoding="utf-8").parse(page).examples())
    steps: list[tuple[int, Callable[[], object]]] = [
        *((example.start, example.evaluate) for example in examples),
        *(
            (found.start(), partial(run_in_shell, found[1] or found[2]))
            for found in SHELL_LINE.finditer(text)
        ),
    ]

    for _, run in sorted(steps, key=lambda step: step[0]):
        run()

    assert len(examples) == text.count("```python")
    assert len(steps) > len(examples)


SHELL_LINE = re.compile(r"^(s3i .+)|`(s3i [a-z]+ (?!-)[^`\n]+)`", re.MULTILINE)
"""A line of a block, or a whole command in the middle of a sentence."""

NOT_TO_BE_RUN = re.compile(r" [A-Z]{3,}\b|^s3i sandbox ")
"""What stands for something else; and what runs until Ctrl-C."""


FINDINGS = re.compile(r" controls are not as they should be\.$| still open\.$", re.MULTILINE)


def run_in_shell(line: str) -> None:
    """Run one command, which has to succeed."""
    if NOT_TO_BE_RUN.search(line):
        return
    ended = CliRunner().invoke(app.s3i, shlex.split(line, comments=True)[1:])

    # This S3 lacks some of what an audit looks for, and says so.
    codes = {0, 1} if FINDINGS.search(ended.output) else {0}
    assert ended.exit_code in codes, f"{line}\n{ended.output}"


def test_every_example_of_the_readme_runs(
    readme_surroundings: None, capsys: pytest.CaptureFixture[str]
) -> None:
    run_examples_of(ROOT / "README.md")

    printed = capsys.readouterr().out
    assert "Uploaded to: local_file.txt" in printed
    assert "Downloaded to: downloaded_file.txt" in printed
    assert "data/1 - 14 bytes" in printed
    assert Path("downloaded_file.txt").read_text() == "local_file.txt"
    assert Path("local_data.json").read_text() == "important_data.json"


@pytest.mark.usefixtures("local_s3")
def test_every_example_of_the_guide_runs(capsys: pytest.CaptureFixture[str]) -> None:
    Path("report.pdf").write_bytes(b"%PDF")
    for name in ("a.txt", "b/c.txt", "d.tmp"):
        Path("project", name).parent.mkdir(parents=True, exist_ok=True)
        Path("project", name).write_text(name)

    run_examples_of(ROOT / "docs" / "guide.md")

    printed = capsys.readouterr().out
    assert "2 stored, 1 skipped, 0 failed" in printed
    assert "somebody else has it" in printed
    assert Path("restored", "b", "c.txt").read_text() == "b/c.txt"


@pytest.mark.parametrize(
    ("program", "printed"),
    [
        ("agent_notes.py", "- The customer prefers e-mail.\n- The invoice was sent.\n"),
        ("backup_folder.py", "1 files stored, 0 as they were, 0 failed"),
        ("share_report.py", "name,amount\nInvoice 7,120\n"),
        ("look_into_archive.py", "30 files in archives/logs.zip\nday 15: all is well\n"),
        ("undo_mistakes.py", "after a deletion: the signed contract\n"),
    ],
)
@pytest.mark.usefixtures("local_s3")
def test_every_example_program_runs(program: str, printed: str) -> None:
    Path("file.txt").write_text("content")

    ended = subprocess.run(
        (sys.executable, ROOT / "examples" / program),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert printed in ended.stdout


def test_every_program_is_listed_with_the_others() -> None:
    listed = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")

    assert [path.name for path in ROOT.glob("examples/*.py") if path.name not in listed] == []


def test_the_readme_names_every_call_and_every_command() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("| task |")[2]
    table = table.partition("\n\n")[0]
    calls = {name for kind in (S3Client, Bucket) for name, _ in getmembers(kind, callable)}

    names = {name for name in calls if not name.startswith("_")} | {"bucket"} | set(app._MODULES)

    assert {name for name in names if f"`{name}`" not in table} == set()


def test_every_link_of_the_readme_leads_somewhere() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", readme)

    broken = [link for link in links if not leads_somewhere(link)]

    assert len(links) > 20
    assert not broken


def leads_somewhere(link: str) -> bool:
    """Whether there is such a file, with a heading for the anchor, as GitHub names it."""
    name, _, anchor = link.partition("#")
    page = ROOT / (name or "README.md")
    text = page.read_text(encoding="utf-8") if page.suffix == ".md" else ""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return page.exists() and (not anchor or anchor in anchors)


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
