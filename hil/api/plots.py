"""Charts of the page as figures of matplotlib, which a notebook shows by themselves."""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING

from hil.model.errors import ConfigurationError
from hil.model.known_names import unknown_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from hil.report.charts.chart import Chart


def plot_one(charts: Sequence[Chart], title: str, where: str) -> Figure:
    """The first of ``charts`` whose title begins with ``title``, drawn.

    Raises :class:`~hil.model.errors.ConfigurationError` where there is none.
    """
    from hil.report.charts.matplotlib_drawing import draw  # 0.4 s, for who draws

    for chart in charts:
        if chart.title.lower().startswith(title.lower()):
            figure = draw(chart)
            # a figure that pyplot did not make has no picture in a notebook otherwise
            figure._repr_png_ = partial(_png, figure)  # type: ignore[attr-defined]
            return figure
    raise ConfigurationError(f"{where}: {unknown_name('chart', title, [c.title for c in charts])}")


def _png(figure: Figure) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    return picture.getvalue()
