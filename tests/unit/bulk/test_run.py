"""Carrying out plans: one result for each file, whatever happens."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from s3_integration.bulk.comparing import Verdict
from s3_integration.bulk.judging import Deed
from s3_integration.bulk.plan import Plan, Step
from s3_integration.bulk.run import Compares, Manner, Moved, carry_out
from s3_integration.choices import EmptySource
from s3_integration.exceptions import (
    S3AccessDeniedError,
    S3BucketError,
    S3ConfigError,
    S3CredentialsError,
    S3FileNotFoundError,
    S3IntegrationError,
)
from s3_integration.models import FileAction, FileResult, FolderProgress, TransferReport
from s3_integration.transfer.engine import Watch

Raised = TypeVar("Raised", bound=Exception)

DENIED = S3AccessDeniedError("Denied.")
EXPIRED = S3CredentialsError("Expired.")


@dataclass
class FakeMeans:
    """Moves nothing, fails where a test says so, and remembers what it was asked to do."""

    failures: dict[str, S3IntegrationError] = field(default_factory=dict)
    verdicts: dict[str, Verdict | Exception] = field(default_factory=dict)
    at_once: int = 1
    """How many files are under way before the first is told of."""
    forgets: set[str] = field(default_factory=set)
    comes_by: int = 0
    """Bytes of each file that have moved when it is half done."""
    moved: list[str] = field(default_factory=list)
    deleted: list[list[str]] = field(default_factory=list)
    bucket_name: str = "notes"
    delete_threads: int = 1
    compares: Compares = "before moving"

    def key_of(self, key: str) -> str:
        return f"p/{key}"

    def path_of(self, key: str) -> str:
        return f"/f/{key}"

    def move(
        self, steps: Iterator[Step], watch: Watch | None = None
    ) -> Generator[tuple[Step, Moved], None, None]:
        waiting: list[Step] = []
        for step in steps:
            self.moved.append(step.key)
            waiting.append(step)
            if watch is not None:
                watch(self.comes_by * len(waiting))
            if len(waiting) >= self.at_once:
                yield from self._told(waiting)
        yield from self._told(waiting)

    def _told(self, waiting: list[Step]) -> Iterator[tuple[Step, Moved]]:
        while waiting:
            step = waiting.pop(0)
            if step.key not in self.forgets:
                yield step, self.failures.get(step.key, step.size)

    def compare(self, step: Step) -> Verdict:
        verdict = self.verdicts[step.key]
        if isinstance(verdict, Exception):
            raise verdict
        return verdict

    def make_folder(self, key: str) -> None:
        if key in self.failures:
            raise self.failures[key]
        self.moved.append(key)

    def delete(self, keys: Sequence[str]) -> Mapping[str, S3IntegrationError]:
        self.deleted.append(list(keys))
        if "*" in self.failures:
            raise self.failures["*"]
        return {key: self.failures[key] for key in keys if key in self.failures}


def step(deed: Deed, key: str, size: int = 1, reason: str = "new") -> Step:
    return Step(deed, key, size, reason)


def run(
    means: FakeMeans,
    *steps: Step,
    action: FileAction = "upload",
    dry_run: bool = False,
    empty_source: EmptySource = "refuse",
    after: Exception | None = None,
    seen: list[FolderProgress] | None = None,
) -> TransferReport:
    def listed() -> Iterable[Step]:
        yield from steps
        if after is not None:
            raise after

    manner = Manner(dry_run, empty_source, None if seen is None else seen.append)
    return carry_out(Plan(action, "notes", listed()), means, manner)


def told(results: Sequence[FileResult]) -> dict[str, str]:
    assert len({result.key for result in results}) == len(results)
    return {result.key.removeprefix("p/"): result.reason for result in results}


EVERY_DEED = (
    step("transfer", "a", 3),
    step("skip", "b", reason="unchanged"),
    step("refuse", "c", reason="no name"),
    step("fail", "d", reason="vanished meanwhile"),
    step("folder", "e/", 0),
    step("compare", "f", 5, "newer"),
    step("compare", "g", reason="newer"),
    step("compare", "h", 7, "newer"),
    step("compare", "i", 9, "newer"),
)
VERDICTS: dict[str, Verdict | Exception] = {
    "f": "different",
    "g": "same",
    "h": "untold",
    "i": PermissionError(13, "Permission denied"),
}


def test_each_step_has_one_result_in_its_list() -> None:
    means = FakeMeans(verdicts=VERDICTS)

    report = run(means, *EVERY_DEED)

    assert told(report.done) == {
        "a": "new",
        "e/": "new",
        "f": "newer",
        "h": "cannot be compared",
        "i": "cannot be compared",
    }
    assert told(report.skipped) == {"b": "unchanged", "g": "unchanged"}
    assert told(report.failed) == {"c": "no name", "d": "vanished meanwhile"}
    assert report.size_bytes == 3 + 5 + 7 + 9
    assert report.done[0] == FileResult("upload", "p/a", "/f/a", 3, "new")


def test_a_dry_run_tells_the_same_and_does_nothing() -> None:
    means = FakeMeans(verdicts=VERDICTS)
    steps = (*EVERY_DEED[:2], *EVERY_DEED[4:], step("delete", "x", reason="extra"))

    dry = run(means, *steps, dry_run=True)
    assert (means.moved, means.deleted) == ([], [])
    wet = run(means, *steps)

    for mine, theirs in ((dry.done, wet.done), (dry.skipped, wet.skipped)):
        assert sorted(told(mine).items()) == sorted(told(theirs).items())
    assert dry.size_bytes == wet.size_bytes
    assert means.deleted == [["x"]]


def test_one_failure_keeps_no_other_file() -> None:
    report = run(FakeMeans({"b": DENIED}), *(step("transfer", key) for key in "abc"))

    assert told(report.done).keys() == {"a", "c"}
    assert report.failed[0].error is DENIED
    with pytest.raises(S3AccessDeniedError):
        report.raise_if_failed()


@pytest.mark.parametrize("error", [S3BucketError("Gone."), S3CredentialsError("Expired.")])
def test_what_all_others_would_fail_by_ends_the_run_with_a_result_for_each(
    error: S3IntegrationError,
) -> None:
    means = FakeMeans({"b": error}, verdicts={"d": "same"})
    steps = [step("transfer", key) for key in "abc"]

    report = run(means, *steps, step("compare", "d"), step("delete", "e", reason="extra"))

    assert means.moved == ["a", "b"]
    assert told(report.failed) == {"b": "new", "c": "not begun", "d": "not begun"}
    assert {result.error for result in report.failed} == {error}
    assert told(report.skipped) == {"e": "extra, but kept: not all files could be moved"}
    assert means.deleted == []


def test_files_that_nobody_told_of_are_failures() -> None:
    report = run(FakeMeans(forgets={"b"}), *(step("transfer", key) for key in "abc"))

    assert told(report.done).keys() == {"a", "c"}
    assert told(report.failed) == {"b": "not begun"}


@pytest.mark.parametrize(
    ("action", "http_status", "is_gone"),
    [
        ("upload", 0, True),
        ("upload", 404, False),
        ("download", 404, True),
        ("download", 0, False),
        ("copy", 404, True),
    ],
)
def test_a_source_that_vanishes_is_told_and_the_rest_is_deleted_all_the_same(
    action: FileAction, http_status: int, is_gone: bool
) -> None:
    means = FakeMeans({"a": S3FileNotFoundError("Gone.", http_status=http_status)})

    report = run(means, step("transfer", "a"), step("delete", "b", reason="extra"), action=action)

    assert told(report.failed) == {"a": "vanished meanwhile" if is_gone else "new"}
    assert (means.deleted == [["b"]]) is is_gone


# Deletions


def test_deletions_come_last_and_a_thousand_at_a_time() -> None:
    means = FakeMeans(at_once=10_000)
    extras = [step("delete", f"x{number:04d}", reason="extra") for number in range(2500)]

    report = run(means, *extras, step("transfer", "z"))

    assert means.moved == ["z"]
    assert [len(batch) for batch in means.deleted] == [1000, 1000, 500]
    assert len(report.done) == 2501
    assert {result.action for result in report.done[1:]} == {"delete"}
    assert report.size_bytes == 1


@pytest.mark.parametrize(
    ("last", "failures", "after", "why"),
    [
        (step("unlisted", "c/", reason="cannot be listed"), {}, None, "a folder could not be"),
        (step("transfer", "c"), {"c": DENIED}, None, "not all files could be moved"),
        (step("transfer", "c"), {}, S3IntegrationError("Broken."), "the listing broke off"),
        (step("folder", "c/"), {"c/": DENIED}, None, "not all folders could be made"),
        (step("transfer", "forgotten"), {}, None, "not all files could be moved"),
    ],
    ids=["unlisted", "failed", "broken off", "no folder", "untold"],
)
def test_nothing_is_deleted_where_not_all_was_listed_and_moved(
    last: Step,
    failures: dict[str, S3IntegrationError],
    after: Exception | None,
    why: str,
) -> None:
    means = FakeMeans(failures, forgets={"forgotten"})

    report = run(
        means, step("transfer", "a"), step("delete", "b", reason="extra"), last, after=after
    )

    assert means.deleted == []
    assert why in told(report.skipped)["b"]
    assert len(report.failed) == 1


def test_an_empty_source_deletes_nothing_unless_it_may() -> None:
    means = FakeMeans()
    extra = step("delete", "a", reason="extra")
    excluded = step("skip", "b", reason="excluded")

    for dry_run in (True, False):
        with pytest.raises(S3ConfigError, match="empty_source='allow'"):
            run(means, extra, excluded, dry_run=dry_run)
    with pytest.raises(S3ConfigError, match="everything in the target \\(1 file\\)"):
        run(means, extra)
    assert means.deleted == []

    run(means, extra, excluded, empty_source="allow")
    assert means.deleted == [["a"]]


def test_a_source_whose_files_are_unchanged_or_refused_is_not_empty() -> None:
    means = FakeMeans()

    run(means, step("delete", "a", reason="extra"), step("skip", "b", reason="unchanged"))
    run(means, step("delete", "a", reason="extra"), step("refuse", "b"))

    assert means.deleted == [["a"], ["a"]]


def test_a_deletion_that_fails_is_that_files_alone() -> None:
    report = run(FakeMeans({"b": DENIED}), *(step("delete", key) for key in "abc"), action="delete")

    assert told(report.done).keys() == {"a", "c"}
    assert told(report.failed) == {"b": "in the folder"}
    assert report.failed[0].error is DENIED


def test_a_request_that_fails_is_the_failure_of_all_its_files() -> None:
    means = FakeMeans({"*": S3BucketError("Gone.")})
    many = [step("delete", f"{number}") for number in range(9000)]

    report = run(means, *many, action="delete")

    assert len(report.failed) == 9000
    assert len(means.deleted) < 9  # the later ones were not asked for


# Listings that break off


def test_a_listing_that_breaks_off_at_once_is_raised() -> None:
    with pytest.raises(S3BucketError):
        run(FakeMeans(), after=S3BucketError("No such bucket."))


def test_a_listing_that_breaks_off_later_lets_what_was_begun_end() -> None:
    means = FakeMeans(at_once=9)

    report = run(means, step("transfer", "a"), after=S3IntegrationError("Broken."))

    assert told(report.done) == {"a": "new"}
    assert told(report.failed) == {"": "the listing broke off"}


def test_a_listing_that_breaks_off_while_files_are_deleted_keeps_what_became_of_them() -> None:
    broken = S3IntegrationError("Broken off.")
    means = FakeMeans()

    report = run(means, step("delete", "a"), action="delete", after=broken)

    assert means.deleted == [["a"]]
    assert told(report.done) == {"a": "in the folder"}
    assert told(report.failed) == {"": "the listing broke off"}


# Progress, plans and ends


def test_progress_ends_with_what_the_report_says() -> None:
    seen: list[FolderProgress] = []

    report = run(
        FakeMeans({"b": DENIED}),
        *(step("transfer", "a", 3), step("transfer", "b", 4), step("skip", "c")),
        seen=seen,
    )

    last = seen[-1]
    assert (last.files_done, last.files_failed, last.files_skipped) == (1, 1, 1)
    assert (last.bytes_done, last.files_known, last.bytes_known) == (3, 2, 7)
    assert last.is_all_known
    assert last.seconds <= report.seconds


@pytest.fixture
def always_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress that is told each time, and of all steps, however slow the machine is."""
    monkeypatch.setattr("s3_integration.bulk.report._TELL_EVERY_SECONDS", 0.0)
    monkeypatch.setattr("s3_integration.bulk.foreseen._MOST_SECONDS", math.inf)


