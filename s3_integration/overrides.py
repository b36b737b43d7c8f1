"""`override` for those who read types: programs need not import typing_extensions for it."""

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from typing_extensions import override
else:
    Method = TypeVar("Method")

    def override(method: Method) -> Method:
        """Mark a method that replaces one of its base class."""
        return method


__all__ = ["override"]
