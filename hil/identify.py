"""What a board is and what may be used of it: asked of the board itself, and of its wiring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hil import agents
from hil.boards.identity import VIRTUAL, identity_from_probe, is_sim, parse_probe
from hil.boards.spec import BoardSpec
from hil.boards.wiring import Wiring, check_answer, find_wiring
from hil.errors import ConfigurationError, RemoteCodeError
from hil.records import BoardIdentity
from hil.transport.raw_repl import RawRepl

CODE_TIMEOUT_S = 20.0
PROBE_PIECE_BYTES = 120


@dataclass(frozen=True, slots=True)
class Identified:
    """A board, the wiring that fits it, and why capabilities that one could expect are missing."""

    identity: BoardIdentity
    wiring: Wiring
    why: Mapping[str, str] = field(default_factory=dict)


def identify(repl: RawRepl, spec: BoardSpec, port: str, wiring: Wiring | None) -> Identified:
    """Ask the board; without a given ``wiring`` the shipped one that fits its words is taken.

    Raises :class:`~hil.errors.CaptureError` for a board that does not say enough.
    """
    facts = probe(repl)
    if wiring is None:
        machine, unique_id = facts.get("machine", ""), facts.get("uid", "")
        wiring = find_wiring(agents.agents_folder() / "wiring", machine, unique_id)
    wired, why = _check_wiring(repl, wiring)
    if VIRTUAL in facts.get("caps", "").split(","):
        _require_step(repl, port)
        why["socket"] = "its time is virtual, and no client of the network lives in it"
    identity = identity_from_probe(
        facts,
        name=spec.text,
        port=port,
        source="sim" if is_sim(facts) else spec.source,
        wired=wired,
        clock_jump_us=wiring.clock_jump_us,
    )
    return Identified(identity, wiring, why)


def _require_step(repl: RawRepl, port: str) -> None:
    """A virtual time that is not followed looks like a clock that is wrong."""
    if repl.clock.kind != VIRTUAL:
        raise ConfigurationError(
            f"{port}: the time of this embedded board is virtual, and only the run that starts it "
            "can follow it; give --board=sim:clock=virtual instead of its port"
        )


def probe(repl: RawRepl) -> dict[str, str]:
    """What the board says of itself, by key; a question that its memory is too small for is left.

    Raises :class:`~hil.errors.RemoteCodeError` for a question that fails otherwise.
    """
    said = b""
    full = False
    for piece in agents.pieces("board/probe.py", piece_bytes=PROBE_PIECE_BYTES):
        try:
            said += repl.exec(piece, timeout_s=CODE_TIMEOUT_S)
        except RemoteCodeError as error:
            full = full or "MemoryError" in str(error)
            if not full:  # what follows may miss a name of the one that was left
                raise
    return parse_probe(said)


def _check_wiring(repl: RawRepl, wiring: Wiring) -> tuple[tuple[str, ...], dict[str, str]]:
    """What the wiring adds to the capabilities: the loopback only if a signal comes through."""
    if wiring.loopback is None:
        return wiring.capabilities, {}
    try:
        for piece in agents.pieces("board/wiring_check.py"):
            repl.exec(piece, timeout_s=CODE_TIMEOUT_S)
        source, sink = wiring.loopback
        output = repl.exec(f"hil_check_wiring({source!r},{sink!r})", timeout_s=CODE_TIMEOUT_S)
        found, reason = check_answer(parse_probe(output), wiring)
    except RemoteCodeError as error:
        reason = f"the loopback pair could not be checked: {error}"
        found = tuple(word for word in wiring.capabilities if word != "loopback")
    return found, {"loopback": reason} if reason else {}
