"""What the figures were measured under: windows, the host's clock, and of each board its emulator,
its temperature, its slowness.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.model.board import NOT_MODELLED
from hil.model.units import pick_scale

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from hil.model.board import BoardIdentity
    from hil.model.results import HostClock, Measurement, Results, RunInfo

NOTABLE_K = 2.0
"""A change of the temperature by more than this is named beside what follows it."""
FOLLOWS_TEMPERATURE = frozenset(("clock_skew_ppm", "schedule_drift_ppm"))
_SYNCHRONISED = {
    "chrony": "kept by chrony",
    "timesyncd": "kept by systemd-timesyncd",
    "ntpd": "kept by ntpd",
    "ntp": "synchronised",
    "none": "not synchronised",
    "unknown": "perhaps not synchronised, this system does not tell",
}


def run_conditions(results: Results) -> list[str]:
    """A line each on the windows, the host's clock, and what is to be known of each board."""
    lines = [windows_sentence(results), host_clock_sentence(results.run)]
    lines += emulator_sentences(results)
    for board in results.boards:
        for sentence in (temperature_sentence(board), slowness_sentence(board)):
            if sentence:
                lines.append(f"{board.name}: {sentence}")
    return [line for line in lines if line]


def emulator_sentences(results: Results) -> list[str]:
    """What each emulated board has and has not of the chip that it stands for."""
    return [
        f"{board.name} is emulated: {NOT_MODELLED[board.platform]}"
        for board in results.boards
        if board.source == "emulator" and board.platform in NOT_MODELLED
    ]


def windows_sentence(results: Results) -> str:
    """In how many windows the cases were measured; empty where each had one."""
    counts = {len(m.windows) for m in results.measurements if m.windows}
    if not counts:
        return ""
    few, many = min(counts), max(counts)
    size = f"{many}" if few == many else f"{few} to {many}"
    seed = results.run.order_seed
    drawn = "" if seed is None else f", in an order drawn by seed {seed}"
    return f"each case measured in {size} windows, techniques in turn{drawn}"


def host_clock_sentence(run: RunInfo) -> str:
    """How the clock was kept that skews are against; empty for a run that did not record it."""
    clock = run.host_clock
    if clock is None:
        return ""
    words = _SYNCHRONISED.get(clock.sync, f"kept by {clock.sync}")
    rate = "" if clock.error_ppm is None else f", its rate {_within(clock)}"
    return f"this computer's clock is {words}{rate}"


def _within(clock: HostClock) -> str:
    assert clock.error_ppm is not None
    return f"within {clock.error_ppm:.2g} ppm"


def temperature_sentence(board: BoardIdentity) -> str:
    """The temperature before and after; empty where the board can't be asked."""
    temperature = board.temperature_c
    if temperature is None:
        return ""
    parts = []
    if temperature.before is not None:
        parts.append(f"{temperature.before:.1f} °C before the run")
    if temperature.after is not None:
        parts.append(f"{temperature.after:.1f} °C after it")
    return ", ".join(parts) + temperature_warning(board)


def slowness_sentence(board: BoardIdentity) -> str:
    """What a slow board was given; empty for a usual one."""
    if board.slowness is None:
        return ""
    factor = f"{board.slowness:.1f}".removesuffix(".0")
    return f"every time limit was {factor} times a usual board's, for it is that slow"


def temperature_warning(board: BoardIdentity) -> str:
    """What a change of the temperature means for drift and skew, to be put behind a sentence."""
    change = None if board.temperature_c is None else board.temperature_c.change
    if change is None or abs(change) <= NOTABLE_K:
        return ""
    turned = "warmer" if change > 0 else "cooler"
    return (
        f": the board became {abs(change):.1f} K {turned}, and the rate of its clock followed; "
        "its skew and drift are those of this change, too"
    )


def figure_conditions(figure: Measurement, boards: Sequence[BoardIdentity]) -> Iterator[str]:
    """What belongs beside one figure: its windows, and a temperature that it follows."""
    if len(figure.windows) > 1:
        yield windows_of(figure)
    if figure.metric in FOLLOWS_TEMPERATURE:
        for board in boards:
            change = None if board.temperature_c is None else board.temperature_c.change
            if board.name == figure.board and change is not None and abs(change) > NOTABLE_K:
                yield f"the board's temperature changed by {change:+.1f} K"


def windows_of(figure: Measurement) -> str:
    """``windows: 12.1, 12.4, 19.0 us``, and which of them differs from all others."""
    values = [_number(window, "value") for window in figure.windows]
    known = [value for value in values if value is not None]
    scale = pick_scale(known, figure.unit)
    text = f"windows: {', '.join(scale.number(value) for value in values)} {scale.unit}".rstrip()
    for window in differing_windows(figure):
        text += f"; window {window} differs"
    return text


def differing_windows(figure: Measurement) -> list[int]:
    """The numbers of the windows whose interval lies apart from those of all others.

    Two intervals at 95 % that don't touch tell two values apart at about 99 %. A window without
    both bounds is not judged; of two windows that lie apart from each other both are named.
    """
    spans = {
        int(window["window"]): (lo, hi)
        for window in figure.windows
        if (lo := _number(window, "lo")) is not None
        and (hi := _number(window, "hi")) is not None
        and isinstance(window.get("window"), int)
    }
    return [
        number
        for number, (lo, hi) in spans.items()
        if len(spans) > 1
        and all(other == number or hi < low or lo > high for other, (low, high) in spans.items())
    ]


def _number(window: Mapping[str, Any], key: str) -> float | None:
    value = window.get(key)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
