"""Which keys may become files: a refusal for each that may not, and for none besides."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_integration.bulk.names import TEMPORARY_SUFFIX, folded, local_name_problem, parts_of
from s3_integration.transfer.partial import PARTIAL_SUFFIX
from tests.fixtures.keys import keys


@pytest.mark.parametrize(
    "key",
    [
        *("a", "a/b/c", ".hidden", "..a", "a..b", "größe & ort.csv", " a", "a/b/", "日本/語"),
        *("2024-01-01T00:00:00", "con-1", "icon", "com10", "comet.txt", "nul1", "ab:c"),
        *("partial", "s3-partial", "x" * 255, "ü" * 127, "~", "*", "a?b", "%2e%2e"),
    ],
)
def test_an_ordinary_key_may_become_a_file(key: str) -> None:
    assert local_name_problem(key) == ""


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("..", "'..', which names no file or folder"),
        ("a/../b", "'..', which names no file or folder"),
        ("./a", "'.', which names no file or folder"),
        ("", "a part of it is empty"),
        ("a//b", "a part of it is empty"),
        ("a//", "a part of it is empty"),
        ("/etc/passwd", "it begins with a slash"),
        ("/", "it begins with a slash"),
        ("C:/Windows", "begins with 'C:'"),
        ("a/c:b", "begins with 'c:'"),
        ("a\\b", "a backslash"),
        ("\\\\host\\share", "a backslash"),
        ("a\0b", "a control character"),
        ("a\nb", "a control character"),
        ("a\x7f", "a control character"),
        ("a\x9bb", "a control character"),
        ("a/CON", "'CON', which Windows keeps for a device"),
        ("nul.tar.gz", "Windows keeps for a device"),
        ("aux .c/b", "Windows keeps for a device"),
        ("COM1", "Windows keeps for a device"),
        ("lpt³.txt", "Windows keeps for a device"),
        ("conout$", "Windows keeps for a device"),
        ("a./b", "ends with a dot or a blank"),
        ("a/b ", "ends with a dot or a blank"),
        ("...", "ends with a dot or a blank"),
        ("a" * 256, "takes 256 bytes, file systems allow 255"),
        ("b/" + "ü" * 128 + "/a", "takes 256 bytes, file systems allow 255"),
        ("a/\ud800", "a lone surrogate"),
        (".a.0.s3-partial", "as unfinished downloads do"),
        ("x.S3-Partial/b", "as unfinished downloads do"),
    ],
)
def test_a_key_that_is_no_ordinary_name_is_refused_with_the_reason(key: str, why: str) -> None:
    assert why in local_name_problem(key)


def test_a_path_that_no_program_could_open_is_refused() -> None:
    key = "/".join(["x" * 200] * 5)

    assert local_name_problem(key, 4095 - 1 - len(key)) == ""
    assert "4096 bytes, systems allow 4095" in local_name_problem(key, 4095 - len(key))


def test_temporary_files_are_known_by_the_end_that_they_have() -> None:
    assert TEMPORARY_SUFFIX == PARTIAL_SUFFIX


@pytest.mark.promise(5)
@given(keys())
def test_what_is_not_refused_lies_below_the_folder_whoever_joins_it(key: str) -> None:
    if local_name_problem(key):
        return

    for kind, root in ((PurePosixPath, "/t/g"), (PureWindowsPath, "D:\\t\\g")):
        joined = kind(root).joinpath(*parts_of(key))
        assert joined.parts[:3] == kind(root).parts
        assert joined.parts[3:] == parts_of(key)
        assert not {"", ".", ".."} & set(joined.parts)
    assert os.path.normpath(f"/t/g/{key}") == f"/t/g/{key}".removesuffix("/")


@given(keys())
def test_what_is_not_refused_can_be_made(key: str) -> None:
    if not local_name_problem(key):
        assert os.fsencode(key).decode() == key
        assert all(len(os.fsencode(part)) <= 255 for part in parts_of(key))
        assert not {"\0", "\n"} & set(key)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("README.md", "readme.MD"),
        ("größe", "gro\u0308ße"),
        ("größe", "GRÖSSE"),
        ("Å", "\u212b"),
        ("a\u0323\u0307", "a\u0307\u0323"),
        ("\u0345\u0301", "\u0301\u0345"),
        ("ΣΑΣ", "σας"),
        ("K", "\u212a"),
        ("ab", "a\u200bb"),
        ("❤", "❤\ufe0f"),
    ],
)
def test_names_fold_together_that_some_file_system_takes_for_one(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(("one", "other"), [("2", "²"), ("a", "ä"), ("i", "ı"), ("a", "а")])
def test_names_stay_apart_that_every_file_system_tells_apart(one: str, other: str) -> None:
    assert folded(one) != folded(other)


@given(st.text())
def test_letter_case_and_form_make_no_difference(name: str) -> None:
    for other in (name.lower(), name.casefold()):
        assert folded(other) == folded(name) or other.lower() != name.lower()
    assert folded(unicodedata.normalize("NFC", name)) == folded(name)
    assert folded(unicodedata.normalize("NFD", name)) == folded(name)
    assert folded(folded(name)) == folded(name)


def test_the_naive_way_leads_outside() -> None:
    """What the rules are for: pathlib's own joining follows every one of these."""
    assert Path("/t/g") / "/etc/passwd" == Path("/etc/passwd")
    assert PureWindowsPath("D:\\t") / "C:x" == PureWindowsPath("C:x")
