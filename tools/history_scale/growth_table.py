"""The measured sizes and commands as Markdown, written between markers into the documentation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hil.recording.atomic_file import write_text_atomically
from tools.history_scale.commands import Spent, commands, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.history_scale.made_runs import Farm

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "history-scale.md"


@dataclass(frozen=True, slots=True)
class Size:
    """A history: its farm, runs and bytes, and what each of the commands took on it."""

    farm: Farm
    runs: int
    stored_bytes: int
    spent: Sequence[Spent]


def above_start(size: Size, row: int) -> Spent:
    """What a command took above the first of them, the start-up; ``seconds`` are of the whole."""
    spent, start = size.spent[row], size.spent[0]
    return Spent(
        spent.seconds,
        max(spent.cpu_s - start.cpu_s, 0.0),
        max(spent.mb - start.mb, 0.0),
        spent.lines,
    )


def growth_table(sizes: Sequence[Size]) -> str:
    """One column a size, and how much more processor time the largest took than the smallest.

    The factor is of the whole command with its start-up, since a difference of two small times is
    mostly noise.
    """
    first, last = sizes[0], sizes[-1]
    titles = [f"{size.farm.boards:,} x {size.farm.nights}" for size in sizes]
    lines = [
        f"| boards x nights | {' | '.join(titles)} | growth |",
        "|---|" + "--:|" * (len(sizes) + 1),
        f"| runs | {' | '.join(f'{size.runs:,}' for size in sizes)} "
        f"| {last.runs / first.runs:.1f} |",
        f"| megabytes | {' | '.join(f'{size.stored_bytes / 1e6:,.0f}' for size in sizes)} "
        f"| {last.stored_bytes / first.stored_bytes:.1f} |",
    ]
    for row, words in enumerate(commands(last.farm)):
        if row:
            cells = [_cell(above_start(size, row)) for size in sizes]
        else:
            cells = [_cell(size.spent[0]) for size in sizes]
        factor = last.spent[row].cpu_s / first.spent[row].cpu_s
        name = f"`{shown(words, last.farm)}`" + ("" if row else " (start-up)")
        lines.append(f"| {name} | {' | '.join(cells)} | {factor:.1f} |")
    return "\n".join(lines) + "\n"


def _cell(spent: Spent) -> str:
    return f"{spent.cpu_s:.2f} s ({spent.seconds:.2f}), {spent.mb:.0f} MB, {spent.lines}"


def write_between_markers(path: Path, name: str, text: str) -> None:
    """Replace what stands between ``<!-- NAME -->`` and ``<!-- end NAME -->`` in a page."""
    page = path.read_text()
    begin, end = f"<!-- {name} -->\n", f"<!-- end {name} -->"
    before, opened, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not opened or not closed:
        raise SystemExit(f"{path}: has no place for `{name}`; add {begin.strip()} and {end}")
    write_text_atomically(path, before + begin + text + end + after)
