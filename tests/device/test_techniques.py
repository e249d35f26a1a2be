"""Every technique end to end on the embedded board: what comes back is whole and plausible."""

import numpy as np
import pytest

from hil.agents import bundle

TECHNIQUES = bundle.technique_names()
TURN_US, READ_US, PIN_US = 2, 1, 1
NAIVE_US = READ_US + 2 * (PIN_US + READ_US) + 11 * TURN_US
"""What a turn of the naive loop adds to its delay: its look at the window, two tasks, its jumps."""
NO_GRID = {  # period by period, for two tasks every 10 ms; what the technique is about
    "round_robin": {10_000 + NAIVE_US},
    "thread": {10_000 + PIN_US + READ_US},
}
MILLISECONDS = {"asyncio_sleep", "asyncio_deadline"}
"""These sleep to steps of the millisecond clock."""
OWN_US = 300
"""More than any technique's own code takes from the moment that is due to the stamp."""


def task_stamps(decoded):
    return [channel.values for name, channel in decoded.channels.items() if name.startswith("task")]


def grids(decoded):
    """(first due, period) of every task."""
    fields = [frame.fields for frame in decoded.texts if frame.kind == "G"]
    return [(int(f["origin"]) + int(f["offset"]), int(f["period"])) for f in fields]


def lateness(decoded):
    """Each task's stamps against its own grid."""
    return [
        stamps - first - np.arange(len(stamps)) * period
        for stamps, (first, period) in zip(task_stamps(decoded), grids(decoded), strict=True)
    ]


