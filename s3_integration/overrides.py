"""`override` for those who read types: what typing_extensions takes to import, programs need not."""

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from typing_extensions import override
else:
    Method = TypeVar("Method")

    def override(method: Method) -> Method:
        """Mark a method that replaces one of its base class."""
        return method


__all__ = ["override"]
