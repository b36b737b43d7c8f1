"""docs/security.md says of policies what the tests prove."""

from __future__ import annotations

from tests.docs.least_privilege_section import render, written


def test_the_section_on_least_privilege_is_what_the_tables_make_of_it() -> None:
    assert written() == render(), "run `python -m tests.docs.least_privilege_section`"