def assert_whole(runner, decoded):
    """No faults, and each task as often as it was due (or got to) within the window."""
    assert decoded.faults == ()
    said = runner.end(decoded)
    assert said["status"] == "ok"
    end = int(said["us1"])
    for stamps, (first, period) in zip(task_stamps(decoded), grids(decoded), strict=True):
        due = len(range(first, end, period))
        steady = int(np.median(np.diff(stamps)))
        assert len(stamps) in (due - 1, due, 1 + (end - int(stamps[0])) // steady)


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_runs_and_reports(runner, technique):
    decoded = runner.run(technique)

    assert_whole(runner, decoded)
    assert [frame.fields["task"] for frame in decoded.texts if frame.kind == "G"] == ["0", "1"]
    if technique in NO_GRID:
        for stamps in task_stamps(decoded):
            assert set(np.diff(stamps).tolist()) == NO_GRID[technique]
    elif technique in MILLISECONDS:
        for stamps in task_stamps(decoded):
            away = np.diff(stamps)[1:] - 10_000  # a sleep begins anywhere in a millisecond
            assert np.all(np.abs(away) <= 1_000)
            assert np.median(away) == 0
    elif technique == "round_robin_irq":
        urgent, naive = task_stamps(decoded)
        assert set(np.diff(urgent).tolist()) == {10_000}
        assert np.ptp(np.diff(naive)) == 0
        assert 10_000 < np.diff(naive)[0] < 10_000 + NAIVE_US
    else:
        # the grid of pwm_irq begins where the main program has read the clock behind an edge
        least = -TURN_US if technique == "pwm_irq" else 1
        for late in lateness(decoded):
            assert np.all((late >= least) & (late < OWN_US))
            assert np.ptp(late) <= 5 * TURN_US, "what else is due at that moment, never a drift"


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_periods_and_phases_are_the_tasks_own(runner, technique):
    decoded = runner.run(technique, periods=(10_000, 20_000), phases=(0, 10_000))

    assert_whole(runner, decoded)
    fast, slow = task_stamps(decoded)
    assert len(fast) in (2 * len(slow), 2 * len(slow) + 1, 2 * len(slow) + 2)
    (first, _), (second, _) = grids(decoded)
    offsets = [int(frame.fields["offset"]) for frame in decoded.texts if frame.kind == "G"]
    assert offsets[1] - offsets[0] == second - first
    for late in lateness(decoded):
        assert -1_000 <= late[0] < 1_000 + OWN_US


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_streams_the_same(runner, technique):
    """As much as without sending, and more than the board has room for."""
    decoded = runner.run(technique, mode="streaming", capacity=16)

    assert decoded.faults == ()
    assert runner.end(decoded)["status"] == "ok"
    for stamps in task_stamps(decoded):
        assert 27 <= len(stamps) <= 31
    assert {frame.fields["dropped"] for frame in decoded.texts if frame.kind == "T"} == {"0"}
    sent = [frame.kind for frame in decoded.texts]
    assert sent.index("G") < sent.index("T")


@pytest.mark.parametrize("load", [name for name in bundle.load_names() if name != "web"])
def test_tasks_run_beside_every_load(runner, load):
    """A soft callback waits for the end of a jump of the main program at most."""
    decoded = runner.run("timer_soft", load)

    assert_whole(runner, decoded)
    for late in lateness(decoded):
        assert np.ptp(late) <= 5 * TURN_US
    printed = sum("load print" in line for line in decoded.log)
    assert printed in ((14, 15) if load == "print" else (0,))


def test_tasks_run_beside_the_load_web(real_runner):
    """On the host's clock, for it has real clients."""
    decoded = real_runner.run("timer_soft", "web")

    assert decoded.faults == ()
    assert real_runner.end(decoded)["status"] == "ok"
    assert all(len(stamps) > 0 for stamps in task_stamps(decoded))


def test_a_naive_loop_is_slower_than_asked_and_a_timer_is_not(runner):
    naive = runner.run("round_robin", duration=500_000)
    timed = runner.run("timer_hard", duration=500_000)

    for slow, even in zip(task_stamps(naive), task_stamps(timed), strict=True):
        assert slow[40] - slow[0] == 40 * (10_000 + NAIVE_US)
        assert abs(even[40] - even[0] - 40 * 10_000) <= 1


def test_what_does_not_fit_is_counted(runner):
    decoded = runner.run("timer_hard", capacity=10)

    for frame in (frame for frame in decoded.texts if frame.kind == "T"):
        assert int(frame.fields["dropped"]) in (19, 20)
    assert [len(stamps) for stamps in task_stamps(decoded)] == [10, 10]


def test_events_are_aligned_and_answered(runner):
    decoded = runner.run("event_irq", isr_events=100)

    methods = {name.split(".")[1] for name in decoded.channels if "." in name}
    assert methods == {"loopback-timer/hard", "loopback/hard", "loopback/soft", "loopback/hard/tsf"}
    handled = {"loopback/soft": 5}  # behind the write it waits for the end of a jump
    # the entry and the read; behind a main program that does not sleep the end of a jump as well
    deferred = {"loopback-timer/hard": 2, "loopback/hard": 4, "loopback/soft": 4}
    for method in methods:
        stim, isr, sched, defer = (
            decoded.channels[f"{stage}.{method}"].values
            for stage in ("stim", "isr", "sched", "defer")
        )
        assert {len(stim), len(isr), len(sched), len(defer)} == {30 if "timer" in method else 100}
        # the write, the entry and the read
        assert set((isr - stim).tolist()) == {handled.get(method, PIN_US + 1 + READ_US)}
        assert ((sched - isr) > 0).all()
        later = set((defer - sched).tolist())
        assert len(later) == 1
        assert later == {deferred.get(method, *later)}
        assert min(later) > 0


def test_events_are_spread_over_phases(runner):
    decoded = runner.run("event_irq", isr_events=200, variant="hard")

    assert "stim.loopback-timer/hard" not in decoded.channels
    gaps = np.diff(decoded.channels["stim.loopback/hard"].values)
    # uniform over 700 us: its standard deviation is 202 us, a fixed distance has almost none
    assert 180 < np.std(gaps) < 220
    assert len(gaps) == 199


def test_memory_in_pieces_gives_fewer_events_and_no_error(connect_board):
    with connect_board("") as runner:
        runner.deploy("event_irq", after=("workloads/isr_latency.py",))
        runner.exec(
            "import gc\npieces = [bytearray(9000) for _ in range(gc.mem_free() // 9100)]\n"
            "for k in range(0, len(pieces), 2): pieces[k] = None\ngc.collect()\n"
            "class Cfg:\n cfg = {'isr_events': 5000}\n fit = Job.fit\n"
            "count = hil_isr_events(Cfg())\n"
        )
        assert 16 < int(runner.exec("print(count)")) <= 9_000 // 8
        assert int(runner.exec("print(Cfg().fit(5000, 12))")) > 2 * 9_000 // 8


def test_lost_events_stay_lost(runner):
    decoded = runner.run("event_irq", isr_events=100, variant="soft", loop=(6, 7))

    assert all(
        not len(channel.values) or np.all(channel.values == -1)
        for name, channel in decoded.channels.items()
        if name.startswith(("isr.", "defer."))
    )
    said = runner.end(decoded)
    assert 0 < int(said["gave_up"]) < 100
    assert said["phantom"] == "0"


def test_calibration_measures_reads_stamps_and_the_idle_loop(runner):
    decoded = runner.run("calibrate", periods=(), phases=(), pins=(), duration=400_000)

    calibration = {
        name: decoded.channels[f"cal.{name}"].values for name in ("read", "stamp", "empty")
    }
    assert {name: len(values) for name, values in calibration.items()} == dict.fromkeys(
        calibration, 100
    )
    assert all(np.ptp(values) == 0 for values in calibration.values()), "the same every time"
    said = runner.end(decoded)
    batch = int(said["read_batch"])
    assert calibration["read"][0] - calibration["empty"][0] == batch * READ_US
    assert calibration["stamp"][0] > calibration["read"][0]  # a stamp contains a read
    assert set(decoded.channels["cal.step"].values.tolist()) == {READ_US + 2 * TURN_US}
    # the loop that counts turns: read and jumps, from one end of the window to the other
    assert int(said["background"]) > 29_000
    assert int(said["stamp_batch"]) >= 16


def test_the_parts_in_machine_code_give_the_same(connect_board):
    with connect_board("") as runner:
        runner.capabilities = ("native", "viper")
        for mode in ("buffered", "streaming"):
            decoded = runner.run("timer_hard", mode=mode)
            assert decoded.faults == ()
            assert runner.end(decoded)["status"] == "ok"
            for stamps in task_stamps(decoded):
                assert len(stamps) in (29, 30)


def test_a_tick_shorter_than_its_own_cost_does_not_hold_the_loop(connect_board):
    """Without a timer the clock is polled: the window ends, and so does the program at Ctrl-C."""
    with connect_board("timer=0") as runner:
        every_us = {"periods": (10_000, 10_001), "phases": (0, 0)}  # a common tick of 1 us
        decoded = runner.run("cooperative", **every_us)
        said = runner.end(decoded)
        assert (said["status"], said["polled_tick"]) == ("ok", "1")
        assert all(len(stamps) > 0 for stamps in task_stamps(decoded))

        runner.start("cooperative", duration=20_000_000, **every_us)
        runner.repl.clock.sleep(0.2)
        runner.repl.write(b"\x03")
        assert runner.end(runner.finish())["status"] == "interrupted"
