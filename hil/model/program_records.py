"""Which files a program of the user's own had, as ``results.json`` has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.model.codec import ABSENT, StoredRecord

if TYPE_CHECKING:
    from typing import Self

    from hil.model.captures import Capture


@dataclass(frozen=True, slots=True)
class ProgramFileRecord(StoredRecord):
    """One file; ``package`` is ``NAME@VERSION`` of the package that it came with."""

    path: str
    bytes: int
    sha256: str
    package: str = field(default="", metadata=ABSENT)


@dataclass(frozen=True, slots=True)
class ProgramRecord(StoredRecord):
    """The files of one case's program, the one that was run first."""

    board: str
    technique: str
    files: tuple[ProgramFileRecord, ...] = ()

    @classmethod
    def of(cls, capture: Capture) -> Self | None:
        """Those of a capture; ``None`` where no program of the user's own was measured."""
        files = tuple(
            ProgramFileRecord(file.path, len(file.content), file.sha256, file.package)
            for file in capture.program_files
        )
        return cls(capture.board.name, capture.plan.technique, files) if files else None
