"""A health check, step by step: whatever fails becomes a line, and the rest goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3_integration.aws.codes import SEE_DOCTOR
from s3_integration.doctor.report import NOT_CHECKED, HealthLine, HealthReport, Verdict
from s3_integration.doctor.steps import NOT_WRITTEN, STEPS, WRITTEN, Step
from s3_integration.doctor.visit import NotAskedError, Visit
from s3_integration.exceptions import S3IntegrationError
from s3_integration.logs import redact

if TYPE_CHECKING:
    from collections.abc import Callable

    from s3_integration.choices import WriteCheck
    from s3_integration.config import Settings


def examine(
    resolve: Callable[[], Settings], *, may_create: bool, write: WriteCheck = "no"
) -> HealthReport:
    """Look at everything that the package needs; nothing is raised.

    Args:
        resolve: gives the settings, or raises what is wrong with them.
        may_create: whether an upload would create the bucket if it is missing.
        write: whether an object may be stored, read and deleted.
    """
    visit = Visit(resolve, may_create=may_create)
    steps = (*STEPS, WRITTEN if write == "yes" else NOT_WRITTEN)
    return HealthReport(tuple(_line_of(step, visit) for step in steps))


def _line_of(step: Step, visit: Visit) -> HealthLine:
    verdict = _verdict_of(step, visit)
    # Errors' suggestions lead here: that is done.
    next_step = verdict.next_step.removesuffix(SEE_DOCTOR)
    return HealthLine(step.name, verdict.status, verdict.fact, next_step)


def _verdict_of(step: Step, visit: Visit) -> Verdict:
    try:
        return step.judge(step.find(visit))
    except NotAskedError as error:
        return Verdict("warning", f"{NOT_CHECKED}{error}")
    except S3IntegrationError as error:
        return Verdict(step.where_unknown, error.message.rstrip("."), error.suggestion)
    except Exception as error:  # noqa: BLE001 - it has to work when nothing else does
        fact = redact(f"unexpected {type(error).__name__}: {error}")
        return Verdict(step.where_unknown, fact, "This is a mistake in s3_integration.")
