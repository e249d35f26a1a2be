"""The campaign of recorded edges notices alignments that are wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hil.analysis.edge_alignment import Alignment, align
from hil.model.captures import Capture
from hil.model.edges import EdgeRecording
from tools.edges import judging
from tools.edges.__main__ import table


def judged_with(monkeypatch, **changes):
    def wrong(recording: EdgeRecording, capture: Capture) -> Alignment:
        right = align(recording, capture)
        return replace(right, **{name: change(right) for name, change in changes.items()})

    monkeypatch.setattr(judging, "align", wrong)
    return judging.run(2, "nothing")


def test_nothing_is_wrong_with_the_right_alignment(monkeypatch):
    case = judged_with(monkeypatch)
    assert case.wrong == []
    assert "| nothing | 1 | 0 | 0 | 0 | 0 |" in table([case])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"offset_us": lambda right: right.offset_hi_us + 1.0}, "the delay is off"),
        ({"ppm": lambda right: right.ppm + 2000.0}, "edges are off"),
        ({"ppm_lo": lambda right: right.ppm_hi}, "the rate is outside its bounds"),
        (
            {"lines": lambda right: tuple(
                replace(line, stamps=np.roll(line.stamps, 1)) for line in right.lines
            )},
            "edges are off",
        ),
        (
            {"lines": lambda right: tuple(
                replace(line, edges=line.edges[5:], stamps=line.stamps[5:]) for line in right.lines
            )},
            "5 activations look missed and were not",
        ),
    ],
)  # fmt: skip
def test_a_wrong_alignment_is_noticed(monkeypatch, changes, told):
    case = judged_with(monkeypatch, **changes)
    assert case.silent
    assert any(told in text for text in case.wrong), case.wrong
