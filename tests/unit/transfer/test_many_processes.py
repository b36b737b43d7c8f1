"""Many jobs in processes of their own, which are interrupted, forked, or end."""

from __future__ import annotations

from typing import Final

import pytest

from s3_integration.config import S3Config
from tests.fixtures.children import environment_of, run_child

_INTERRUPTED_WHILE_LOCKING: Final = """
import sys, threading, time
from pathlib import Path
from s3_integration.transfer.engine import ObjectId, Transferred, UploadJob, UploadOptions
from s3_integration.transfer.many import move_many

def trace(frame, event, argument):
    # As a signal may that comes when the lock is taken, and nothing yet gives it back.
    if event == "call" and frame.f_code is threading.Condition.__enter__.__code__:
        return trace
    if event == "return":
        raise KeyboardInterrupt
    return None

def jobs():
    job = UploadJob(Path("a"), ObjectId("b", "k"), UploadOptions("text/plain", {}, {}))
    for number in range(100):
        if number == int(sys.argv[1]):
            sys.settrace(trace)
        yield job
    sys.settrace(None)

def move(job, progress):
    time.sleep(0.01)  # so that the caller's thread waits
    return Transferred(0, "", None)

try:
    list(move_many(jobs(), move, 4))
except KeyboardInterrupt:
    sys.settrace(None)
print("ended")
"""


@pytest.mark.parametrize("jobs_before", [0, 50])
def test_ctrl_c_takes_no_lock_along_that_a_thread_needs_to_end(jobs_before: int) -> None:
    environment = environment_of(S3Config())

    child = run_child(
        _INTERRUPTED_WHILE_LOCKING, jobs_before, environment=environment, timeout_seconds=20
    )

    assert (child.stdout.strip(), child.stderr) == ("ended", "")


_FEW_OPEN_FILES: Final = """
import os, resource, time
from pathlib import Path
from s3_integration.transfer.engine import ObjectId, Transferred, UploadJob, UploadOptions
from s3_integration.transfer.many import move_many

resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
under_way, most = [], []

def move(job, progress):
    under_way.append(job)
    most.append(len(under_way))
    time.sleep(0.001)  # a wait for S3, that threads pay for
    under_way.pop()
    return Transferred(0, "", None)

job = UploadJob(Path("a"), ObjectId("b", "k"), UploadOptions("text/plain", {}, {}))
list(move_many([job] * 2000, move, 256))
print(max(most) <= 16)
"""


def test_few_open_files_allow_few_threads() -> None:
    child = run_child(_FEW_OPEN_FILES, environment=environment_of(S3Config()))

    assert (child.stdout.strip(), child.stderr) == ("True", "")


_BEGUN: Final = """
import os, threading
from pathlib import Path
from s3_integration.exceptions import S3IntegrationError
from s3_integration.transfer.engine import ObjectId, Transferred, UploadJob, UploadOptions
from s3_integration.transfer.many import move_many

def jobs():
    while True:
        yield UploadJob(Path("a"), ObjectId("b", "k"), UploadOptions("text/plain", {}, {}))

outcomes = move_many(jobs(), lambda job, progress: Transferred(0, "", None), 8)
next(outcomes)
"""

_FORKED: Final = _BEGUN + """
def of_child(action):
    child = os.fork()
    if not child:
        try:
            action()
        except S3IntegrationError as error:
            print(error.message, flush=True)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

print(of_child(outcomes.close), of_child(lambda: [next(outcomes) for _ in range(10)]), flush=True)
next(outcomes)
outcomes.close()
print("closed")
"""


def test_a_forked_child_neither_goes_on_nor_waits_for_threads_that_it_has_not() -> None:
    child = run_child(_FORKED, environment=environment_of(S3Config()))

    assert child.stdout.splitlines() == [
        "Jobs go on in the process that began them, not in its forked child.",
        "0 0",
        "closed",
    ]
    assert child.returncode == 0


def test_a_process_ends_although_its_jobs_have_not() -> None:
    child = run_child(_BEGUN, environment=environment_of(S3Config()))

    assert (child.stderr, child.returncode) == ("", 0)


_HELD: Final = """
import atexit, itertools, threading
from pathlib import Path
from s3_integration.transfer.engine import ObjectId, Transferred, UploadJob, UploadOptions
from s3_integration.transfer.many import move_many

def jobs():
    for number in itertools.count():
        options = UploadOptions("text/plain", {}, {})
        yield UploadJob(Path(str(number)), ObjectId("b", "k"), options)

begun = []
atexit.register(lambda: print(len(begun)))

def move(job, progress):
    begun.append(job)
    if job.path.name != "0":
        wait(progress)
    return Transferred(0, "", None)

outcomes = move_many(jobs(), move, 4)
"""

_UNTIL_THE_END: Final = """
def wait(progress):
    threading.main_thread().join(1)
"""

_UNTIL_BROKEN_OFF: Final = """
def wait(progress):
    while True:
        progress(0, 1000)
        threading.main_thread().join(0.01)
"""


@pytest.mark.parametrize("wait", [_UNTIL_THE_END, _UNTIL_BROKEN_OFF], ids=["begin", "break off"])
@pytest.mark.parametrize("end", ["", "raise KeyboardInterrupt"], ids=["end of main", "Ctrl-C"])
def test_a_program_that_ends_while_it_holds_the_outcomes_begins_no_more_jobs(
    wait: str, end: str
) -> None:
    script = f"{_HELD}\n{wait}\nnext(outcomes)\n{end}"

    child = run_child(script, environment=environment_of(S3Config()), timeout_seconds=30)

    # One for each thread, and the first, which ended before.
    assert int(child.stdout) <= 5


_READ_BY_A_THREAD: Final = """
import itertools
told = threading.Event()
wait = lambda progress: threading.main_thread().join()
outcomes = move_many(itertools.islice(jobs(), 30), move, 4)

def read():
    next(outcomes)
    told.set()
    threading.main_thread().join()
    print(1 + len(list(outcomes)))

threading.Thread(target=read).start()
told.wait()
"""


def test_a_thread_that_outlives_the_main_thread_gets_all_its_outcomes() -> None:
    child = run_child(
        _HELD + _READ_BY_A_THREAD, environment=environment_of(S3Config()), timeout_seconds=30
    )

    assert child.stdout.split() == ["30", "30"]


@pytest.mark.parametrize("begun_before", ["", "next(outcomes)"], ids=["begun there", "before"])
def test_in_an_atexit_handler_the_error_says_that_the_interpreter_ends(begun_before: str) -> None:
    script = f"""{_HELD}
from s3_integration.exceptions import S3IntegrationError

def go_on():
    try:
        list(outcomes)
    except S3IntegrationError as error:
        print(error.message)

wait = lambda progress: None
atexit.register(go_on)
{begun_before}
"""

    child = run_child(script, environment=environment_of(S3Config()), timeout_seconds=30)

    assert "The Python interpreter is ending" in child.stdout
    assert (child.stderr, child.returncode) == ("", 0)


_INTERRUPTED_START: Final = """
start = threading.Thread.start

def start_and_be_interrupted(thread):
    start(thread)
    if threading.current_thread() is threading.main_thread():
        raise KeyboardInterrupt

threading.Thread.start = start_and_be_interrupted
try:
    next(outcomes)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_a_process_that_is_interrupted_while_a_thread_starts_comes_to_its_end() -> None:
    child = run_child(
        _HELD + _INTERRUPTED_START, environment=environment_of(S3Config()), timeout_seconds=30
    )

    assert (child.stdout.split(), child.stderr) == (["interrupted", "0"], "")
