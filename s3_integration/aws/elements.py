"""Elements of S3's answers that the installed botocore does not know, and so leaves out.

S3 replaces a setting of a bucket as a whole: who reads one through an old botocore, and puts it
back, would remove what AWS has added since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from botocore.model import OperationModel, Shape
    from mypy_boto3_s3.client import S3Client as Boto3Client

_NAME = "ElementsUnknownToBotocore"


def note_unknown_elements(client: Boto3Client, operation: str) -> None:
    """From now on, have answers to this operation tell them; see `unknown_elements_of`."""
    event = f"before-parse.s3.{operation}"
    client.meta.events.register(event, _note, unique_id=f"{_NAME}.{operation}")


def unknown_elements_of(answer: dict[str, Any]) -> tuple[str, ...]:
    """Take the names of such elements out of an answer."""
    return tuple(answer.pop(_NAME, ()))


def _note(
    operation_model: OperationModel,
    response_dict: dict[str, Any],
    customized_response_dict: dict[str, Any],
    **_: object,
) -> None:
    output = operation_model.output_shape
    if output is None or response_dict["status_code"] != 200:
        return
    payload = output.serialization.get("payload")
    shape: Shape = output.members[payload] if payload else output
    try:
        # botocore reads the same bytes by the same parser in a moment.
        root = ET.fromstring(response_dict["body"])  # noqa: S314 - see above
    except ET.ParseError:
        return  # a bucket policy; or botocore will complain
    customized_response_dict[_NAME] = sorted(set(_unknown(root, shape)))


def _unknown(element: Element, shape: Shape) -> Iterator[str]:
    members: dict[str, Shape] = getattr(shape, "members", {})
    if shape.type_name == "list":
        yield from _unknown_in_list(element, shape)
    elif members:
        known = {each.serialization.get("name", name): each for name, each in members.items()}
        for child in element:
            name = child.tag.rpartition("}")[2]
            if name in known:
                yield from _unknown(child, known[name])
            else:
                yield name


def _unknown_in_list(element: Element, shape: Shape) -> Iterator[str]:
    item: Shape = getattr(shape, "member")  # noqa: B009 - botocore's stubs know it of lists only
    for child in [element] if shape.serialization.get("flattened") else element:
        yield from _unknown(child, item)
