"""The command line as people run it: a process of its own, over a sandbox in this one."""

from __future__ import annotations

import os
import pty
import select
import signal
import socket
import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import s3_integration
from s3_integration.cli.local import environment_for
from s3_integration.config import S3Config
from s3_integration.sandbox import sandbox
from tests.fixtures.shell import PATIENCE_SECONDS, S3I, Shell, end_of, objects, wait_until
from tests.fixtures.slow_line import slow_line

PACKAGE_PARENT = str(Path(s3_integration.__file__).parents[1])
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def local_s3() -> Iterator[S3Config]:
    with sandbox() as config:
        yield config


@pytest.fixture
def shell(local_s3: S3Config, tmp_path: Path) -> Shell:
    bucket_name = f"shell-{uuid.uuid4().hex}"
    (tmp_path / "tmp").mkdir()
    (tmp_path / "work").mkdir()
    environment = os.environ | environment_for(local_s3)
    environment |= {"S3_INTEGRATION_BUCKET": bucket_name, "TMPDIR": str(tmp_path / "tmp")}
    environment |= {"PYTHONPATH": PACKAGE_PARENT, "PYTHONWARNINGS": "error"}
    return Shell(tmp_path / "work", bucket_name, environment)


def test_a_file_goes_there_and_comes_back_and_is_deleted(shell: Shell) -> None:
    content = os.urandom(3 * MIB)
    (shell.folder / "a.bin").write_bytes(content)

    uploaded = shell.run("upload", "a.bin", "deep/a b.bin")
    exists = shell.run("exists", "deep/a b.bin")
    listed = shell.run("ls", "deep/")
    downloaded = shell.run("download", "deep/a b.bin")
    removed = shell.run("rm", "deep/a b.bin")
    gone = shell.run("exists", "deep/a b.bin")

    runs = (uploaded, exists, listed, downloaded, removed, gone)
    assert [run.returncode for run in runs] == [0, 0, 0, 0, 0, 3]
    assert (shell.folder / "a b.bin").read_bytes() == content
    assert listed.stdout.startswith("3.0 MiB  20")
    assert listed.stdout.endswith("Z  deep/a b.bin\n")
    assert listed.stderr == f"1 file, 3.0 MiB in s3://{shell.bucket_name}/deep/\n"


def test_programs_get_json_and_nothing_else(shell: Shell) -> None:
    (shell.folder / "a").write_bytes(b"1234")

    runs = [
        shell.run(*command, "--json")
        for command in (
            ["upload", "a", "k\x1b[31m"],
            ["ls"],
            ["exists", "k\x1b[31m"],
            ["download", "k\x1b[31m", "b"],
            ["rm", "k\x1b[31m", "missing"],
        )
    ]

    assert [run.returncode for run in runs] == [0, 0, 0, 0, 3]
    assert "".join(run.stderr for run in runs) == ""
    results = [result for run in runs for result in objects(run.stdout)]
    assert {result["key"] for result in results} == {"k\x1b[31m", "missing"}
    assert [results[0]["size"], results[1]["size"]] == [4, 4]


def test_upload_options_reach_s3(shell: Shell) -> None:
    (shell.folder / "a").write_bytes(b"1234")

    run = shell.run(
        *("upload", "a", "k", "--content-type", "text/x-note"),
        *("--metadata", "origin=here", "--tag", "team=blue"),
    )

    client = shell.boto3_client()
    stored = client.head_object(Bucket=shell.bucket_name, Key="k")
    tags = client.get_object_tagging(Bucket=shell.bucket_name, Key="k")["TagSet"]
    assert run.returncode == 0
    assert (stored["ContentType"], stored["Metadata"]) == ("text/x-note", {"origin": "here"})
    assert tags == [{"Key": "team", "Value": "blue"}]


def test_an_older_version_can_be_fetched(shell: Shell) -> None:
    client = shell.boto3_client()
    for content in (b"old", b"new"):
        (shell.folder / "a").write_bytes(content)
        shell.run("upload", "a")
    versions = client.list_object_versions(Bucket=shell.bucket_name)["Versions"]
    (older,) = [version["VersionId"] for version in versions if not version["IsLatest"]]

    run = shell.run("download", "a", "fetched", "--version-id", older)

    assert run.returncode == 0
    assert (shell.folder / "fetched").read_bytes() == b"old"


