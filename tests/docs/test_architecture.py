"""docs/architecture.md names every module in the table of its folder, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "s3_integration"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

FOLDERS = ("cli", "doctor", "bulk", "bucket", "transfer", "aws")


def named_in(*headings: str) -> set[str]:
    """The modules in the first columns of the tables under these headings."""
    sections = [PAGE.partition(f"### {each}")[2].partition("\n##")[0] for each in headings]
    rows = re.findall(r"^\| (`[^|]+) \|", "\n".join(sections), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+\.py)`", row)}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_module_of_a_folder_is_named_and_no_other(folder: str) -> None:
    there = {path.name for path in (PACKAGE / folder).glob("*.py")} - {"__init__.py"}

    assert named_in(f"{folder}/, ") == there


def test_every_module_that_programs_use_or_that_lies_below_all_is_named_and_no_other() -> None:
    there = {path.name for path in PACKAGE.glob("*.py")}
    there |= {f"surface/{path.name}" for path in (PACKAGE / "surface").glob("*.py")}

    assert named_in("What programs use", "Below all") == there - {"surface/__init__.py"}


def test_the_layers_are_those_that_import_linter_proves() -> None:
    told = PAGE.partition("in this order:")[2].partition("import-linter")[0]
    contract = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    proved = contract.partition("\nlayers = [")[2].partition("\n]")[0]

    assert re.findall(r"`([^`]+)`", told) == re.findall(r'"([^"]+)"', proved)
