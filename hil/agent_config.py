"""The configuration that an agent is started with, from the plan, the wiring and the board."""

from __future__ import annotations

from collections.abc import Mapping

from hil.boards.wiring import Wiring
from hil.records import BoardIdentity, CapturePlan

BYTES_PER_STAMP = 8
CAPTURE_SHARE = 0.4


def agent_config(
    plan: CapturePlan, wiring: Wiring, identity: BoardIdentity
) -> Mapping[str, object]:
    """The dictionary that the agent's entry point takes; times in microseconds.

    The recorder's capacity is left to the agent where the board has room for the whole window,
    and otherwise set to what fits into a share of its free memory.
    """
    count = len(plan.tasks)
    config: dict[str, object] = {
        "technique": plan.technique,
        "load": plan.load,
        "periods": tuple(task.period_us for task in plan.tasks),
        "phases": tuple(task.phase_us for task in plan.tasks),
        "duration": plan.duration_us,
        "pins": wiring.outputs[:count],
        "spare": wiring.outputs[count : count + 2],
        "levels": tuple(1 - index % 2 for index in range(count)),
        "loop": wiring.loopback,
        "timers": wiring.timers,
        "mode": "streaming" if plan.streaming else "buffered",
        **plan.options,
    }
    capacity = _capacity(plan, identity)
    if capacity is not None:
        config["capacity"] = capacity
    return config


def _capacity(plan: CapturePlan, identity: BoardIdentity) -> int | None:
    """Stamps a task may record if the window does not fit, else ``None``."""
    if identity.free_bytes is None or plan.streaming or not plan.tasks:
        return None
    room = int(identity.free_bytes * CAPTURE_SHARE) // BYTES_PER_STAMP // len(plan.tasks)
    wanted = max(plan.duration_us // task.period_us for task in plan.tasks)
    return None if room >= wanted * 1.1 + 16 else max(16, room)
