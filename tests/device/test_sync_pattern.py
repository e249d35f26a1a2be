"""The sync pattern of an agent: its edges, its line, and what it leaves as it was."""

import numpy as np
import pytest

from hil.agents import bundle
from hil.model.board import BoardIdentity
from hil.model.captures import CapturePlan, TaskPlan
from hil.protocol.reassembly import assemble

N = 16
SYNC = {"sync": N, "sync_seed": 77, "sync_us": 1000, "sync_pin": 8}
FILE = "workloads/sync_pattern.py"


def assembled(decoded, technique, **options):
    board = BoardIdentity("b", "p", "sim", "linux", "m", "1", 2**30)
    tasks = (TaskPlan(0, 10_000), TaskPlan(1, 10_000))
    plan = CapturePlan(technique, "idle", tasks, 300_000, options=options)
    return assemble(decoded, board, plan)


def gaps_us(seed: int, count: int, shortest: int = 1000) -> list[int]:
    """The distances that the board's generator gives."""
    x, gaps = seed, []
    for i in range(count):
        x = (x * 75 + seed) % 65537
        gaps.append(shortest + ((x ^ i * 40503) % 65536 // 64) * 3 * shortest // 1024)
    return gaps


@pytest.mark.parametrize("technique", bundle.technique_names())
def test_a_pattern_before_and_behind_every_technique(runner, technique):
    decoded = runner.run(technique, **SYNC)
    capture = assembled(decoded, technique, sync=N)
    assert (capture.errors, capture.faults) == ((), ())
    sync = capture.sync
    assert (sync.line, sync.before_us.size, sync.after_us.size) == ("sync", 2 * N, 2 * N)
    track = capture.tracks[0]
    assert sync.after_us[N - 1] < track.origin_us
    assert sync.before_us[N] > track.stamps_us[-1]
    assert track.stamps_us.size in (29, 30, 31)
    planned = np.array(gaps_us(77, 2 * N))
    seen = sync.before_us[1:] - sync.after_us[:-1] - planned[1:]
    assert seen[np.arange(2 * N - 1) != N - 1].min() >= 0
    # a turn of the waiting loop, a read of the clock
    assert seen[np.arange(2 * N - 1) != N - 1].max() <= 7
    assert set(sync.after_us - sync.before_us) == {2}  # a write of the pin and a read


def test_the_distances_are_as_irregular_as_they_must_be():
    patterns = [gaps_us(seed, 2 * N) for seed in range(1, 400)]
    for gaps in patterns:
        assert 1000 <= min(gaps) <= max(gaps) <= 4001
        assert len(set(gaps)) > N
    rows = np.array(patterns)
    for shift in range(2 * N - 6):  # no six of them fit into another one, wherever they are laid
        part = rows[:, shift : shift + 6]
        for row in range(0, len(rows), 37):
            near = (np.abs(part - rows[row, :6]) <= 30).all(axis=1)
            assert near.sum() == (shift == 0)


def test_a_pin_of_its_own_is_low_in_between_and_free_afterwards(runner):
    runner.run("timer_soft", **SYNC)
    assert runner.exec("import machine\nprint(machine.Pin(8))").strip() == "Pin(8, mode=IN)"


def test_a_streaming_capture_has_the_pattern_too(runner):
    decoded = runner.run("timer_soft", mode="streaming", duration=1_500_000, **SYNC)
    capture = assembled(decoded, "timer_soft", sync=N)
    assert (capture.errors, capture.faults) == ((), ())
    assert capture.sync.before_us.size == 2 * N
    assert capture.tracks[0].stamps_us.size in (149, 150)


def test_what_runs_the_technique_again_makes_no_pattern_again(runner):
    decoded = runner.run("timer_soft", share=2, share_us=40_000, **SYNC)
    capture = assembled(decoded, "timer_soft", sync=N, share=2)
    assert (capture.errors, capture.faults) == ((), ())
    sync = capture.sync
    assert sync.before_us.size == 2 * N
    # its windows are between the two sides
    assert sync.before_us[N] - sync.after_us[N - 1] > 300_000 + 4 * 40_000


def test_nothing_of_it_is_sent_where_it_is_not_asked_for():
    assert FILE not in dict(bundle.sources("timer_soft"))
    assert "lib/response.py" not in dict(bundle.sources("event_irq"))
    names = list(dict(bundle.sources("event_irq", after=(FILE,))))
    assert names.index("lib/response.py") > names.index("lib/event_chain.py")
    assert "lib/response.py" not in dict(bundle.sources("timer_soft", after=(FILE,)))


def test_what_it_adds_is_small():
    assert bundle.size_bytes(FILE) <= 1_400
    assert bundle.size_bytes("lib/response.py") <= 800


def test_a_slow_board_has_longer_distances(runner):
    decoded = runner.run("timer_soft", **(SYNC | {"sync_us": 5000, "sync_seed": 1}))
    sync = assembled(decoded, "timer_soft", sync=N).sync
    seen = np.diff(sync.before_us[:N]) - gaps_us(1, N, 5000)[1:]
    assert 0 <= seen.min() <= seen.max() <= 10
