"""A night over all boards for programs: what ``hil fleet --json`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.analysis.fleet_outliers import FALSE_ALARMS
from hil.report.fleet.view import TROUBLES

if TYPE_CHECKING:
    from typing import Any

    from hil.report.fleet.spreads import FigureName, Model, Outlier, Spread
    from hil.report.fleet.view import BoardRow, FleetView, ModelRow

SCHEMA = 1


def fleet_document(view: FleetView) -> dict[str, Any]:
    """Everything of the view; boards without a trouble are counted only."""
    night = view.night
    return {
        "schema": SCHEMA,
        "night": {"day": night.day, "begin": night.begin, "end": night.end, "back": night.back},
        "counts": {
            "reported": len(view.reported),
            "repeated": view.repeated,
            **{_key(trouble): view.counts[trouble] for trouble in TROUBLES},
        },
        "boards": [_board(row) for row in view.attention],
        "models": [_model_row(row) for row in view.models],
        "outliers": [_outlier(outlier) for outlier in view.spreads.outliers],
        "spreads": [_spread(spread) for spread in view.spreads.spreads],
        "judged": view.spreads.judged,
        "false_alarms": FALSE_ALARMS,
    }


def _key(trouble: str) -> str:
    return trouble.replace(" ", "_")


def _model(model: Model) -> dict[str, str]:
    return {"machine": model.machine, "firmware": model.firmware, "profile": model.profile}


def _board(row: BoardRow) -> dict[str, Any]:
    return {
        "board": row.name,
        "key": row.key,
        "run": row.run,
        **_model(row.model),
        "troubles": {_key(trouble): text for trouble, text in row.troubles.items()},
    }


def _model_row(row: ModelRow) -> dict[str, Any]:
    counts = {_key(trouble): row.counts[trouble] for trouble in TROUBLES}
    return {**_model(row.model), "reported": row.reported, **counts}


def _figure(figure: FigureName) -> dict[str, Any]:
    return figure._asdict()


def _outlier(outlier: Outlier) -> dict[str, Any]:
    return {
        "board": outlier.board.name,
        "key": outlier.board.key,
        "run": outlier.board.run,
        **_model(outlier.model),
        **_figure(outlier.figure),
        "value": outlier.value,
        "median": outlier.median,
        "z": outlier.z,
        "p": outlier.p,
    }


def _spread(spread: Spread) -> dict[str, Any]:
    return {
        **_model(spread.model),
        **_figure(spread.figure),
        "n": spread.n,
        "median": spread.median,
        "mad": spread.mad,
        "q1": spread.q1,
        "q3": spread.q3,
        "low": {"value": spread.low, "board": spread.low_board},
        "high": {"value": spread.high, "board": spread.high_board},
    }
