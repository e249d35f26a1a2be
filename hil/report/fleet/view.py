"""A night over all boards: who reported, who is missing, what failed, and who stands out."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hil.analysis.fleet_outliers import FEWEST_BOARDS
from hil.model.expected_boards import MISSING_BOARD
from hil.model.units import pick_scale
from hil.report.fleet.spreads import KEY_METRICS, FleetSpreads, Model, fleet_spreads, model_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.history.fleet_night import FleetNight
    from hil.history.night_queries import NightBoard
    from hil.report.fleet.spreads import Outlier, Spread

Trouble = Literal["missing", "failed", "over limit", "worse", "outlier"]
TROUBLES: tuple[Trouble, ...] = ("missing", "failed", "over limit", "worse", "outlier")
"""What can be the matter with a board, the gravest first."""
UNKNOWN = Model("model not known", "-", "-")


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A board with something the matter: each trouble with a sentence.

    ``run`` is its run of the night, or the last one before where it is missing, or empty.
    """

    name: str
    key: str
    model: Model
    run: str
    troubles: dict[Trouble, str]

    @property
    def gravest(self) -> Trouble:
        """The first of :data:`TROUBLES` that it has."""
        return next(trouble for trouble in TROUBLES if trouble in self.troubles)

    @property
    def text(self) -> str:
        """All sentences."""
        return "; ".join(self.troubles[trouble] for trouble in TROUBLES if trouble in self.troubles)


@dataclass(frozen=True, slots=True)
class ModelRow:
    """The boards of a model: how many reported, and how many have each trouble."""

    model: Model
    reported: int
    counts: Counter[Trouble]


@dataclass(frozen=True, slots=True)
class FleetView:
    """What terminal, page and ``--json`` show of a night.

    ``attention`` holds the boards with a trouble, the gravest first; ``repeated`` how many boards
    were measured more than once, of which the last sound run counts.
    """

    night: FleetNight
    reported: Sequence[NightBoard]
    attention: tuple[BoardRow, ...]
    models: tuple[ModelRow, ...]
    counts: Counter[Trouble]
    spreads: FleetSpreads
    repeated: int

    @property
    def lead_metric(self) -> str:
        """The metric that is shown first."""
        return next((spread.figure.metric for spread in self.spreads.spreads), KEY_METRICS[0])

    @property
    def way_down(self) -> str:
        """The board to look at first, as commands take it; empty where there is none."""
        return next((row.key for row in self.attention if row.model != UNKNOWN), "")

    @property
    def widest(self) -> list[Spread]:
        """The spreads of the first metric, the widest first, then those of the others."""
        return sorted(
            self.spreads.spreads,
            key=lambda spread: (spread.figure.metric != self.lead_metric, -spread.share),
        )

    @property
    def notes(self) -> list[str]:
        """What is to be known to read the night."""
        texts = []
        if self.repeated:
            texts.append(f"{self.repeated} measured more than once: the last sound run counts")
        if small := len(self.spreads.small):
            texts.append(
                f"{small} of {len(self.models)} models with fewer than {FEWEST_BOARDS} boards: "
                "no outlier is named there"
            )
        return texts

    @property
    def title(self) -> str:
        """The night and its hours."""
        begin, end = (f"{end.replace('T', ' ')}:00" for end in (self.night.begin, self.night.end))
        hours = f"{begin} to {end} UTC" if self.night.first_hour else "the day in UTC"
        return f"night {self.night.day} ({hours})"

    @property
    def summary(self) -> str:
        """All counts in one line."""
        texts = {
            "missing": "missing",
            "failed": "failed",
            "over limit": "over a limit",
            "worse": "worse",
            "outlier": "outliers",
        }
        parts = [f"{len(self.reported)} reported"]
        return ", ".join([*parts, *(f"{self.counts[key]} {texts[key]}" for key in TROUBLES)])


def first_of_each(rows: Sequence[BoardRow], most: int) -> list[BoardRow]:
    """At most ``most`` of the rows, of each gravest trouble as many as of the others if it can be.

    They stay in their order.
    """
    turns = Counter[Trouble]()
    ranked = []
    for index, row in enumerate(rows):
        turns[row.gravest] += 1
        ranked.append((turns[row.gravest], index))
    return [rows[index] for index in sorted(index for _, index in sorted(ranked)[:most])]


