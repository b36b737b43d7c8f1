"""The package's face: what it exports, and how little an import of it costs."""

from __future__ import annotations

import logging
from types import ModuleType

import pytest

import s3_integration
from tests.fixtures.fresh_python import run_in_fresh_python

HEAVY = ["awscrt", "boto3", "botocore", "click", "dotenv", "moto", "rich", "s3transfer", "urllib3"]


def test_all_names_exactly_what_is_public() -> None:
    public = {
        name
        for name, value in ((name, getattr(s3_integration, name)) for name in dir(s3_integration))
        if not isinstance(value, ModuleType) and (name[0] != "_" or name == "__version__")
    }

    assert set(s3_integration.__all__) == public - {"TYPE_CHECKING", "Any"}
    assert s3_integration.__all__ == sorted(s3_integration.__all__)


def test_every_public_class_and_function_is_documented_and_at_home_in_the_package() -> None:
    for name in set(s3_integration.__all__) - {"__version__"}:
        public = getattr(s3_integration, name)

        assert (public.__doc__ or "").strip(), name
        assert public.__module__.startswith("s3_integration.")


@pytest.mark.parametrize("code", ["import s3_integration", "from s3_integration import *"])
def test_an_import_brings_in_nothing_heavy(code: str) -> None:
    program = f"import sys; {code}; print(*sorted(sys.modules))"
    loaded = run_in_fresh_python(program).split()

    assert "s3_integration.client" in loaded
    assert not [name for name in loaded if name.partition(".")[0] in HEAVY]


def test_making_a_client_brings_in_nothing_heavy() -> None:
    program = "import sys, s3_integration as s; s.S3Client(); print(*sorted(sys.modules))"
    loaded = run_in_fresh_python(program).split()

    assert not [name for name in loaded if name.partition(".")[0] in HEAVY]


def test_the_package_installs_no_handler_but_the_null_handler() -> None:
    program = (
        "import logging, s3_integration; logger = logging.getLogger('s3_integration');"
        "print([type(each).__name__ for each in logger.handlers], logger.level, logger.propagate,"
        "logging.getLogger().handlers)"
    )

    said = run_in_fresh_python(program)

    assert said.strip() == f"['NullHandler'] {logging.NOTSET} True []"
