"""What a comparison of two named runs reads: few earlier runs, and of them what is compared."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
import runs

from hil.cli.main import main
from hil.history import comparison
from hil.history.comparison import compare_runs
from hil.history.comparison_inputs import EVIDENCE_DETAILS, PAST_RUNS_OF_PAIR, case_evidence
from hil.history.database import open_history
from hil.history.run_reader import find_run, load_run
from hil.history.run_writer import add_run
from hil.model.results import UncertaintyPart


@pytest.fixture
def history(location):
    with open_history(location) as history:
        yield history


def test_what_is_not_read_of_an_earlier_run_changes_no_evidence(history):
    night = runs.night(1, events=50)
    (board,) = night.boards
    windows = ({"window": 1, "value": 2.0}, {"window": 2, "value": 2.5})
    parts = (UncertaintyPart("scatter", "A", us=0.1),)
    cases = tuple(
        replace(
            case,
            measurements=tuple(
                replace(m, windows=windows, uncertainty=parts, note="few", where_us=1.0)
                for m in case.measurements
            ),
        )
        for case in board.cases
    )
    name, _ = add_run(history, replace(night, boards=(replace(board, cases=cases),)))
    number = find_run(history, name)
    whole, narrow = load_run(history, number), load_run(history, number, None, EVIDENCE_DETAILS)
    figures = [m for case in narrow.boards[0].cases for m in case.measurements]
    assert figures
    assert not any(m.uncertainty or m.where_us for m in figures)
    assert all(m.windows and m.note for m in figures)
    for read, all_read in zip(narrow.boards[0].cases, whole.boards[0].cases, strict=True):
        evidence = case_evidence(read, "b")
        assert evidence == case_evidence(all_read, "b")
        assert any(of_figure.parts for of_figure in evidence.values())


def test_two_named_runs_read_few_earlier_ones_however_many_there_are(history, monkeypatch):
    assert PAST_RUNS_OF_PAIR <= 16
    monkeypatch.setattr(comparison, "PAST_RUNS_OF_PAIR", 3)
    nights = [runs.night(seed, n=60) for seed in range(7)]
    for night in nights:
        add_run(history, night)
    read = []

    def counted(history, run_id, key=None, details=None):
        read.append(details)
        return load_run(history, run_id, key, details)

    monkeypatch.setattr(comparison, "load_run", counted)
    assert compare_runs(nights[-2], nights[-1], 0.95, history).changes
    assert read == [EVIDENCE_DETAILS] * 3


def test_runs_of_the_history_load_no_analysis_of_captures(history, address, monkeypatch, capsys):
    names = [add_run(history, runs.night(seed))[0] for seed in (1, 2)]
    monkeypatch.setitem(sys.modules, "hil.experiments.evaluation", None)  # an import of it fails
    assert main(["compare", *names, "--history", address]) == 0
    assert "Against run" in capsys.readouterr().out
