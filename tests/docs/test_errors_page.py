"""docs/errors.md says what the code says."""

from __future__ import annotations

from tests.docs.errors_page import PAGE, render


def test_the_errors_page_is_what_the_table_makes_of_it() -> None:
    written = PAGE.read_text(encoding="utf-8")

    assert written == render(), "run `python -m tests.docs.errors_page`"
