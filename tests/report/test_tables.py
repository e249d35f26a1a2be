"""Tables at any width: no line is too wide, and no number, unit or name is ever cut."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

import hil
from hil.model.results import Results
from hil.report.terminal.console import TextConsole, output_width
from hil.report.terminal.run_summary import terminal_summary
from hil.report.terminal.standard_streams import fitting_text
from hil.report.terminal.tables import Cell, Column, Table, folded

NARROWER = (80, 60, 40, 20)


def drawn(table: Table, width: int, encoding: str = "utf-8") -> list[str]:
    lines = table.lines(width, partial(fitting_text, encoding=encoding))
    return [line.plain.rstrip() for line in lines]


def is_narrow(line: str, width: int) -> bool:
    """Whether a line fits, or holds a single thing that can't be divided."""
    return cell_len(line) <= width or len(folded(line, 1)) == 1


NAMES = st.sampled_from(
    [
        *("timer_soft", "asyncio_deadline", "/dev/ttyUSB0", "20261120T112553Z_sim", "rig"),
        *("板子-一号", "carte é\u0301", "🔧🔩", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"),
    ]
)
NUMBERS = st.builds(
    lambda value, unit: f"{value} {unit}".rstrip(),
    st.sampled_from(["0", "312", "-4.78", "1.23e+07", "99.95", "1234567890"]),
    st.sampled_from(["us", "ms", "ppm", "%", ""]),
)
BOUNDS = st.sampled_from(["", "[290, 350]", ">= 2995", "[-1.23e+07, 4.56e+07]"])
WORDS = st.lists(
    st.sampled_from(["a", "board", "that", "answers", "slowly", "--hil-budgets", "312 us"]),
    max_size=9,
).map(" ".join)


@st.composite
def tables(draw) -> Table:
    """Any columns with any rows; the first one is always kept."""
    columns, rows = [Column("name")], draw(st.lists(NAMES.map(Cell), min_size=1, max_size=4))
    cells = [[cell] for cell in rows]
    for number in range(draw(st.integers(0, 5))):
        folds = draw(st.booleans())
        columns.append(
            Column(
                f"head{number} of it",
                keep=draw(st.integers(0, 3)),
                right=not folds,
                narrow=draw(st.sampled_from(["", f"h{number}"])),
                keep_details=draw(st.integers(0, 3)),
                folds=folds,
            )
        )
        for row in cells:
            text = draw(WORDS if folds else NUMBERS)
            row.append(Cell(text, detail="" if folds else draw(BOUNDS)))
    return Table(columns, cells)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(tables(), st.integers(1, 130))
def test_nothing_is_cut_and_nothing_is_too_wide(table: Table, width: int) -> None:
    lines = drawn(table, width)
    undivided = {text for row in table.rows for cell in row for text in (cell.text, cell.detail)}
    for line in lines:
        assert is_narrow(line, width) or line.strip() in undivided, (line, width)
    whole = {word for line in drawn(table, 100_000) for word in line.split()}
    short = {word for column in table.columns for word in column.narrow.split()}
    note = " ".join(" ".join(lines).partition("left out at this width:")[2].split())
    known = {word.rstrip(":") for word in whole | short | set(note.split())}
    at = next((n for n, line in enumerate(lines) if line.startswith("left out")), len(lines))
    for line in lines[:at]:
        for word in line.split():
            assert set(word) == {"─"} or word.rstrip(":") in known, (word, line)
    text = "\n".join(lines[:at])
    for index, column in enumerate(table.columns):
        gone = column.heading in note.partition("bounds of")[0]
        for row in table.rows:
            cell = row[index]
            if not gone and not column.folds:
                assert cell.text in text, "a value is neither there nor said to be left out"
                unbound = "bounds of" in note and column.heading in note.partition("bounds of")[2]
                assert cell.detail in text or unbound


@settings(max_examples=100, deadline=None, derandomize=True)
@given(tables(), st.integers(1, 130))
def test_what_is_left_out_first_has_the_largest_keep(table: Table, width: int) -> None:
    note = " ".join(" ".join(drawn(table, width)).partition("left out at this width:")[2].split())
    gone = [c for c in table.columns if c.heading in note.partition("bounds of")[0]]
    stay = [c for c in table.columns if c not in gone]
    assert all(column.keep for column in gone)
    empty = {
        c.heading for i, c in enumerate(table.columns) if not any(r[i].text for r in table.rows)
    }
    least = min((c.keep for c in gone if c.heading not in empty), default=None)
    if least is not None:
        assert all(c.keep <= least for c in stay if c.keep)


def test_the_steps_from_wide_to_narrow() -> None:
    columns = (
        Column("technique"),
        Column("lateness p50", keep=2, right=True, narrow="late p50", keep_details=9),
        Column("lateness p99", right=True, narrow="late p99", keep_details=3),
        Column("verdict", folds=True),
    )
    cells = [Cell("timer_soft"), Cell("21.4 us", detail="[15.9, 27.0]"),
             Cell("312 us", detail="[290, 350]"), Cell("no limit")]  # fmt: skip
    table = Table(columns, [cells], "see results.json")
    assert drawn(table, 60)[1:4] == [
        "technique   lateness p50  lateness p99  verdict",
        "────────────────────────────────────────────────",
        "timer_soft       21.4 us        312 us  no limit",
    ]
    assert drawn(table, 43)[1:5] == [
        "technique      late p50   late p99 verdict",
        "───────────────────────────────────────────",
        "timer_soft      21.4 us     312 us no limit",
        "           [15.9, 27.0] [290, 350]",
    ]
    assert drawn(table, 40)[1:6] == [
        "              late",
        "technique      p50   late p99 verdict",
        "──────────────────────────────────────",
        "timer_soft 21.4 us     312 us no limit",
        "                   [290, 350]",
    ]
    assert "bounds of lateness p50; see results.json" in " ".join(drawn(table, 40)[6:])
    assert drawn(table, 25)[1:6] == [
        "             late",
        "technique     p99 verdict",
        "─────────────────────────",
        "timer_soft 312 us no",
        "                  limit",
    ]
    record = drawn(table, 16)
    assert record[1:5] == ["timer_soft", "  lateness p50:", "    21.4 us", "    [15.9, 27.0]"]
    assert "left out" not in " ".join(record)


def test_wide_and_combining_characters_count_by_their_cells() -> None:
    table = Table((Column("board"), Column("p99", right=True)), [
        [Cell("板子一号"), Cell("1 us")], [Cell("e\u0301e\u0301"), Cell("22 us")],
    ])  # fmt: skip
    lines = drawn(table, 40)[3:5]
    assert {cell_len(line) for line in lines} == {15}


def test_in_ascii_nothing_is_wider_than_the_terminal() -> None:
    table = Table((Column("board", folds=True), Column("p99", right=True)), [
        [Cell("… µ±≤ 板"), Cell("1.5 µs")], [Cell("sim"), Cell("20 µs")],
    ])  # fmt: skip
    for width in range(8, 40):
        lines = drawn(table, width, "ascii")
        assert all(line.isascii() for line in lines)
        assert all(is_narrow(line, width) for line in lines)
    assert "---" in " ".join(drawn(table, 30, "ascii"))


def checked(text_at, *, widths=NARROWER) -> None:
    """A text drawn at several widths has whole words only, and no line that is too wide."""
    whole = {word for line in text_at(None).splitlines() for word in line.split()}
    numbers = {
        word for word in whole if re.fullmatch(r"[\[(>=<]*[-+]?\d[\d.,e+-]*[\])%,:;]*", word)
    }
    for width in widths:
        text = text_at(width)
        for line in text.splitlines():
            assert is_narrow(line, width), (width, line)
        for word in text.split():
            if re.search(r"\d", word) and re.fullmatch(r"[\[\]()>=<\d.,e+%:;-]+", word):
                assert word in numbers or word.rstrip(",;:") in {n.rstrip(",;:") for n in numbers}


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_a_runs_summary(results: Results, encoding: str) -> None:
    boards = tuple(replace(board, name="rig") for board in results.boards)
    odd = replace(results, boards=boards)
    checked(lambda width: terminal_summary(odd, width=width, encoding=encoding))
    terminal_summary(odd, width=40, encoding=encoding).encode(encoding)


def test_columns_set_the_width_and_a_pipe_has_none(monkeypatch, tmp_path) -> None:
    with (tmp_path / "out").open("w") as stream:
        for given, width in (("40", 40), ("0", None), ("-3", None), ("x", None), ("", None)):
            monkeypatch.setenv("COLUMNS", given)
            assert output_width(stream) == width
        monkeypatch.setenv("COLUMNS", "9" * 5000)
        assert output_width(stream) == 999_999_999
        monkeypatch.delenv("COLUMNS")
        assert output_width(stream) is None
    console = TextConsole(None)
    console.print("word " * 100)
    assert console.text == " ".join(["word"] * 100) + "\n"


RICH_IN = {
    "hil/cli/report.py": {"rich.cells"},
    "hil/report/terminal/console.py": {"rich.console", "rich.text"},
    "hil/report/terminal/live_view.py": {"rich.console", "rich.live", "rich.text"},
    "hil/report/terminal/progress.py": {"rich.console", "rich.progress"},
    "hil/report/terminal/tables.py": {"rich.cells", "rich.text"},
}
"""Who uses the library that could draw a table past :mod:`hil.report.terminal.tables`: the bar and
the figures of a running capture, which are drawn anew, and what measures and styles."""


def test_no_table_is_drawn_elsewhere() -> None:
    package = Path(hil.__file__).parent
    users: dict[str, set[str]] = {}
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            of_rich = {name for name in names if name.split(".")[0] in ("rich", "tabulate")}
            if of_rich:
                users.setdefault(str(path.relative_to(package.parent)), set()).update(of_rich)
    assert users == RICH_IN


def test_a_number_keeps_its_unit_and_bounds_stay_together() -> None:
    text = "over by 312 us [290, 350] of 20 ms; see /dev/serial/by-id/usb-Pico_0a1b2c3d-if00"
    assert folded(text, 12) == [
        *("over by", "312 us", "[290, 350]", "of 20 ms;", "see"),
        "/dev/serial/by-id/usb-Pico_0a1b2c3d-if00",
    ]
