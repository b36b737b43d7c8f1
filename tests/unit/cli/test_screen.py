"""What people and programs get to see."""

from __future__ import annotations

import io
import json
import os
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import s3_integration
from s3_integration.arguments import refusal
from s3_integration.aws.codes import MEANINGS
from s3_integration.bulk.patterns import Patterns
from s3_integration.cli import screen, wording
from s3_integration.cli.screen import Screen
from s3_integration.exceptions import S3AccessDeniedError, S3ConfigError, S3IntegrationError


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("reports/ä ö.pdf", "reports/ä ö.pdf"),
        ("a\x1b[31mred", r"a\x1b[31mred"),
        ("two\nlines\r\t", r"two\nlines\r\t"),
        ("exe\u202efdp", r"exe\u202efdp"),  # right-to-left override
        ("a\u200bb", r"a\u200bb"),  # zero width space
        ("a\u00a0b", r"a\xa0b"),  # no-break space, which looks like another key
        ("\udcff", r"\udcff"),  # what Python makes of a byte that is no UTF-8
        ("\x9b31m", r"\x9b31m"),  # the one-character form of ESC [
        ("\U000e0041", r"\U000e0041"),  # a tag character, invisible
    ],
)
def test_characters_that_would_act_on_a_terminal_are_shown_as_escapes(
    text: str, shown: str
) -> None:
    assert screen.printable(text) == shown


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_nothing_unprintable_gets_through(text: str) -> None:
    assert screen.printable(text).isprintable()


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_a_key_is_exact_in_json_and_harmless_to_terminals(key: str) -> None:
    line = screen.json_line({"key": key})

    assert json.loads(line) == {"key": key}
    assert line.isprintable()
    assert line.isascii()


def test_times_are_iso_8601_in_json() -> None:
    line = screen.json_line({"last_modified": datetime(2026, 1, 31, tzinfo=UTC)})

    assert json.loads(line) == {"last_modified": "2026-01-31T00:00:00+00:00"}


def test_values_that_json_does_not_know_become_text() -> None:
    assert json.loads(screen.json_line({"path": b"x"})) == {"path": "b'x'"}


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024**2 - 1, "1.0 MiB"),  # never "1024.0 KiB"
        (5 * 1024**3, "5.0 GiB"),
        (50 * 1024**4, "50.0 TiB"),
        (4096 * 1024**5, "4.0 EiB"),
    ],
)
def test_sizes_are_told_in_binary_units(size_bytes: int, shown: str) -> None:
    assert screen.size_text(size_bytes) == shown


def test_times_are_told_in_utc_whatever_zone_they_come_in() -> None:
    moment = datetime(2026, 2, 1, 1, 6, 11, tzinfo=timezone(timedelta(hours=7)))

    assert screen.time_text(moment) == "2026-01-31 18:06:11Z"


@pytest.mark.parametrize(
    ("number", "shown"), [(0, "0 files"), (1, "1 file"), (2000, "2,000 files")]
)
def test_counts_agree_with_their_noun(number: int, shown: str) -> None:
    assert screen.count_text(number, "file") == shown


def test_an_error_for_people_has_its_suggestion_on_a_line_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = S3AccessDeniedError("No.", suggestion="Ask for s3:GetObject.", http_status=403)

    Screen().failure(error)

    assert capsys.readouterr() == ("", "s3i: No.\n→ Ask for s3:GetObject.\n")


