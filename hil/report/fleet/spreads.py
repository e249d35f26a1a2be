"""How much boards of one model differ in each key figure, and which of them stand out."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hil.analysis.comparison_scale import COUNT, UNIT_SCALES, on_scale
from hil.analysis.fleet_outliers import FEWEST_BOARDS, FleetGroup, judge_fleet, least_spread
from hil.model.captures import BOARD_SOURCE
from hil.model.results import case_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.history.key_figures import KeyFigure
    from hil.history.night_queries import NightBoard

KEY_METRICS = (
    "lateness_p99_us",
    "schedule_drift_ppm",
    "clock_skew_ppm",
    "missed",
)
"""What boards are held against each other by, unless one metric is named."""
BOARD_METRICS = ("clock_skew_ppm",)
"""Figures of the board itself: each board has one, the middle of those of its cases."""
_Z95 = 1.96


class Model(NamedTuple):
    """What boards must share to be held against each other."""

    machine: str
    firmware: str
    profile: str

    @property
    def text(self) -> str:
        """For people."""
        return f"{self.machine}, MicroPython {self.firmware}, profile {self.profile}"


class FigureName(NamedTuple):
    """A figure of every board of a model; of several tasks it is the worst one's.

    Technique and load are empty where it is of the board itself.
    """

    technique: str
    load: str
    method: str | None
    source: str
    metric: str
    unit: str

    @property
    def text(self) -> str:
        """Metric and case."""
        return f"{self.metric} of {self.case}" if self.technique else self.metric

    @property
    def case(self) -> str:
        """Technique, load, and what else it is about."""
        if not self.technique:
            return ""
        text = f"{self.technique}, {self.load}"
        text += f", {self.method}" if self.method else ""
        return text if self.source == BOARD_SOURCE else f"{text}, by {self.source}"


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over the ``n`` boards of a model, in its unit.

    ``mad`` is the median distance from the median, ``q1`` and ``q3`` hold the middle half.
    ``share`` is 1.4826 MAD as a share of the median, 0 where the median is 0.
    """

    model: Model
    figure: FigureName
    n: int
    median: float
    mad: float
    q1: float
    q3: float
    low: float
    low_board: str
    high: float
    high_board: str

    @property
    def share(self) -> float:
        """See above."""
        return 1.4826 * self.mad / abs(self.median) if self.median else 0.0


@dataclass(frozen=True, slots=True)
class Outlier:
    """A board that stands out by a figure: its value, that of the others, and the score."""

    board: NightBoard
    model: Model
    figure: FigureName
    value: float
    median: float
    z: float
    p: float


@dataclass(frozen=True, slots=True)
class FleetSpreads:
    """The spreads of all models, the outliers (the clearest first), and what was ``judged``.

    ``small`` are the models with too few boards to name an outlier, and how many they have.
    """

    spreads: tuple[Spread, ...]
    outliers: tuple[Outlier, ...]
    judged: int
    small: tuple[tuple[Model, int], ...]


