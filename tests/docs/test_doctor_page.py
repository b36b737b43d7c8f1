"""docs/doctor.md shows all the screens that tests make; those compare them."""

from __future__ import annotations

from tests.docs.doctor_page import PAGE, SCREENS, render, screens

HOW = "run `python -m pytest tests/integration/test_doctor.py --write-doctor-page`"


def test_the_page_is_what_its_screens_make_of_it() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(screens()), HOW


def test_the_page_shows_every_screen() -> None:
    assert [title for title, screen in screens().items() if screen] == list(SCREENS), HOW
