"""hil: how late, how jittery, how drifting is periodic code on a MicroPython board."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from hil.api.case import Case as Case
    from hil.api.figure_set import FigureSet as FigureSet
    from hil.api.loading import load as load
    from hil.api.run import Run as Run
    from hil.api.stamps import Stamps as Stamps
    from hil.model.errors import HilError as HilError

__version__ = "0.1.0"
_FROM = {
    "load": "hil.api.loading",
    "Run": "hil.api.run",
    "Case": "hil.api.case",
    "FigureSet": "hil.api.figure_set",
    "Stamps": "hil.api.stamps",
    "HilError": "hil.model.errors",
}
"""Names that are imported when they are first asked for: who runs pytest needs none of them."""


def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module 'hil' has no attribute {name!r}")
    return getattr(import_module(_FROM[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_FROM]
