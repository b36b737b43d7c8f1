"""Words that name places, in S3 or on this machine."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from s3_integration.cli.places import S3Place, place_of


@pytest.mark.parametrize(
    ("word", "place"),
    [
        ("s3://notes/a b/ö%20.txt", S3Place("notes", "a b/ö%20.txt")),
        ("s3://notes//a?x#y", S3Place("notes", "/a?x#y")),
        ("s3://notes/line\nfeed", S3Place("notes", "line\nfeed")),
        ("s3://notes/folder/", S3Place("notes", "folder/")),
        ("s3://notes/", S3Place("notes", "")),
        ("s3://notes", S3Place("notes", "")),
        ("S3://notes/K", S3Place("notes", "K")),
        ("report.txt", Path("report.txt")),
        ("./s3://notes/a", Path("s3:/notes/a")),
        ("folder/", Path("folder")),
        ("C:\\x", Path("C:\\x")),
        ("a://b", Path("a:/b")),
        (".", Path()),
        ("s3", Path("s3")),
    ],
)
def test_a_word_names_a_place_in_s3_or_on_this_machine(word: str, place: S3Place | Path) -> None:
    assert place_of(word) == place


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("", "it is empty"),
        ("s3:notes/a", "Write s3://BUCKET/KEY"),
        ("s3:/notes/a", "Write s3://BUCKET/KEY"),
        ("https://notes.s3.amazonaws.com/a", "neither s3://BUCKET/KEY nor a path"),
        ("file:///etc/passwd", "neither s3://BUCKET/KEY nor a path"),
        ("s3://", "names no bucket"),
        ("s3:///a", "names no bucket"),
        ("s3://No_Bucket/a", "names no bucket"),
        ("s3://notes/" + "k" * 1025, "names no key"),
        ("s3://notes/\udcff", "names no key"),
    ],
)
def test_a_word_that_names_no_place_is_refused(word: str, problem: str) -> None:
    with pytest.raises(click.BadParameter, match=problem):
        place_of(word)


def test_a_place_in_s3_is_written_as_it_is_read() -> None:
    assert str(S3Place("notes", "a b/")) == "s3://notes/a b/"