@pytest.mark.parametrize(
    ("suggestion", "shown"),
    [
        (MEANINGS["NoSuchKey"].next_step, "Check the key, for example with 's3i ls PREFIX'."),
        (
            MEANINGS["NoSuchBucket"].next_step,
            "Check the bucket's name, or create it with 's3i bucket create'.",
        ),
        ("Give bucket_name another value.", "Give --bucket another value."),
        ("Give logging_bucket another value.", "Give --logging-bucket another value."),
        ("Give kms_key another value.", "Give --kms-key another value."),
    ],
)
def test_a_suggestion_speaks_the_words_of_the_shell(
    suggestion: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Screen().failure(S3IntegrationError("No.", suggestion=suggestion))

    assert capsys.readouterr().err == f"s3i: No.\n→ {shown}\n"


def test_every_phrase_that_is_replaced_is_one_that_the_package_says() -> None:
    package = Path(s3_integration.__file__).parent
    said = "".join(
        path.read_text("utf-8") for path in package.rglob("*.py") if path.parent.name != "cli"
    ).replace(
        "Give {name} another",
        "Give bucket_name another, Give endpoint_url another, Give region another, "
        "Give logging_bucket another, Give kms_key another",
    )

    assert [phrase for phrase in wording._PHRASES if phrase not in said] == []


@pytest.mark.parametrize(
    ("refused", "message", "suggestion"),
    [
        (
            refusal("expires_in_seconds", 0, "it is over at once"),
            "--expires 0 cannot be used: it is over at once.",
            "Give another --expires.",
        ),
        (
            refusal("target_key", "The argument s3_key=1", "it is the source's own"),
            "TARGET 'The argument s3_key=1' cannot be used: it is the source's own.",
            "Give another TARGET.",
        ),
        (
            refusal("unheard_of", 1, "no", "Do without."),
            "unheard_of 1 cannot be used: no.",
            "Do without.",
        ),
    ],
)
def test_a_refused_argument_is_told_by_its_name_in_the_help(
    refused: S3ConfigError, message: str, suggestion: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Screen().failure(refused)

    assert capsys.readouterr().err == f"s3i: {message}\n→ {suggestion}\n"


@pytest.mark.parametrize("argument", ["include", "exclude"])
def test_a_refused_pattern_is_told_by_its_option(
    argument: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(S3ConfigError) as caught:
        Patterns(**{argument: ["["]})

    Screen().failure(caught.value)

    shown = capsys.readouterr().err
    assert shown.startswith(f"s3i: --{argument} '[' cannot be used: it is no pattern of gitignore.")


def test_an_error_without_suggestion_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().failure(S3IntegrationError("No\x1b[2J."))

    assert capsys.readouterr() == ("", "s3i: No\\x1b[2J.\n")


def test_verbose_errors_name_what_support_asks_for(capsys: pytest.CaptureFixture[str]) -> None:
    error = S3IntegrationError("No.", code="SlowDown", http_status=503, request_id="4NX")

    Screen(log_amount="operations").failure(error)

    assert capsys.readouterr().err == "s3i: No.\n  (SlowDown, HTTP 503, request id 4NX)\n"


def test_verbose_errors_without_an_answer_of_s3_name_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Screen(log_amount="wire").failure(S3IntegrationError("No."))

    assert capsys.readouterr().err == "s3i: No.\n"


def test_an_error_for_programs_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    error = S3AccessDeniedError("No.", suggestion="Ask.", http_status=403, key="a\nb")

    Screen(as_json=True).failure(error)

    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert json.loads(err) == error.to_dict()


def test_remarks_are_for_people_only(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(as_json=True).remark("3 files")
    Screen().remark("4 files")

    assert capsys.readouterr() == ("", "4 files\n")


@pytest.mark.parametrize(
    ("asked_of", "calls"),
    [
        (Screen(), [("WARNING", {})]),
        (Screen(log_amount="nothing"), []),
        (Screen(as_json=True), []),
        (Screen(log_amount="operations"), [("INFO", {})]),
        (Screen(as_json=True, log_amount="operations"), [("INFO", {})]),
        (Screen(log_amount="wire"), [("DEBUG", {"include_botocore": True})]),
    ],
)
def test_as_much_of_the_log_is_shown_as_was_asked_for(
    asked_of: Screen, calls: list[Any], shown_logs: list[Any]
) -> None:
    asked_of.show_log()

    assert shown_logs == calls


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "as_json", "has_bars"),
    [
        (_Terminal(), False, True),
        (_Terminal(), True, False),
        (io.StringIO(), False, False),
        (None, False, False),
    ],
)
def test_bars_are_for_people_at_a_terminal(
    *, stream: io.StringIO | None, as_json: bool, has_bars: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)

    assert Screen(as_json=as_json).has_bars is has_bars


def test_characters_that_the_terminal_lacks_do_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    latin = io.TextIOWrapper(written, encoding="iso-8859-1")
    monkeypatch.setattr(sys, "stderr", latin)
    screen.tolerate_any_character()

    Screen().failure(S3IntegrationError("Schlüssel łódź.", suggestion="Do."))

    latin.flush()
    assert written.getvalue() == b"s3i: Schl\xfcssel \\u0142\xf3d\\u017a.\n-> Do.\n"


def test_streams_that_have_no_settings_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", pipe)

    screen.tolerate_any_character()
    screen.flush()

    assert pipe.getvalue() == ""


def test_the_line_of_a_ctrl_c_ends_at_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, pipe = _Terminal(), io.StringIO()
    for stream in (terminal, pipe, None):
        monkeypatch.setattr(sys, "stderr", stream)
        screen.end_interrupted_line()

    assert (terminal.getvalue(), pipe.getvalue()) == ("\n", "")


def test_output_that_nobody_reads_goes_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as closed_pipe:
        monkeypatch.setattr(sys, "stdout", closed_pipe)
        monkeypatch.setattr(sys, "stderr", None)
        closed_pipe.write("left in the buffer")

        screen.give_up_on_output()

        closed_pipe.flush()  # raises BrokenPipeError where the pipe is still in place
