"""What a board was still doing at its prompt when it was taken: timers and threads left running."""

from __future__ import annotations

import re

from hil import agents
from hil.errors import HilError
from hil.transport.clock import seconds
from hil.transport.raw_repl import RawRepl
from hil.wire.devicelog import printable

_MARK = "hil:changed="
_MOST = 8
_SETTLE_S, _QUIET_S = 0.2, 0.05
_OF_THE_PROMPT = re.compile(
    r"(>>> |>|raw REPL|Traceback|  File |KeyboardInterrupt|MicroPython|Type )"
)


def look_for_strays(repl: RawRepl) -> tuple[str, ...]:
    """Interrupt the board's program and say what goes on without it, one clear line each.

    Seen is what changes: global variables, attributes of global objects, levels of pins, and text
    that comes. A timer that does nothing of this is not seen; the soft reset that follows stops it
    all the same. A board that does not answer gives nothing here: bringing it back comes later.
    """
    found = []
    try:
        repl.interrupt()
        settled = seconds(repl.clock) + _SETTLE_S
        while seconds(repl.clock) < settled and repl.read(_QUIET_S):
            pass  # what the program had begun to say
        repl.enter(soft_reset=False)
        answer = b"".join(repl.exec(piece) for piece in agents.pieces("board/leftover_activity.py"))
    except HilError:
        answer = b""
    lines = _lines(answer)
    changed = [line.removeprefix(_MARK) for line in lines if line.startswith(_MARK)]
    if changed:
        more = f" and {len(changed) - _MOST} more" if len(changed) > _MOST else ""
        found.append(f"{', '.join(changed[:_MOST])}{more} went on changing")
    printed = [line for line in lines if not line.startswith(_MARK)]
    if printed:
        found.append(f"it went on printing, first {printed[0][:80]!r}")
    return tuple(found)


def _lines(said: bytes) -> list[str]:
    lines = (printable(line.rstrip()) for line in said.replace(b"\r", b"").split(b"\n"))
    return [line for line in lines if line and not _OF_THE_PROMPT.match(f"{line} ")]
