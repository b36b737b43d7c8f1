"""What holds for every test: no way to a real AWS account unless a person asked for it."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Final

import hypothesis
import pytest
from hypothesis.configuration import set_hypothesis_home_dir

ROOT: Final = Path(__file__).parents[1]

# Tests change folders: without this, Hypothesis would keep its examples in each of them.
set_hypothesis_home_dir(ROOT / ".hypothesis")
# No deadlines: they tell of a busy machine, not of the code.
hypothesis.settings.register_profile("person", deadline=None)
hypothesis.settings.register_profile(
    "automatic", deadline=None, derandomize=True, print_blob=True, database=None
)
hypothesis.settings.load_profile("automatic" if os.environ.get("CI") else "person")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("s3_integration")
    group.addoption(
        "--server",
        action="append",
        choices=("moto", "ceph", "rclone", "aws"),
        help="a server for the integration tests, repeatable; else moto, and what is installed",
    )
    group.addoption("--aws-bucket", metavar="BUCKET", help="the empty bucket for --server aws")
    group.addoption(
        "--write-reliability-page",
        action="store_true",
        help="write docs/reliability.md from the outcomes of the fault tests of this run",
    )
    group.addoption(
        "--write-bucket-sections",
        action="store_true",
        help="write what s3i bucket prints into docs/security.md",
    )
    group.addoption(
        "--write-doctor-page",
        action="store_true",
        help="write docs/doctor.md from the screens of this run",
    )
    group.addoption(
        "--installed-in", metavar="FOLDER", help="refuse to test a package from anywhere else"
    )


def pytest_configure(config: pytest.Config) -> None:
    installed_in = config.getoption("--installed-in")
    if installed_in and not _package_folder().is_relative_to(Path(installed_in).resolve()):
        raise pytest.UsageError(f"The package under test is {_package_folder()}.")
    if "aws" in (config.getoption("--server") or ()):
        from tests.fixtures.servers import take_aws_credentials

        take_aws_credentials(config)
    if config.getoption("--write-reliability-page") and not hasattr(config, "workerinput"):
        from tests.docs.reliability_page import OutcomesOfRun

        config.pluginmanager.register(OutcomesOfRun())
    _leave_aws()


def pytest_report_header() -> str:
    return f"s3_integration: {_package_folder()}"


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    from tests.fixtures.ceph import HOW_TO_INSTALL, ceph_is_installed

    ran = {test.nodeid.split("/")[1] for test in terminalreporter.getreports("passed")}
    if "integration" in ran and not config.getoption("--server") and not ceph_is_installed():
        terminalreporter.write_line(f"Left out: Ceph, not installed. To get it: {HOW_TO_INSTALL}")


@pytest.fixture(autouse=True)
def empty_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty home and an empty working folder, where no setting is found by chance."""
    home = tmp_path.with_name(f"{tmp_path.name}-home")
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / ".aws" / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / ".aws" / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.chdir(tmp_path)


def _package_folder() -> Path:
    """Where `import s3_integration` leads, without doing it."""
    spec = importlib.util.find_spec("s3_integration")
    if not spec or not spec.origin:
        raise pytest.UsageError("s3_integration is not installed.")
    return Path(spec.origin).resolve().parent


def _leave_aws() -> None:
    """Take what leads to AWS, to another bucket or through a proxy out of this process."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "S3_INTEGRATION_")) or name.lower().endswith("_proxy"):
            del os.environ[name]
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        os.environ[name] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