@pytest.mark.usefixtures("always_told")
def test_progress_counts_what_is_under_way_and_never_too_much() -> None:
    seen: list[FolderProgress] = []
    files = [step("transfer", key, 10) for key in "abcd"]

    run(FakeMeans({"b": DENIED}, at_once=2, comes_by=6), *files, seen=seen)

    assert seen[0].bytes_done == 6
    assert seen[0].files_done == 0
    assert all(each.bytes_done <= 10 * (4 - each.files_failed) for each in seen)
    assert seen[-1].bytes_done == 30


@pytest.mark.usefixtures("always_told")
def test_who_watches_learns_soon_how_much_there_is() -> None:
    seen: list[FolderProgress] = []
    files = [step("transfer", key, 10) for key in "abcd"]

    report = run(FakeMeans(), *files, seen=seen)

    assert (seen[0].files_known, seen[0].bytes_known, seen[0].is_all_known) == (4, 40, True)
    assert told(report.done) == dict.fromkeys("abcd", "new")


def test_who_does_not_watch_reads_no_further_than_has_to_be() -> None:
    means = FakeMeans()

    def listed() -> Iterator[Step]:
        for number in range(5):
            assert len(means.moved) == number
            yield step("transfer", str(number))

    carry_out(Plan("upload", "notes", listed()), means, Manner())

    assert len(means.moved) == 5


