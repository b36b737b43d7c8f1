"""docs/semantics.md and the tests that are marked `promise` speak of each other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "semantics.md"


def listed_proofs() -> set[tuple[int, str]]:
    """Promise and test, as the page lists them."""
    sections = re.split(r"^## (\d+)\. ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    numbered = zip(sections[1::2], sections[2::2], strict=True)
    return {
        (int(number), test)
        for number, section in numbered
        for test in re.findall(r"^- `(tests/\S+::\w+)`$", section, re.MULTILINE)
    }


def marked_proofs() -> set[tuple[int, str]]:
    """Promise and test, as the tests are marked."""
    return {
        (promise, f"{path.relative_to(ROOT).as_posix()}::{function.name}")
        for path in (ROOT / "tests").rglob("test_*.py")
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef)
        for promise in promises_of(function)
    }


def promises_of(function: ast.FunctionDef) -> list[int]:
    """The numbers in a test's `@pytest.mark.promise(...)`."""
    marks = [mark for mark in function.decorator_list if isinstance(mark, ast.Call)]
    return [
        int(ast.literal_eval(mark.args[0]))
        for mark in marks
        if ast.unparse(mark.func) == "pytest.mark.promise"
    ]


def named_tests() -> set[tuple[str, str]]:
    """File and test of whatever the page names anywhere."""
    return set(re.findall(r"`(tests/\S+\.py)::(\w+)`", PAGE.read_text(encoding="utf-8")))


def names_in(path: str) -> set[str]:
    """The names of a file's tests."""
    return set(re.findall(r"^def (test_\w+)\(", (ROOT / path).read_text("utf-8"), re.MULTILINE))


def test_the_page_lists_exactly_the_tests_that_are_marked() -> None:
    assert listed_proofs() == marked_proofs()


def test_every_promise_is_proved() -> None:
    assert {promise for promise, _ in listed_proofs()} == set(range(1, 11))


def test_every_test_that_the_page_names_is_there() -> None:
    missing = [(path, name) for path, name in named_tests() if name not in names_in(path)]

    assert len(named_tests()) > len(listed_proofs())
    assert missing == []
