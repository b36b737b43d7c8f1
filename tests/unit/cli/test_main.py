"""The entry point, which has to say something sensible however little is installed."""

from __future__ import annotations

import atexit
import gc
import runpy
import sys
from collections.abc import Iterator
from typing import NoReturn

import pytest

from s3_integration import cli
from s3_integration.cli import app


@pytest.fixture(autouse=True)
def _arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["s3i", "--version"])


@pytest.fixture(autouse=True)
def _own_garbage_collection() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    atexit.unregister(gc.freeze)


def test_the_arguments_of_the_process_are_run(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main()

    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("s3i, version ")


def test_python_m_is_the_same_program(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        runpy.run_module("s3_integration", run_name="__main__")

    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("s3i, version ")


def test_a_missing_click_is_told_in_one_plain_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("s3_integration.cli.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(cli, "app")
    monkeypatch.setitem(sys.modules, "click", None)

    with pytest.raises(SystemExit) as end:
        cli.main()

    # Text as the code of SystemExit goes to standard error, with exit code 1.
    assert end.value.code == cli._MISSING
    assert 'pip install "s3_integration[cli]"' in cli._MISSING


def test_anything_else_that_is_missing_is_no_word_about_click(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> NoReturn:
        raise ModuleNotFoundError(name="elsewhere")

    monkeypatch.setattr(app.s3i, "main", broken)

    with pytest.raises(ModuleNotFoundError):
        cli.main()


def test_ctrl_c_outside_of_any_command_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(app.s3i, "main", interrupted)

    with pytest.raises(SystemExit) as end:
        cli.main()

    assert end.value.code == 130
