"""The sync pattern on real firmware: each of its edges lies between its two readings."""

import numpy as np
import pytest

from hil.experiments.workloads.sync_pattern import SYNC_EDGES


@pytest.mark.parametrize("technique", ["timer_soft", "thread"])
def test_each_edge_lies_between_its_readings(measure, technique):
    capture, _ = measure(technique)
    assert (capture.errors, capture.faults, capture.sync.line) == ((), (), "sync")
    (recording,) = capture.edges
    line, sync = recording.line("sync"), capture.sync
    made = slice(-2 * SYNC_EDGES, None)  # a pin that was nothing before is low first
    assert line.levels[made].tolist() == [1, 0] * SYNC_EDGES
    zero_us = recording.seen_ns[0] / 1000 - recording.board_us[0]
    edges_us = line.times_ns[made] / 1000 - zero_us
    assert (sync.before_us < edges_us).all()
    assert (edges_us < sync.after_us + 1).all()  # a reading is up to a microsecond late
    gaps = np.diff(sync.before_us)
    assert gaps.min() > 900
    assert np.delete(gaps, SYNC_EDGES - 1).max() < 4_200


def test_a_handler_answers_on_the_response_pin(measure):
    capture, _ = measure("event_irq")
    (recording,) = capture.edges
    loop, response = recording.line("loop"), recording.line("response")
    rising = loop.times_ns[loop.levels == 1]
    events = next(e for e in capture.events if e.stage == "isr")
    answers = response.times_ns[np.searchsorted(response.times_ns, rising)]
    took_us = (answers - rising) / 1000
    assert rising.size == events.handler_us.size >= 30
    # the stamp of the handler lies between the two edges
    assert np.median(events.handler_us - events.stimulus_us) < np.median(took_us) < 40
    assert np.ptp(took_us) < 15