@pytest.mark.usefixtures("always_told")
def test_what_was_read_ahead_is_not_begun_where_all_would_fail() -> None:
    means = FakeMeans({"a": EXPIRED})

    report = run(means, *(step("transfer", key) for key in "abc"), seen=[])

    assert means.moved == ["a"]
    assert told(report.failed) == {"a": "new", "b": "not begun", "c": "not begun"}


def test_a_plan_for_another_bucket_is_refused() -> None:
    with pytest.raises(S3ConfigError, match="'other'"):
        carry_out(Plan("upload", "other", [step("transfer", "a")]), FakeMeans(), Manner())


def test_ctrl_c_ends_the_run() -> None:
    def press(_: FolderProgress) -> None:
        raise KeyboardInterrupt

    means = FakeMeans()
    plan = Plan("upload", "notes", [step("transfer", "a")])

    with pytest.raises(KeyboardInterrupt):
        carry_out(plan, means, Manner(progress=press))


def raised(error: Raised) -> Raised:
    """The error, with its traceback."""
    try:
        raise error
    except type(error):
        assert error.__traceback__ is not None
        return error


def test_results_keep_no_frames_with_contents_of_files() -> None:
    failure = raised(S3IntegrationError("Failed."))
    failure.__cause__ = raised(ValueError())

    report = run(FakeMeans({"a": failure}), step("transfer", "a"))

    kept = report.failed[0].error
    assert kept is not None
    assert kept.__traceback__ is None
    assert kept.__cause__ is not None
    assert kept.__cause__.__traceback__ is None