def test_what_exists_is_not_overwritten_when_told_so(shell: Shell) -> None:
    (shell.folder / "a").write_bytes(b"1")
    shell.run("upload", "a")
    (shell.folder / "a").write_bytes(b"2")

    refused = shell.run("upload", "a", "--if-exists", "fail")
    shell.run("download", "a", "b")

    assert refused.returncode == 1
    assert (shell.folder / "b").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["ls", "--nonsense"], 2),
        (["upload", "there", "k" * 1025], 2),
        (["ls", "--endpoint-url", "http://example.org"], 2),
        (["ls", "--profile", "missing"], 2),
        (["upload", "missing"], 1),
        (["upload", "folder"], 1),
        (["upload", "there", "--no-create-bucket", "--bucket", "no-such-bucket"], 1),
        (["ls", "--bucket", "no-such-bucket"], 1),
        (["download", "missing"], 3),
        (["exists", "missing"], 3),
        (["rm", "missing"], 3),
    ],
)
def test_failures_have_the_exit_codes_that_scripts_rely_on(
    arguments: list[str], code: int, shell: Shell
) -> None:
    (shell.folder / "there").write_bytes(b"1")
    (shell.folder / "folder").mkdir()
    shell.run("upload", "there")

    run = shell.run(*arguments)
    as_json = shell.run(*arguments, "--json")

    assert (run.returncode, as_json.returncode) == (code, code)
    assert "Traceback" not in run.stderr + as_json.stderr
    assert run.stderr.startswith("s3i: ") or arguments[0] in {"exists", "rm"}
    assert len(objects(as_json.stderr)) == (arguments[0] not in {"exists", "rm"})