@dataclass(slots=True)
class _Group:
    boards: list[NightBoard] = field(default_factory=list)
    figures: dict[FigureName, dict[int, KeyFigure]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    of_boards: dict[str, dict[int, list[KeyFigure]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )


def model_of(board: NightBoard) -> Model:
    """The model that a board belongs to."""
    return Model(board.machine, board.firmware, board.profile)


def fleet_spreads(boards: Sequence[NightBoard], figures: Iterable[KeyFigure]) -> FleetSpreads:
    """Spreads and outliers of a night; nothing is drawn from a figure that one board alone has."""
    groups: dict[Model, _Group] = defaultdict(_Group)
    index_of: dict[int, tuple[_Group, int]] = {}
    for board in boards:
        group = groups[model_of(board)]
        index_of[board.board_id] = (group, len(group.boards))
        group.boards.append(board)
    for figure in figures:
        if figure.board_id not in index_of or not math.isfinite(figure.value):
            continue
        group, number = index_of[figure.board_id]
        if figure.metric in BOARD_METRICS:
            group.of_boards[figure.metric][number].append(figure)
            continue
        name = FigureName(
            *(figure.technique, figure.load, figure.method, figure.source),
            *(figure.metric, figure.unit),
        )
        group.figures[name][number] = figure
    for group in groups.values():
        for by_board in group.of_boards.values():
            for number, of_cases in by_board.items():
                middle = sorted(of_cases, key=lambda figure: figure.value)[len(of_cases) // 2]
                name = FigureName("", "", None, middle.source, middle.metric, middle.unit)
                group.figures[name][number] = middle
    names = {model: sorted(group.figures, key=_order) for model, group in groups.items()}
    models = sorted(groups)
    tables = [_table(groups[model], names[model]) for model in models]
    judgement = judge_fleet([scaled for scaled, _ in tables])
    spreads = [
        spread
        for model, (_, values) in zip(models, tables, strict=True)
        for spread in _spreads(model, groups[model], names[model], values)
    ]
    by_name = {(spread.model, spread.figure): spread.median for spread in spreads}
    outliers = []
    for outlier in judgement.outliers:
        model = models[outlier.group]
        name = names[model][outlier.figure]
        value = float(tables[outlier.group][1][outlier.board, outlier.figure])
        board = groups[model].boards[outlier.board]
        median = by_name[model, name]
        outliers.append(Outlier(board, model, name, value, median, outlier.z, outlier.p))
    sizes = ((model, len(groups[model].boards)) for model in models)
    small = tuple((model, size) for model, size in sizes if size < FEWEST_BOARDS)
    return FleetSpreads(tuple(spreads), tuple(outliers), judgement.judged, small)


def _order(name: FigureName) -> tuple[object, ...]:
    rank = KEY_METRICS.index(name.metric) if name.metric in KEY_METRICS else len(KEY_METRICS)
    case = case_order(("", name.technique, name.load))
    return (rank, name.metric, case, name.method or "", name.source)


def _table(group: _Group, names: Sequence[FigureName]) -> tuple[FleetGroup, np.ndarray]:
    """The figures on the scale of comparison, and as they are; both (boards, figures)."""
    shape = (len(group.boards), len(names))
    values, y, error = (np.full(shape, np.nan) for _ in range(3))
    least = np.zeros(len(names))
    steps = [board.step_us for board in group.boards if board.step_us]
    step = max(steps, default=1.0)
    for column, name in enumerate(names):
        c = COUNT if name.unit == "count" else UNIT_SCALES.get(name.unit, 1.0)
        for row, figure in group.figures[name].items():
            values[row, column] = figure.value
            y[row, column] = on_scale(figure.value, c)
            if figure.lo is not None and figure.hi is not None and c != COUNT:
                width = on_scale(figure.hi, c) - on_scale(figure.lo, c)
                error[row, column] = width / (2.0 * _Z95)
        median = float(np.nanmedian(values[:, column]))
        least[column] = least_spread(c, median, step if name.unit == "us" else 0.0)
    return FleetGroup(y, error, least), values


def _spreads(
    model: Model, group: _Group, names: Sequence[FigureName], values: np.ndarray
) -> Iterable[Spread]:
    for column, name in enumerate(names):
        has = np.flatnonzero(np.isfinite(values[:, column]))
        if has.size < 2:
            continue
        of_boards = values[has, column]
        median, q1, q3 = np.quantile(of_boards, (0.5, 0.25, 0.75)).tolist()
        low, high = int(np.argmin(of_boards)), int(np.argmax(of_boards))
        yield Spread(
            *(model, name, int(has.size), median),
            *(float(np.median(np.abs(of_boards - median))), q1, q3),
            *(float(of_boards[low]), group.boards[has[low]].name),
            *(float(of_boards[high]), group.boards[has[high]].name),
        )
