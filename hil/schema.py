"""Numbers of file formats: what is older is brought up step by step, what is newer is refused.

Every kind of file has one :class:`Schema`. Whoever raises its number adds the step from the number
before, or the module does not even import; so a file of any older version can be read for as long
as this code is. All kinds are at their first number so far, and have no steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Generic, TypeVar

from hil.errors import CaptureError, NewerSchemaError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Schema(Generic[T]):
    """The format of one kind of file, ``what``, whose number is ``newest`` now.

    ``steps[n]`` turns a unit of that file (a document, a line, a chunk) of format ``n`` into one
    of ``n + 1``; it may raise :class:`~hil.errors.CaptureError`. Raises ``ValueError`` where a step
    is missing or leads nowhere.
    """

    what: str
    newest: int
    steps: Mapping[int, Callable[[T], T]] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if self.newest < 1 or set(self.steps) != set(range(1, self.newest)):
            raise ValueError(f"{self.what}: a step from every schema below {self.newest} is needed")

    def check(self, number: object) -> int:
        """``number`` as it was read, if this version reads such files.

        Raises :class:`~hil.errors.NewerSchemaError` or :class:`~hil.errors.CaptureError`, one line
        without the file's name.
        """
        if type(number) is not int or number < 1:
            raise CaptureError(f"schema is {number!r:.40}; not {self.what}")
        if number > self.newest:
            raise NewerSchemaError(
                f"schema is {number!r:.40}, this version reads up to {self.newest}: "
                "written by a newer version; update hil"
            )
        return number

    def upgrade(self, unit: T, number: int) -> T:
        """``unit`` of format ``number`` (one that :meth:`check` returned) in the newest one."""
        for step in range(number, self.newest):
            unit = self.steps[step](unit)
        return unit
