"""The kinds of faults of a whole session, and how each is put into a stage of it."""

from __future__ import annotations

import base64
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from hil.boards.fault_injection import LinkFaults
from hil.model.secrets import KNOWN_SECRETS, Secret
from tools.faults.cases import ON_BOARD, link_faults
from tools.faults.repl_board import BOOT_MESSAGES, STAGES, ReplBoard
from tools.faults.scripted_link import Wire, interspersed, stolen

ESP_LOGS = (
    b"I (12345) wifi:state: run -> init (0)\r\n",
    b"W (45017) phy_init: saving new calibration data\r\n",
    b"\x1b[0;31mE (90210) task_wdt: Task watchdog got triggered.\x1b[0m\r\n",
)
AT_COMMANDS = (b"AT\r", b"ATE1 E0\r", b"AT+GCAP\r", b"ATI\r", b"AT+CPIN?\r")
ON_LINK = (
    *("drop", "flip", "dup", "reorder", "delay", "garbage", "storm"),
    *("silence", "lost", "stall", "mix"),
)
"""Faults of ``--hil-faults``, here from the first byte of the session on."""
CANARY = "Canary-4711-of-the-bench"
CANARY_FORMS = (
    CANARY.encode(),
    CANARY[::-1].encode(),
    CANARY.encode().hex().encode(),
    base64.b64encode(CANARY.encode()).rstrip(b"="),
    CANARY.upper().encode(),
    ", ".join(str(ord(char)) for char in CANARY).encode(),
)
"""Ways in which a board may give away a secret that it was sent."""
IN_STAGES = (
    *("reset", "resets again", "reset and silence", "watchdog", "drip"),
    *("host pause", "board pause", "port away", "at commands"),
    *("interrupt", "folder removed", "canary"),
)
THROUGHOUT = (
    *("foreign lines", "second reader", "echo", "re-enumeration"),
    *("slow", "slow first answer", "host clock step", "disk full", "hostile frames"),
)
IN_PROGRAM = frozenset({*ON_BOARD, "board clock step"} - {"clock step", "watchdog"})
"""The program itself fails."""
KINDS = ("none", *IN_STAGES, *THROUGHOUT, *ON_LINK, *sorted(IN_PROGRAM))
TYPICAL_BYTES = {
    **{"attach": 2_300, "identify": 4_000, "calibrate": 900, "upload": 24_000},
    **{"window": 2_500, "after": 200},
}
SAID_BYTES = 12_000
"""What a board says in a whole session."""


def canary_in(data: bytes) -> str:
    """The form in which the secret stands in ``data``, empty if it does not."""
    lowered = data.lower()
    return next((repr(form) for form in CANARY_FORMS if form.lower() in lowered), "")


class SessionFault:
    """What happens in one run: ``kind``, put into a stage by ``chance``."""

    def __init__(
        self, kind: str, chance: random.Random, board: ReplBoard, wire: Wire, folder: Path
    ) -> None:
        self.chance, self.board, self.wire = chance, board, wire
        self.paused_s = 0.0
        self.file_limit = chance.randrange(700, 4_000) if kind == "disk full" else None
        self.link: LinkFaults | None = None
        if kind in ON_LINK:
            self.link = LinkFaults(link_faults(kind, SAID_BYTES, chance, always=True))
        board.when = chance.choice(STAGES)
        board.at = chance.randrange(TYPICAL_BYTES[board.when])
        if kind == "hostile frames":
            board.when, board.at = "window", chance.randrange(400)
        board.strike = self._strikes(folder).get(kind)
        self._from_the_start(kind)

    def _strikes(self, folder: Path) -> dict[str, Callable[[], None]]:
        chance, board, wire = self.chance, self.board, self.wire
        message, boot_s = chance.choice(BOOT_MESSAGES), chance.uniform(0.05, 3)
        pause_s = 10 ** chance.uniform(-1, 1.5)
        return {
            "reset": lambda: board.reset(message, boot_s),
            "resets again": lambda: self._again(message or b"boot\r\n"),
            "reset and silence": lambda: board.reset(message, 1e9, prompt=False),
            "watchdog": lambda: self._watchdog(message, chance.uniform(1, 9)),
            "drip": self._drip,
            "host pause": lambda: self._pause_host(pause_s),
            "board pause": lambda: board.stand_still(pause_s),
            "port away": lambda: wire.unplug(pause_s),
            "at commands": lambda: self._command(chance.randint(1, 8)),
            "interrupt": _interrupt,
            "canary": lambda: self._give_away(chance.randint(1, 6)),
            "hostile frames": lambda: (
                board.say(board.program.hostile_frames()) if board.program else None
            ),
            "folder removed": lambda: shutil.rmtree(folder / "capture"),
        }

    def _from_the_start(self, kind: str) -> None:
        chance, board, wire = self.chance, self.board, self.wire
        if kind == "canary":
            KNOWN_SECRETS.add(Secret(CANARY))
            board.facts = {"machine": f"hil:machine=a board in {CANARY}"}
        elif kind == "foreign lines":
            wire.change = interspersed(chance, ESP_LOGS, 10 ** chance.uniform(2.5, 4.5))
        elif kind == "second reader":
            wire.change = stolen(chance, 10 ** chance.uniform(-3, -0.3))
        elif kind == "echo":
            board.echoes = True
        elif kind == "re-enumeration":
            away_s = chance.uniform(0.3, 3)
            board.on_soft_reset = lambda: wire.unplug(away_s)
        elif kind == "slow":
            board.slow = chance.uniform(2, 60)
        elif kind == "slow first answer":
            board.stand_still(chance.uniform(0.5, 4.5))
        elif kind == "host clock step":
            step_s = chance.choice((-1, 1)) * 10 ** chance.uniform(0, 7)
            board.clock.step_wall(board.clock.now + chance.uniform(0, 10), step_s)

    def _give_away(self, times: int) -> None:
        """A program of the board prints what it was told, in some form."""
        form = self.chance.choice(CANARY_FORMS)
        self.board.say(self.chance.choice((b"", b"\r\n", b"key=")) + form + b"\r\n")
        if times:
            self.board.later(self.chance.uniform(0, 1), lambda: self._give_away(times - 1))

    def _pause_host(self, seconds: float) -> None:
        """The session does nothing for so long, and finds the board as far on."""
        self.paused_s += seconds
        self.board.clock.now += seconds

    def _again(self, message: bytes) -> None:
        """It resets itself once a second, for good, and says so."""

        def once() -> None:
            self.board.reset(message, 1e9, prompt=False)
            self.board.later(1.0, once)

        once()

    def _watchdog(self, message: bytes, period_s: float) -> None:
        """It resets itself every few seconds, and is at its prompt between."""

        def once() -> None:
            self.board.reset(message, 0.3)
            self.board.later(period_s, once)

        once()

    def _command(self, left: int) -> None:
        if left:
            self.board.write(self.chance.choice(AT_COMMANDS))
            self.board.later(self.chance.uniform(0.05, 3), lambda: self._command(left - 1))

    def _drip(self) -> None:
        """From now on a byte twice a second, and nothing else, for good."""
        self.board.reset(b"", 1e9, prompt=False)
        byte = self.chance.choice((b"\x01", b".", b"\n", b"R"))

        def drop() -> None:
            self.board.say(byte)
            self.board.later(0.5, drop)

        drop()


def _interrupt() -> None:
    raise KeyboardInterrupt
