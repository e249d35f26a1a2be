"""The screen of a measurement that goes on: whatever its size, and whatever a board is called."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from hil.report.live_figures import LAST, figures_so_far
from hil.report.live_state import MOST_TEXT, MOST_WARNINGS, LiveBoard, LiveState, plain_state
from hil.report.terminal.live_screen import column_chart, plain_line, screen_lines
from hil.report.terminal.live_view import LINE_EVERY_S, LineView, ScreenView
from tools import synthetic_captures

LATE = [50 + (k * 37) % 400 for k in range(1000)]
CAPTURE = synthetic_captures.capture([LATE, LATE])
FIGURES = figures_so_far(CAPTURE)


def live(**changes):
    state = LiveState("Pico", "timer_hard", "idle", 10_000.0, 60.0, **changes)
    return LiveBoard(state)


def measuring(**changes):
    return live(phase="measuring", elapsed_s=12.0, stamps=2000, figures=FIGURES, **changes).state


@pytest.mark.parametrize(
    ("width", "height"), [(80, 24), (132, 50), (80, 12), (40, 10), (20, 5), (1, 1)]
)
def test_it_fits_into_any_terminal(width, height):
    warnings = ("12 stamps are lost: host or line is too slow for the board",)
    lines = screen_lines(measuring(warnings=warnings), width, height)
    assert len(lines) <= height
    assert all(len(line) <= width for line in lines)
    text = "\n".join(lines)
    if (width, height) == (80, 24):
        assert "Pico, timer_hard under idle, period 10 ms" in text
        assert "12 s of 60 s, 2000 stamps" in text
        assert "provisional" in text
        assert "last of task 1, us late:" in text
        assert "█" in text
        assert lines[-1].startswith("! 12 stamps are lost")
    if height == 12:  # figures and warnings stay, drawings give way
        assert "█" not in text
        assert "p99" in text
        assert "! 12 stamps" in text


def test_tasks_that_have_names_are_called_by_them():
    tasks = tuple(replace(task, name=f"motor{task.index}") for task in FIGURES.tasks)
    state = measuring()
    state = replace(state, figures=replace(state.figures, tasks=tasks))
    text = "\n".join(screen_lines(state, 80, 24))
    assert "last of motor1, us late:" in text
    assert "\nmotor0  1000  " in text
    assert "; motor1: n 1000, p50" in plain_line(state)
    assert [task["task"] for task in plain_state(state)["tasks"]] == ["motor0", "motor1"]


def test_the_figures_are_those_of_the_report():
    lines = screen_lines(measuring(), 80, 24)
    row = next(line.split() for line in lines if line.split()[:1] == ["0"])
    first = FIGURES.tasks[0]
    assert row[1] == str(first.n) == "1000"
    assert float(row[2]) == pytest.approx(first.figures["lateness_p50_us"].value, rel=0.01)
    assert float(row[4]) == pytest.approx(max(LATE), rel=0.01)
    assert first.last_us.tolist() == LATE[-LAST:]


def test_in_ascii_nothing_else_is_written():
    lines = screen_lines(measuring(), 80, 24, "ascii")
    assert "\n".join(lines).isascii()
    assert "@" in "\n".join(lines)


def test_names_and_warnings_can_not_drive_the_terminal():
    live = LiveBoard(LiveState("\x1b[2J\r\n[red]", "t\x07", "idle", 10_000.0, 60.0))
    live.update(warnings=("\x1b]0;owned\x07\nline",) * 50)
    assert len(live.state.warnings) == MOST_WARNINGS
    text = "\n".join([*screen_lines(live.state, 80, 24), plain_line(live.state)])
    assert "\x1b" not in text
    assert "\x07" not in text
    live.update(warnings=("x" * 10_000,))
    assert len(live.state.warnings[0]) == MOST_TEXT


def test_bars_have_several_lines():
    top, bottom = column_chart([0, 1, 1000], 2)
    assert top[0] == bottom[0] == " "
    assert bottom[1] != " "
    assert top[1] == " "
    assert top[2] == bottom[2] == "█"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_without_colours_there_are_none(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    view = ScreenView(LiveBoard(measuring(warnings=("w",))), out)
    view.show()
    view.close()
    assert "timer_hard" in out.getvalue()
    assert "\x1b[33m" not in out.getvalue()
    assert "\x1b[1m" not in out.getvalue()
    monkeypatch.delenv("NO_COLOR")
    out = Terminal()
    view = ScreenView(LiveBoard(measuring(warnings=("w",))), out)
    view.show()
    view.close()
    assert "\x1b[33m" in out.getvalue()
    assert out.getvalue().endswith("\x1b[?25h")  # the cursor is shown again


def test_a_line_comes_every_few_seconds_and_a_broken_pipe_ends_nothing():
    now = [0.0]
    out = io.StringIO()
    view = LineView(LiveBoard(measuring()), out, clock=lambda: now[0])
    for tenth in range(round(LINE_EVERY_S * 20) + 1):
        now[0] = tenth / 10
        view.show()
    assert out.getvalue().count("\n") == 3
    out.close()
    view.close()


def test_the_state_for_programs_is_plain():
    import json

    document = json.loads(json.dumps(plain_state(measuring()), allow_nan=False))
    assert document["tasks"][0]["n"] == 1000
    assert sum(document["lateness"]["counts"]) == 2000
    assert len(document["lateness"]["edges_us"]) == len(document["lateness"]["counts"]) + 1
    empty = json.loads(json.dumps(plain_state(live().state), allow_nan=False))
    assert empty["lateness"] is None


def test_a_column_is_there_whole_or_not_at_all():
    lines = screen_lines(measuring(warnings=("one two three " * 6,)), 40, 24)
    names = next(line for line in lines if line.startswith("task")).split("  ")
    assert [name.strip() for name in names if name.strip()][-1] == "max us"
    assert sum("three" in line for line in lines) > 1  # folded, not cut
