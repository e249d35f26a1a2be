"""The options of a run that are numbers, and what each may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.experiments.plan import MAX_DURATION_S, MAX_PERIOD_MS, MIN_PERIOD_MS, MOST_WINDOWS
from hil.model.errors import ConfigurationError
from hil.model.numbers import finite_float, shown_text, within

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class _Range:
    least: float
    most: float
    whole: bool = False
    unit: str = ""

    def __str__(self) -> str:
        kind = "whole number" if self.whole else "number"
        return f"a {kind} from {self.least:.0f} to {self.most:.0f}{self.unit}"


NUMBER_OPTIONS = {
    "--hil-period-ms": _Range(MIN_PERIOD_MS, MAX_PERIOD_MS),
    "--hil-duration-s": _Range(0, MAX_DURATION_S, unit=" (30 days)"),
    "--hil-windows": _Range(1, MOST_WINDOWS, whole=True),
    "--hil-seed": _Range(0, (1 << 32) - 1, whole=True),
}


def number_option(get: Callable[[str], str | None], option: str) -> float | None:
    """The number that ``get`` has for this option, ``None`` where it was not given.

    Raises :class:`~hil.model.errors.ConfigurationError` in one line with what is allowed.
    """
    text = get(option)
    if text is None:
        return None
    allowed = NUMBER_OPTIONS[option]
    try:
        number = finite_float(text)
    except ValueError:
        number = float("nan")
    if not within(number, allowed.least, allowed.most) or (allowed.whole and number % 1):
        raise ConfigurationError(f"{option}={shown_text(text)}: not {allowed}")
    return number


def whole_option(get: Callable[[str], str | None], option: str) -> int | None:
    """The same for an option that is a whole number."""
    number = number_option(get, option)
    return None if number is None else int(number)
