"""docs/security.md says of audits what the list of controls says."""

from __future__ import annotations

import pytest

from tests.docs.bucket_sections import SCREENS, TEXTS, render, screens_on_page, written

HOW = "run `python -m pytest tests/integration/test_bucket_pages.py --write-bucket-sections`"


@pytest.mark.parametrize("title", TEXTS)
def test_a_section_is_what_its_text_and_the_screens_make_of_it(title: str) -> None:
    page = "".join(TEXTS.values())
    places = sorted(SCREENS, key=lambda name: page.index(f"{{{name}}}"))

    assert written(title) == render(title, dict(zip(places, screens_on_page(), strict=True))), HOW