def short_machines(models: Iterable[Model]) -> dict[str, str]:
    """What to call each machine where there is little room: without its chip, if that is enough."""
    machines = {model.machine for model in models}
    short = Counter(machine.partition(" with ")[0] for machine in machines)
    texts = {machine: machine.partition(" with ")[0] for machine in machines}
    return {machine: text if short[text] == 1 else machine for machine, text in texts.items()}


def fleet_view(night: FleetNight) -> FleetView:
    """The view of what the history has of a night."""
    spreads = fleet_spreads(night.boards, night.figures)
    rows = [*_missing(night), *_reported(night, spreads.outliers)]
    rows = [row for row in rows if row.troubles]
    by_score = {board.key: index for index, board in enumerate(_boards_of(spreads.outliers))}
    rows.sort(
        key=lambda row: (
            TROUBLES.index(row.gravest),
            -len(row.troubles),
            by_score.get(row.key, len(by_score)),
            row.name,
        )
    )
    counts: Counter[Trouble] = Counter(trouble for row in rows for trouble in row.troubles)
    return FleetView(
        night=night,
        reported=night.boards,
        attention=tuple(rows),
        models=_models(night, rows),
        counts=counts,
        spreads=spreads,
        repeated=sum(board.runs > 1 for board in night.boards),
    )


def _boards_of(outliers: Sequence[Outlier]) -> list[NightBoard]:
    return list({outlier.board.key: outlier.board for outlier in outliers}.values())


def _missing(night: FleetNight) -> list[BoardRow]:
    """Boards that reported before and not in this night, and those that a bench expected."""
    rows = [
        BoardRow(
            *(board.name, board.key, model_of(board), board.run),
            {"missing": f"missing, last run {board.started_utc[:10]}"},
        )
        for board in night.earlier
    ]
    known = {label for row in rows for label in (row.name, row.key)}
    known |= {label for board in night.boards for label in (board.name, board.key)}
    wanted = {error.board: error for error in night.errors
              if error.error.startswith(MISSING_BOARD)}  # fmt: skip
    rows += [
        BoardRow(name, name, UNKNOWN, error.run, {"missing": "missing, expected by its bench"})
        for name, error in wanted.items()
        if name not in known
    ]
    return rows


def _reported(night: FleetNight, outliers: Sequence[Outlier]) -> list[BoardRow]:
    errors = {(error.run, error.board): error for error in reversed(night.errors)}
    by_board: dict[str, list[Outlier]] = defaultdict(list)
    for outlier in outliers:
        by_board[outlier.board.key].append(outlier)
    rows = []
    for board in night.boards:
        troubles: dict[Trouble, str] = {}
        if board.errors:
            error = errors.get((board.run, board.name)) or errors.get((board.run, ""))
            case = f"{error.technique}, {error.load}: " if error and error.technique else ""
            more = f", and {board.errors - 1} more" if board.errors > 1 else ""
            troubles["failed"] = f"{case}{error.error if error else 'failed'}{more}"
        if board.verdict == "fail":
            troubles["over limit"] = "a figure over its limit"
        if board.worse:
            troubles["worse"] = f"{board.worse} figure{'s' * (board.worse > 1)} worse"
        if of_board := by_board.get(board.key):
            more = f", and {len(of_board) - 1} more" if len(of_board) > 1 else ""
            troubles["outlier"] = f"{outlier_text(of_board[0])}{more}"
        rows.append(BoardRow(board.name, board.key, model_of(board), board.run, troubles))
    return rows


def outlier_text(outlier: Outlier) -> str:
    """What stands out and against what."""
    scale = pick_scale((outlier.value, outlier.median), outlier.figure.unit)
    return (
        f"{outlier.figure.text}: {scale.quantity(outlier.value)}, "
        f"others {scale.quantity(outlier.median)}"
    )


def _models(night: FleetNight, rows: Sequence[BoardRow]) -> tuple[ModelRow, ...]:
    reported = Counter(model_of(board) for board in night.boards)
    counts: dict[Model, Counter[Trouble]] = {model: Counter() for model in reported}
    for row in rows:
        counts.setdefault(row.model, Counter()).update(row.troubles.keys())
    made = [ModelRow(model, reported[model], of_model) for model, of_model in counts.items()]
    return tuple(sorted(made, key=lambda row: (-row.counts.total(), -row.reported, row.model)))
