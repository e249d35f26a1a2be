"""What a board is: asked of the board itself, checked, with the activity left running on it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from hil.agents import bundle
from hil.boards.backends.registry import recognise
from hil.boards.foreign_bytes import strip_whole
from hil.boards.other_firmware import ask
from hil.boards.wiring import check_answer, find_wiring
from hil.model.board import SMALL_HEAP, VIRTUAL_TIME, BoardIdentity
from hil.model.errors import (
    CaptureError,
    ConfigurationError,
    OtherFirmwareError,
    RemoteCodeError,
)
from hil.model.printable import escaped_bytes
from hil.recording.interfaces import seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hil.boards.backend import BoardSpec, BoardTraits
    from hil.model.board import ClockKind, Source, Wiring
    from hil.recording.interfaces import Prompt

PROBE_MARK = "hil:"
SMALL_HEAP_BYTES = 32_000
"""Free memory below which a board has the capability ``small_heap``: agents come in stages."""
_MAX_TEXT = 200
_MAX_LINES = 100
_T = TypeVar("_T", int, float)


def parse_probe(output: bytes) -> dict[str, str]:
    """The probe's ``hil:key=value`` lines; everything else in ``output`` is ignored.

    Lines ``hil:cap=word,word`` together become ``caps``.
    """
    facts: dict[str, str] = {}
    caps: list[str] = []
    for line in output.decode("ascii", "replace").splitlines()[-_MAX_LINES:]:
        if line.startswith(PROBE_MARK):
            key, mark, value = line[len(PROBE_MARK) :].partition("=")
            if mark and key == "cap":
                caps += escaped_bytes(value.strip()[:_MAX_TEXT].encode()).split(",")
            elif mark:
                facts[key.strip()] = escaped_bytes(value.strip()[:_MAX_TEXT].encode())
    if caps:
        facts["caps"] = ",".join((*filter(None, facts.get("caps", "").split(",")), *caps))
    return facts


def identity_from_probe(
    facts: dict[str, str],
    *,
    name: str,
    port: str,
    source: Source,
    wired: tuple[str, ...] = (),
    clock_jump_us: int | None = None,
    clock: ClockKind = "real",
) -> BoardIdentity:
    """Build the identity; ``wired`` adds the capabilities that come from wiring.

    ``clock`` is the kind of the link's clock.

    Raises :class:`~hil.model.errors.CaptureError` when the board did not even tell its tick period.
    """
    period = require_tick_period(facts, name)
    caps = {c for c in facts.get("caps", "").split(",") if c.isidentifier()}
    free = _number(facts.get("free"), int) or None
    if free is not None and free < SMALL_HEAP_BYTES:
        caps.add(SMALL_HEAP)
    return BoardIdentity(
        name=name,
        port=port,
        source=source,
        platform=facts.get("platform", "unknown"),
        machine=facts.get("machine", "unknown"),
        micropython=facts.get("version", "unknown"),
        tick_period=period,
        cpu_hz=_number(facts.get("cpu_hz"), int) or None,
        unique_id=facts.get("uid") or None,
        tick_resolution_us=_number(facts.get("res_us"), float) or None,
        free_bytes=free,
        capabilities=tuple(sorted(caps | set(wired))),
        clock_jump_us=clock_jump_us,
        clock=clock,
    )


def require_tick_period(facts: Mapping[str, str], name: str) -> int:
    """After so many ticks the board's clock begins anew.

    Raises :class:`~hil.model.errors.CaptureError` when the board does not tell it.
    """
    period = _number(facts.get("tp"), int)
    if period is None or period < 1 << 8 or period & (period - 1):
        raise CaptureError(
            f"{name}: the board's clock could not be identified "
            f"(tick period {facts.get('tp', 'not told')!r}); is this MicroPython?"
        )
    return period


def _number(text: str | None, kind: Callable[[str], _T]) -> _T | None:
    try:
        number = None if text is None else kind(text)
    except ValueError:
        return None
    return number if number is None or math.isfinite(number) else None


PROBE_TIMEOUT_S = 20.0
PROBE_PIECE_BYTES = 120


@dataclass(frozen=True, slots=True)
class IdentifiedBoard:
    """A board, the wiring that fits it, and why capabilities that one could expect are missing.

    ``traits`` are those that its words tell; ``None`` where it is what it was opened as.
    """

    identity: BoardIdentity
    wiring: Wiring
    traits: BoardTraits | None = None
    why: Mapping[str, str] = field(default_factory=dict)


def identify(prompt: Prompt, spec: BoardSpec, port: str, wiring: Wiring | None) -> IdentifiedBoard:
    """Ask the board; without a given ``wiring`` the shipped one that fits its words is taken.

    Raises :class:`~hil.model.errors.OtherFirmwareError` for what is no MicroPython and can't answer
    its questions, and :class:`~hil.model.errors.CaptureError` for a board that does not say enough.
    """
    try:
        facts = probe_board(prompt)
        require_tick_period(facts, spec.text)
    except (RemoteCodeError, CaptureError) as error:
        firmware = ask(prompt)
        refusal = firmware.refusal() if firmware else ""
        if refusal:
            raise OtherFirmwareError(f"{spec.text}: {refusal}") from error
        raise
    if wiring is None:
        machine, unique_id = facts.get("machine", ""), facts.get("uid", "")
        wiring = find_wiring(bundle.agents_folder() / "wiring", machine, unique_id)
    wired, why = _check_wiring(prompt, wiring)
    if VIRTUAL_TIME in facts.get("caps", "").split(","):
        _require_step(prompt, port)
        why["socket"] = "its time is virtual, which no client of the network shares"
    known = recognise(facts) or spec.backend
    identity = identity_from_probe(
        facts,
        name=spec.text,
        port=port,
        source=known.source,
        wired=wired,
        clock_jump_us=wiring.clock_jump_us,
        clock=prompt.clock.kind,
    )
    traits = None if known is spec.backend else known.traits
    return IdentifiedBoard(identity, wiring, traits, why)


def _require_step(prompt: Prompt, port: str) -> None:
    """A virtual time that is not followed looks like a clock that is wrong."""
    if prompt.clock.kind != VIRTUAL_TIME:
        raise ConfigurationError(
            f"{port}: the time of this embedded board is virtual, and only the run that starts it "
            "can follow it; give --board=sim:clock=virtual instead of its port"
        )


def probe_board(prompt: Prompt) -> dict[str, str]:
    """What the board says of itself, by key; a question that its memory is too small for is left.

    Raises :class:`~hil.model.errors.RemoteCodeError` for a question that fails otherwise.
    """
    said = b""
    full = False
    for piece in bundle.pieces("board/probe.py", piece_bytes=PROBE_PIECE_BYTES):
        try:
            said += prompt.exec(piece, timeout_s=PROBE_TIMEOUT_S)
        except RemoteCodeError as error:
            full = full or "MemoryError" in str(error)
            if not full:  # what follows may miss a name of the one that was left
                raise
    return parse_probe(said)


def _check_wiring(prompt: Prompt, wiring: Wiring) -> tuple[tuple[str, ...], dict[str, str]]:
    """What the wiring adds to the capabilities: the loopback only if a signal comes through."""
    if wiring.loopback is None:
        return wiring.capabilities, {}
    try:
        for piece in bundle.pieces("board/wiring_check.py"):
            prompt.exec(piece, timeout_s=PROBE_TIMEOUT_S)
        source, sink = wiring.loopback
        output = prompt.exec(f"hil_check_wiring({source!r},{sink!r})", timeout_s=PROBE_TIMEOUT_S)
        words, reason = check_answer(parse_probe(output), wiring)
    except RemoteCodeError as error:
        reason = f"the loopback pair could not be checked: {error}"
        words = tuple(word for word in wiring.capabilities if word != "loopback")
    return words, {"loopback": reason} if reason else {}


_MARKS = {
    "hil:changed=": "went on changing",
    "hil:running=": "(a PWM or a state machine) went on running",
}
_MOST = 8
_MOST_HEARD = 100_000
_SETTLE_S, _QUIET_S, _LISTEN_S = 0.2, 0.05, 0.1
_OF_THE_PROMPT = re.compile(
    r"(>>> |>|raw REPL|Traceback|  File |KeyboardInterrupt|MicroPython|Type )"
)


def find_leftover_activity(prompt: Prompt) -> tuple[str, ...]:
    """Interrupt the board's program and say what goes on without it, one clear line each.

    Seen is what changes: global variables, attributes of global objects, levels of pins, and text
    that comes; and a PWM or a state machine that a global variable or such an attribute holds. A
    timer that does nothing of this is not seen; the soft reset that follows stops it
    all the same. Raises the kinds of :class:`~hil.model.errors.TransportError` for a board that
    does not answer.
    """
    said = b""
    try:
        prompt.interrupt()
        said = strip_whole(_said_at_the_prompt(prompt))  # a chip's own log is no program's
        if not said:  # else its prints come between what is sent and the board's answers
            prompt.enter(soft_reset=False)
            for piece in bundle.pieces("board/leftover_activity.py"):
                said += prompt.exec(piece)
    except RemoteCodeError:
        pass  # of what its own program left there
    lines = _lines(said)
    told = []
    for mark, what in _MARKS.items():
        names = [line.removeprefix(mark) for line in lines if line.startswith(mark)]
        if names:
            more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
            told.append(f"{', '.join(names[:_MOST])}{more} {what}")
    printed = [line for line in lines if not line.startswith(tuple(_MARKS))]
    if printed:
        told.append(f"it went on printing, first {printed[0][:80]!r}")
    return tuple(told)


def _said_at_the_prompt(prompt: Prompt) -> bytes:
    """What comes although nothing runs: behind what the program had begun to say, whole lines."""
    settled = seconds(prompt.clock) + _SETTLE_S * prompt.slowness
    while prompt.read(_QUIET_S * prompt.slowness):
        if seconds(prompt.clock) >= settled:
            break
    else:
        return b""
    said = b""
    end = seconds(prompt.clock) + _LISTEN_S * prompt.slowness
    while len(said) < _MOST_HEARD and (left := end - seconds(prompt.clock)) > 0:
        said += prompt.read(left)
    return b"\n".join(said.split(b"\n")[1:-1])


def _lines(said: bytes) -> list[str]:
    lines = (escaped_bytes(line.rstrip()) for line in said.replace(b"\r", b"").split(b"\n"))
    return [line for line in lines if line and not _OF_THE_PROMPT.match(f"{line} ")]