def test_a_server_that_is_away_is_worth_another_try(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    environment = shell.environment | {"S3_INTEGRATION_TOTAL_ATTEMPTS": "1"}

    run = shell.run("exists", "a", "--endpoint-url", url, env=environment)

    assert run.returncode == 75


def test_missing_credentials_are_one_message(shell: Shell) -> None:
    environment = {
        name: value for name, value in shell.environment.items() if "ACCESS_KEY" not in name
    }

    run = shell.run("ls", env=environment)

    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("s3i: ")
    assert "\n→ " in run.stderr


def test_verbose_shows_the_operation_and_debug_the_wire_without_secrets(shell: Shell) -> None:
    (shell.folder / "a").write_bytes(b"1")
    secret = "correcthorsebatterystaple"
    environment = shell.environment | {"AWS_SECRET_ACCESS_KEY": secret}

    verbose = shell.run("upload", "a", "-v", env=environment)
    debug = shell.run("download", "missing", "--debug", env=environment)

    assert " INFO s3_integration" in verbose.stderr
    assert " DEBUG botocore" not in verbose.stderr
    assert " DEBUG botocore" in debug.stderr
    assert "Traceback" in debug.stderr
    assert secret not in verbose.stderr + debug.stderr
    assert debug.returncode == 3


@pytest.mark.parametrize("command", [["exists", "a"], ["ls"], ["--help"]])
def test_small_commands_load_nothing_that_they_do_not_need(
    command: list[str], shell: Shell
) -> None:
    environment = shell.environment | {"PYTHONPROFILEIMPORTTIME": "1"}

    run = shell.run(*command, env=environment)

    loaded = {line.split("|")[-1].strip().split(".")[0] for line in run.stderr.splitlines()}
    assert "click" in loaded
    assert not {"rich", "moto", "werkzeug", "flask"} & loaded


@pytest.fixture
def many_keys(shell: Shell) -> Shell:
    """A listing that is longer than what a pipe holds (64 KiB on Linux)."""
    client = shell.boto3_client()
    client.create_bucket(Bucket=shell.bucket_name)
    with ThreadPoolExecutor(8) as threads:
        for number in range(200):
            key = f"{number:03}-{'x' * 900}"
            threads.submit(client.put_object, Bucket=shell.bucket_name, Key=key, Body=b"")
    return shell


def test_a_reader_that_has_seen_enough_ends_the_listing_quietly(many_keys: Shell) -> None:
    with many_keys.start("ls") as process:
        assert process.stdout
        first = process.stdout.readline()
        process.stdout.close()
        assert process.stderr
        err = process.stderr.read()
        process.wait(PATIENCE_SECONDS)

    assert first.split()[-1].startswith("000-xxx")
    assert (process.returncode, err) == (141, "")


def test_bytes_are_printed_as_they_are_until_nobody_reads_any_more(shell: Shell) -> None:
    content = os.urandom(3 * MIB)
    (shell.folder / "a.bin").write_bytes(content)
    shell.run("upload", "a.bin")

    with (shell.folder / "whole").open("wb") as whole, (shell.folder / "part").open("wb") as part:
        runs = [
            shell.run("cat", "a.bin", stdout=whole, stderr=subprocess.PIPE, capture_output=False),
            shell.run(
                *("cat", "a.bin", "--range", "5-1000005"),
                stdout=part,
                stderr=subprocess.PIPE,
                capture_output=False,
            ),
        ]
    with shell.start("cat", "a.bin") as process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        told = process.stderr.read()
        process.wait(PATIENCE_SECONDS)

    assert [(run.returncode, run.stderr) for run in runs] == [(0, ""), (0, "")]
    assert (shell.folder / "whole").read_bytes() == content
    assert (shell.folder / "part").read_bytes() == content[5:1_000_005]
    assert (process.returncode, told) == (141, "")


def test_output_that_cannot_be_written_is_a_failure(many_keys: Shell) -> None:
    with Path("/dev/full").open("w") as full:
        run = many_keys.run("ls", stdout=full, stderr=subprocess.PIPE, capture_output=False)

    assert (run.returncode, run.stderr) == (1, "s3i: No space left on device.\n")


@pytest.mark.parametrize(
    ("signal_number", "code", "told"),
    [
        (signal.SIGINT, 130, "s3i: Interrupted.\n"),
        (signal.SIGTERM, 143, "s3i: Terminated.\n"),
        (signal.SIGHUP, 129, "s3i: Terminated.\n"),
    ],
)
def test_an_upload_that_is_cut_short_leaves_no_parts_behind(
    signal_number: int, code: int, told: str, shell: Shell
) -> None:
    client = shell.boto3_client()
    client.create_bucket(Bucket=shell.bucket_name)
    with (shell.folder / "large").open("wb") as large:
        large.truncate(600 * MIB)

    def uploads() -> list[Any]:
        return list(client.list_multipart_uploads(Bucket=shell.bucket_name).get("Uploads", []))

    def has_parts() -> bool:
        return any(
            client.list_parts(
                Bucket=shell.bucket_name, Key="large", UploadId=upload["UploadId"]
            ).get("Parts")
            for upload in uploads()
        )

    with shell.start("upload", "large") as process:
        wait_until(has_parts)
        process.send_signal(signal_number)
        ended = end_of(process)

    assert ended == (code, "", told)
    assert uploads() == []
    assert client.list_objects_v2(Bucket=shell.bucket_name)["KeyCount"] == 0


def test_ctrl_c_does_not_wait_for_a_slow_line(engine: str, shell: Shell) -> None:
    client = shell.boto3_client()
    client.create_bucket(Bucket=shell.bucket_name)
    with (shell.folder / "large").open("wb") as large:
        large.truncate(16 * MIB)

    # Its parts would take far longer than these tests have patience.
    with slow_line(shell.environment["AWS_ENDPOINT_URL_S3"], 20_000) as line:
        slowly = {"AWS_ENDPOINT_URL_S3": line.url, "S3_INTEGRATION_ENGINE": engine}
        with shell.start("upload", "large", env=shell.environment | slowly) as process:
            wait_until(lambda: line.carried_bytes > 100_000)
            process.send_signal(signal.SIGINT)
            ended = end_of(process)

    assert ended == (130, "", "s3i: Interrupted.\n")
    assert line.carried_bytes < 8 * MIB
    assert "Uploads" not in client.list_multipart_uploads(Bucket=shell.bucket_name)


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_download_that_is_cut_short_leaves_the_old_file_alone(
    signal_number: int, shell: Shell
) -> None:
    client = shell.boto3_client()
    client.create_bucket(Bucket=shell.bucket_name)
    client.put_object(Bucket=shell.bucket_name, Key="large", Body=bytes(100 * MIB))
    (shell.folder / "large").write_bytes(b"old")

    with shell.start("download", "large") as process:
        wait_until(lambda: len(list(shell.folder.iterdir())) > 1 or process.poll() is not None)
        process.send_signal(signal_number)
        code, _, _ = end_of(process)

    assert code == 128 + signal_number
    assert [path.read_bytes() for path in shell.folder.iterdir()] == [b"old"]


def test_a_person_at_a_terminal_sees_a_bar(shell: Shell) -> None:
    (shell.folder / "a.bin").write_bytes(bytes(20 * MIB))
    terminal, other_end = pty.openpty()
    environment = shell.environment | {"TERM": "xterm", "COLUMNS": "80"}

    with shell.start("upload", "a.bin", stderr=other_end, env=environment) as process:
        os.close(other_end)
        drawn = b""
        while select.select([terminal], [], [], PATIENCE_SECONDS)[0]:
            try:
                drawn += os.read(terminal, 65536)
            except OSError:  # Linux's way to say that the other end is closed
                break
        code, out, _ = end_of(process)
    os.close(terminal)

    assert code == 0
    assert b"a.bin" in drawn
    assert b"20.0 MiB" in drawn
    assert out.startswith("uploaded a.bin to s3://")


def test_a_sandbox_is_used_from_another_shell_by_its_own_lines(
    shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "seed" / "sub").mkdir(parents=True)
    (tmp_path / "seed" / "sub" / "a").write_bytes(b"in a")
    environment = {
        name: value for name, value in shell.environment.items() if not name.startswith("AWS_")
    } | {"AWS_SESSION_TOKEN": "left over", "PYTHONUNBUFFERED": ""}
    command = ["sandbox", "--seed", str(tmp_path / "seed"), "--bucket", "seeded-bucket"]

    with shell.start(*command, env=environment) as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(7)]
        script = f"{''.join(lines)}\n{' '.join(S3I)} download sub/a fetched"
        user = subprocess.run(
            ["/bin/sh", "-c", script],
            cwd=shell.folder,
            env=environment,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        process.send_signal(signal.SIGINT)
        code, out, err = end_of(process)

    assert (user.returncode, user.stderr) == (0, b"")
    assert (shell.folder / "fetched").read_bytes() == b"in a"
    assert (code, out) == (130, "")
    assert err.endswith("s3i: Interrupted.\n")


def test_the_demo_proves_itself_and_leaves_nothing_behind(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "seed" / "sub").mkdir(parents=True)
    (tmp_path / "seed" / "sub" / "a").write_bytes(b"in a")

    run = shell.run("demo", str(tmp_path / "seed"))

    assert run.returncode == 0
    assert run.stderr.endswith("Every byte came back as it was, and nothing was left over.\n")
    assert "67,108,868" in run.stdout
    assert max(map(len, (run.stdout + run.stderr).splitlines())) <= 200
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_demo_runs_on_the_project_itself(shell: Shell) -> None:
    run = shell.run("demo", "--json")

    *steps, verdict = objects(run.stdout)
    assert (run.returncode, run.stderr) == (0, "")
    assert verdict == {"equal": True, "problems": []}
    assert steps[0]["files"] > 1


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_cut_short_leaves_nothing_behind(
    signal_number: int, shell: Shell, tmp_path: Path
) -> None:
    with shell.start("demo", "--json") as process:
        assert process.stdout
        process.stdout.readline()  # uploaded
        process.send_signal(signal_number)
        code, _, err = end_of(process)

    assert code == 128 + signal_number
    assert len(objects(err)) == 1
    assert list((tmp_path / "tmp").iterdir()) == []
