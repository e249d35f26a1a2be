"""What a bench tells after a night: one message, for people and for programs.

Names of boards and texts that come from them are data: nothing in them is a link, a mention or
markup to a chat that shows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.expected_boards import is_missing_board
from hil.model.printable import escaped_line
from hil.model.secrets import KNOWN_SECRETS
from hil.model.verdicts import verdict_message
from hil.report.change_section import make_change_section

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from hil.model.results import Comparison, Results

_MOST_LINES = 10
_LONGEST_LINE = 300
_LONGEST_TEXT = 1900
"""What a chat takes in one message; Discord takes 2,000 characters."""
_MEANINGS = {
    0: "all well",
    1: "out of budget, or worse than before",
    2: "interrupted",
    3: "the harness failed",
    4: "the run could not begin",
    5: "no test was found",
    8: "the bench is broken",
    9: "out of budget or worse, and the bench is broken",
}
_HARMLESS = str.maketrans({"<": "\u2039", ">": "\u203a", "@": "@\u200b", "`": "'"})
"""Chats make links and mentions of these."""


@dataclass(frozen=True, slots=True)
class NightMessage:
    """The outcome of one run, or why there was none; lists are short texts, masked."""

    status: int | None
    run: str = ""
    verdict: str = ""
    boards: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    worse: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    report: str = ""

    @property
    def title(self) -> str:
        """One line: what became of the run."""
        meaning = _MEANINGS.get(self.status, "the run failed") if self.status is not None else ""
        parts = [f"hil: {meaning or 'the run did not come to its end'}"]
        if self.status:
            parts.append(f"(exit {self.status})")
        if self.run:
            parts.append(f"in {self.run}")
        return harmless(" ".join(parts))

    @property
    def text(self) -> str:
        """Title, lists and where the report is, at most so long as every chat takes."""
        lines = [self.title]
        for word, entries in (
            ("missing", self.missing),
            ("out of budget", self.failed),
            ("worse", self.worse),
            ("error", self.errors),
        ):
            lines += [f"- {word}: {harmless(entry)}" for entry in entries[:_MOST_LINES]]
            if len(entries) > _MOST_LINES:
                lines.append(f"- {word}: and {len(entries) - _MOST_LINES} more")
        where = f"report: {escaped_line(self.report)}" if self.report else ""
        room = _LONGEST_TEXT - len(where) - 20
        text = "\n".join(lines)
        if len(text) > room:
            text = text[:room].rpartition("\n")[0] + "\n- …"
        return f"{text}\n{where}" if where else text

    def document(self) -> dict[str, Any]:
        """The body of a webhook; ``text`` is Slack's and Matrix's field, ``content`` Discord's."""
        return {
            "schema": 1,
            "text": self.text,
            "content": self.text,
            "allowed_mentions": {"parse": []},
            "title": self.title,
            "status": self.status,
            "run": self.run,
            "verdict": self.verdict,
            **{
                name: list(getattr(self, name))
                for name in ("boards", "failed", "worse", "missing", "errors")
            },
            "report": self.report,
        }


def harmless(text: str) -> str:
    """One short line that no chat takes for markup or a mention, without the known secrets."""
    line = escaped_line(KNOWN_SECRETS.masked(text)).translate(_HARMLESS)
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"


def night_message(
    results: Results,
    verdict: str,
    comparison: Comparison | None,
    *,
    status: int | None,
    report: str,
    failures: Iterable[str] = (),
) -> NightMessage:
    """What to tell of a run; ``failures`` are what could not be written, stored or compared."""
    worse: list[str] = []
    if comparison is not None:
        worse = [row.line for row in make_change_section(comparison).worse]
        failures = (*failures, *(f"not compared: {text}" for text in comparison.missing))
    errors = [
        ", ".join(word for word in (e.board, e.technique, e.load) if word != "-") + f": {e.error}"
        for e in results.errors
        if not is_missing_board(e)
    ]
    return NightMessage(
        status=status,
        run=results.run.id,
        verdict=verdict,
        boards=_harmless(board.name for board in results.boards),
        failed=_harmless(verdict_message(m) for m in results.measurements if m.verdict == "fail"),
        worse=_harmless(worse),
        missing=_harmless(e.board for e in results.errors if is_missing_board(e)),
        errors=_harmless((*(text.removeprefix(": ") for text in errors), *failures)),
        report=KNOWN_SECRETS.masked(report),
    )


def _harmless(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(harmless, texts))[:1000]
