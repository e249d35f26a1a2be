"""Every table in a terminal, at any width: columns are left out, and nothing in one is ever cut.

A number, a unit and a name stand whole. Where a table is wider than the terminal, headings take
their short form and fold, then bounds and whole columns are left out by their :attr:`Column.keep`,
and a line below the table names them. Where not even the columns that are always kept fit side by
side, each row becomes a record: a line ``heading: value`` for each of its columns, and none is
left out. A word that is wider than the whole terminal stands alone on a line and is left whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from hil.model.units import format_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ALWAYS = 0
"""``keep`` of a column that is never left out."""
HINT = "a wider terminal shows them"
_GAP, _LEAST_GAP = 2, 1
_EMPTY = 1 << 30
_RULE = "─"
_NUMBER = re.compile(r"[-+]?[0-9][0-9.,]*(e[-+]?[0-9]+)?")
_LOWER_END = re.compile(r"\[[-+0-9.e?]+,|[<>]=")
_UNITS = frozenset(
    ["ns", "us", "ms", "s", "min", "h", "d", "Hz", "kHz", "MHz", "ppm", "%", "kB", "MB", "bytes"]
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column; what is left out first has the largest ``keep``, :data:`ALWAYS` stays.

    ``narrow`` is the heading where there is little room. ``keep_details``: the same for what
    stands below its values (their bounds). ``folds``: its text may go on in the next line, between
    words.
    """

    heading: str
    keep: int = ALWAYS
    right: bool = False
    narrow: str = ""
    keep_details: int = ALWAYS
    folds: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A value; ``detail`` (its bounds) stands below it and may be left out, ``note`` may not."""

    text: str
    style: str = ""
    detail: str = ""
    note: str = ""


NOTHING = Cell("-", "dim")


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows of as many cells; ``hint`` says where to see what is left out.

    ``spaced``: with a blank line before and after it, and a rule below the headings.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    hint: str = HINT
    spaced: bool = True

    def lines(self, width: int, fit: Callable[[str], str] = str) -> Iterator[Text]:
        """The table at most ``width`` cells wide.

        ``fit`` makes of a text what the output can show.
        """
        shown = _Fitted.of(self, fit)
        around = [Text()] if self.spaced else []
        yield from around
        if (layout := _choose(shown, width)) is None:
            for row in shown.rows:
                yield from _record(shown, row, width)
        else:
            yield from layout.lines(fit(_RULE) if self.spaced else "")
            if left_out := _left_out(layout):
                note = f"left out at this width: {left_out}; {self.hint}"
                yield from (Text(line, "dim") for line in folded(fit(note), width))
        yield from around


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A table with what the output can show."""

    columns: Sequence[Column]
    narrow: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    @classmethod
    def of(cls, table: Table, fit: Callable[[str], str]) -> _Fitted:
        columns = [
            Column(fit(c.heading), c.keep, c.right, fit(c.narrow), c.keep_details, c.folds)
            for c in table.columns
        ]
        rows = [
            [Cell(fit(c.text), c.style, fit(c.detail), fit(c.note)) for c in row]
            for row in table.rows
        ]
        return cls(columns, [column.narrow or column.heading for column in columns], rows)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which columns, with which headings, details and widths."""

    table: _Fitted
    columns: tuple[int, ...]
    details: frozenset[int]
    headings: dict[int, list[str]]
    widths: dict[int, int]
    gap: int

    @property
    def width(self) -> int:
        """All columns with the gaps between them."""
        return sum(self.widths.values()) + self.gap * (len(self.columns) - 1)

    def lines(self, rule: str) -> Iterator[Text]:
        """Headings, a rule, and the rows."""
        if any(map(any, self.headings.values())):
            heads = [[Text(line, "bold") for line in self.headings[c]] for c in self.columns]
            height = max(map(len, heads))
            yield from self._joined([[Text()] * (height - len(h)) + h for h in heads])
            yield from [Text(rule * self.width)] if rule else []
        for row in self.table.rows:
            cells = [
                _cell_lines(row[c], c in self.details, self._fold_width(c)) for c in self.columns
            ]
            yield from self._joined(cells)

    def _fold_width(self, column: int) -> int | None:
        return self.widths[column] if self.table.columns[column].folds else None

    def _joined(self, cells: Sequence[Sequence[Text]]) -> Iterator[Text]:
        for number in range(max(map(len, cells), default=0)):
            line = Text()
            for column, lines in zip(self.columns, cells, strict=True):
                text = lines[number] if number < len(lines) else Text()
                blanks = " " * (self.widths[column] - cell_len(text.plain))
                right = self.table.columns[column].right
                line.append(" " * self.gap if column != self.columns[0] else "")
                line.append_text(Text.assemble(blanks, text) if right else text)
                line.append("" if right else blanks)
            line.rstrip()
            yield line


def _choose(table: _Fitted, width: int) -> _Layout | None:
    """The fullest layout that is at most ``width`` wide, or ``None``."""
    columns, details = list(range(len(table.columns))), set(range(len(table.columns)))
    layout = _layout(table, columns, details, narrow=False, width=width)
    if layout.width <= width:
        return layout
    layout = _layout(table, columns, details, narrow=True, width=width)
    for _, columns_too, gone in _steps(table):
        if layout.width <= width:
            break
        details -= gone
        columns = [c for c in columns if not columns_too or c not in gone]
        layout = _layout(table, columns, details, narrow=True, width=width)
    return layout if layout.width <= width else None


def _steps(table: _Fitted) -> list[tuple[int, bool, set[int]]]:
    """What is left out, in turn: details that are kept alike together, columns one by one.

    A column without a value goes before all others.
    """
    by_keep: dict[int, set[int]] = {}
    steps: list[tuple[int, bool, set[int]]] = []
    for c, column in enumerate(table.columns):
        empty = all(row[c].text in ("", NOTHING.text) for row in table.rows)
        if column.keep or (empty and c):
            steps.append((_EMPTY if empty else column.keep, True, {c}))
        if column.keep_details:
            by_keep.setdefault(column.keep_details, set()).add(c)
    steps += [(keep, False, gone) for keep, gone in by_keep.items()]
    return sorted(steps, key=lambda step: (-step[0], step[1], -min(step[2])))


def _layout(
    table: _Fitted, columns: Sequence[int], details: set[int], *, narrow: bool, width: int
) -> _Layout:
    """The columns as wide as they need to be; those that fold take what room is left."""
    headings, least, most = {}, {}, {}
    for c in columns:
        column, cells = table.columns[c], [row[c] for row in table.rows]
        heading = table.narrow[c] if narrow else column.heading
        words = max((cell_len(word) for word in heading.split()), default=0)
        whole = max((cell_len(line) for cell in cells for line in _parts(cell, c in details)),
                    default=0)  # fmt: skip
        word = max(
            (cell_len(w) for cell in cells for line in _parts(cell, c in details)
             for w in _words(line)), default=0,
        )  # fmt: skip
        least[c] = max(words if narrow else cell_len(heading), word if column.folds else whole)
        most[c] = max(least[c], whole) if column.folds else least[c]
        headings[c] = folded(heading, least[c]) if narrow else [heading]
    gap = _LEAST_GAP if narrow else _GAP
    room = width - sum(least.values()) - gap * (len(columns) - 1)
    for c in columns:
        more = max(0, min(room, most[c] - least[c]))
        least[c] += more
        room -= more
        if narrow:
            headings[c] = folded(table.narrow[c], least[c])
    return _Layout(table, tuple(columns), frozenset(details), headings, least, gap)


def _parts(cell: Cell, with_detail: bool) -> list[str]:
    return [part for part in (cell.text, cell.detail if with_detail else "", cell.note) if part]


def _cell_lines(cell: Cell, with_detail: bool, fold: int | None) -> list[Text]:
    styled = [(cell.text, cell.style), (cell.detail if with_detail else "", "dim")]
    lines: list[Text] = []
    for text, style in [*styled, (cell.note, "yellow")]:
        if text:
            lines += [Text(line, style) for line in (folded(text, fold) if fold else [text])]
    return lines


def folded(text: str, width: int) -> list[str]:
    """The text in lines between its words; a word that is wider than ``width`` stays whole."""
    lines: list[str] = []
    for word in _words(text):
        if lines and cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _words(text: str) -> list[str]:
    """What is between two places where a line may break: a number keeps its unit and its pair."""
    words: list[str] = []
    for word in text.split():
        last = words[-1].rpartition(" ")[2] if words else ""
        quantity = _NUMBER.fullmatch(last.lstrip("([")) and word.rstrip(".,;:)]") in _UNITS
        if words and (quantity or _LOWER_END.fullmatch(last)):
            words[-1] += f" {word}"
        else:
            words.append(word)
    return words


def _record(table: _Fitted, row: Sequence[Cell], width: int) -> Iterator[Text]:
    """A row as lines ``heading: value``; the first column without its heading, as a title."""
    for number, (column, cell) in enumerate(zip(table.columns, row, strict=True)):
        parts = [(cell.text, cell.style), (cell.detail, "dim"), (cell.note, "yellow")]
        parts = [(text, style) for text, style in parts if text]
        if not parts or (cell == NOTHING and number):
            continue
        if number and column.heading:
            parts.insert(0, (f"{column.heading}:", "bold"))
        indent = "  " if number else ""
        line, begun = Text(indent), False
        for text, style in parts:
            pieces = _words(text) if column.folds or style == "bold" else [text]
            for piece in pieces:
                needed = cell_len(piece)
                if begun and cell_len(line.plain) + 1 + needed > width:
                    yield line
                    line, begun = Text(indent * 2), False
                if begun:
                    line.append(" ")
                elif cell_len(line.plain) + needed > width:
                    line = Text()  # the indentation is the first to go
                line.append(piece, style)
                begun = True
        yield line


def _left_out(layout: _Layout) -> str:
    """What of the table is not in the layout, in words."""
    table = layout.table
    gone = [c for c in range(len(table.columns)) if c not in layout.columns]
    names = [table.columns[c].heading for c in gone]
    unbound = [
        table.columns[c].heading
        for c in layout.columns
        if c not in layout.details and any(row[c].detail for row in table.rows)
    ]
    if unbound:
        names.append(f"bounds of {format_list(unbound)}")
    return "; ".join([", ".join(names[: len(gone)]), *names[len(gone) :]]).strip("; ")
