"""What tells one figure of a run from all others, for formats that take each name once.

A figure is named by its board, technique and load, then by its task, method, stage and instrument
where it has one. Runs that were stored by other versions, or changed by hand, may hold two figures
with the same of all: the later ones are numbered, and none is left out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.printable import unicode_text
from hil.model.result_files import finite_results
from hil.model.results import shared_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from hil.model.results import Measurement, Results


@dataclass(frozen=True, slots=True)
class NamedFigure:
    """A figure and its labels; ``number`` is above 1 for a further one of the same labels."""

    figure: Measurement
    number: int = 1

    @property
    def labels(self) -> dict[str, str]:
        """Label -> text: ``board``, ``technique``, ``load``, and what else the figure has."""
        figure = self.figure
        stage = shared_stage(figure)
        more = {
            "task": None if figure.task is None else str(figure.task),
            "task_name": figure.task_name or None,
            "method": figure.method,
            "stage": stage,
            "source": None if figure.by_board else figure.source,
            "number": str(self.number) if self.number > 1 else None,
        }
        labels = {"board": figure.board, "technique": figure.technique, "load": figure.load}
        return labels | {name: text for name, text in more.items() if text is not None}

    @property
    def benchmark(self) -> str:
        """``board/technique/load``, then method, stage, task and instrument where there is one."""
        labels = self.labels
        parts = [labels["board"], labels["technique"], labels["load"], *self._qualifiers()]
        return unicode_text("/".join(parts))

    @property
    def property(self) -> str:
        """The metric, then what qualifies it: ``lateness_p99_us.callback/closure.task0``.

        A figure by an instrument ends with its name: ``lateness_p99_us.task0.by la``.
        """
        return ".".join([self.figure.metric, *self._qualifiers()])

    def _qualifiers(self) -> Iterator[str]:
        forms = {"method": "{}", "stage": "{}", "task": "task{}", "source": "by {}"}
        labels = self.labels
        for name, form in {**forms, "number": "number {}"}.items():
            if name == "task" and "task_name" in labels:
                yield labels["task_name"]
            elif name in labels:
                yield form.format(labels[name])


def named_figures(
    results: Results, key_of: Callable[[NamedFigure], Hashable]
) -> Iterator[NamedFigure]:
    """Every finite figure, in order; no two have the same key.

    The key is what the format takes once: names of different figures may be the same in it.
    """
    taken: set[Hashable] = set()
    counts: Counter[Hashable] = Counter()
    for figure in finite_results(results).measurements:
        named = NamedFigure(figure)
        first = key = key_of(named)
        counts[first] += 1
        while key in taken:
            named = NamedFigure(figure, counts[first])
            key = key_of(named)
            counts[first] += key in taken
        taken.add(key)
        yield named
