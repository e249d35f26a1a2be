"""What follows a window: the share of the main program, and asyncio started both ways."""

import numpy as np
import pytest

from hil.agents import bundle
from hil.model.board import BoardIdentity
from hil.model.captures import CapturePlan, TaskPlan
from hil.protocol.reassembly import assemble

ITSELF = {"round_robin", "round_robin_irq"}
WAYS = "run/2:1/1,run_forever/7:11/10"


def assembled(decoded, technique):
    board = BoardIdentity("b", "p", "sim", "linux", "m", "1", 2**30)
    plan = CapturePlan(technique, "idle", (TaskPlan(0, 10_000), TaskPlan(1, 10_000)), 300_000)
    return assemble(decoded, board, plan)


@pytest.mark.parametrize("technique", bundle.technique_names())
def test_the_share_of_every_technique(runner, technique):
    decoded = runner.run(technique, share=2, share_us=40_000, duration=100_000)

    said = runner.end(decoded)
    assert (said["status"], said["strays"]) == ("ok", "0")
    values = assembled(decoded, technique).values
    if technique in ITSELF:
        assert said["share_none"] == "1"
        assert "share.with" not in values
        return
    assert all(values[f"share.{name}"].size == 2 for name in ("with", "bare"))
    assert values["share.with"].min() > 0
    for name in ("with_us", "bare_us"):
        assert np.all((values[f"share.{name}"] >= 39_000) & (values[f"share.{name}"] <= 41_000))
    assert values["share.with"].max() < values["share.bare"].max()
    # the technique's own record is as if nothing had followed
    assert len(decoded.channels["task0"].values) in (9, 10, 11)


def test_tasks_that_work_leave_less(runner):
    """Soft callbacks that compute for 1 ms of every 2: the loop has half of its turns, or fewer."""
    runner.deploy("timer_soft", after=("workloads/background_share.py",))
    runner.exec(
        "def run_busy(job):\n"
        " def busy(_):\n"
        "  t = time.ticks_us()\n"
        "  while time.ticks_diff(time.ticks_us(), t) < 1000: pass\n"
        " start_timers(job, [busy])\n"
        " job.wait()\n"
    )
    cfg = {"periods": (2_000,), "duration": 50_000, "technique": "busy"}
    cfg |= {"share": 6, "share_us": 60_000}
    runner.repl.start(f"hil_main(run_busy, {cfg!r}, None, (hil_workloads_background_share,))")
    decoded = runner.finish()

    rate = {name: decoded.channels[f"share.{name}"].values for name in ("with", "bare")}
    assert np.median(rate["with"] / rate["bare"]) == pytest.approx(0.5, abs=0.02)


def test_the_share_sees_the_load_in_both_windows(runner):
    decoded = runner.run("timer_hard", "cpu", share=2, share_us=40_000, intensity=100)

    turns = decoded.channels["share.bare"].values
    plain = runner.run("timer_hard", "idle", share=2, share_us=40_000)
    # 2000 more jumps in each turn of the loop
    assert np.median(turns) == pytest.approx(10, abs=1)
    assert np.median(plain.channels["share.bare"].values) > 5_000


def test_asyncio_both_ways(runner):
    decoded = runner.run("asyncio_sleep", ways=WAYS, way_us=600_000)

    capture = assembled(decoded, "asyncio_sleep")
    assert (capture.faults, capture.errors) == ((), ())
    by_method = {(series.method, series.track.index): series.track for series in capture.series}
    assert set(by_method) == {(f"asyncio/{way}", k) for way in WAYS.split(",") for k in (0, 1)}
    for way, fast, slow in ((WAYS.split(",")[0], 10, 20), (WAYS.split(",")[1], 7, 11)):
        tracks = [by_method[f"asyncio/{way}", k] for k in (0, 1)]
        means = [float(np.diff(track.stamps_us).mean()) for track in tracks]
        # the grid is that of the millisecond clock, and the loop's own turns are well below one
        assert means == pytest.approx([1000 * fast, 1000 * slow], abs=20)


def test_more_companions_make_blinkers_later(runner):
    decoded = runner.run("asyncio_sleep", ways="run/2:1/1,run/2:1/200", way_us=500_000)
    tracks = {series.method: series.track for series in assembled(decoded, "asyncio_sleep").series}
    few, many = (
        float(np.median(np.diff(tracks[f"asyncio/run/2:1/{n}"].stamps_us))) for n in (1, 200)
    )
    assert few == pytest.approx(20_000, abs=100)
    assert many > 1.5 * few


AFTER = ("workloads/asyncio_ways.py",)


def test_a_blinker_that_dies_is_an_error(runner):
    runner.deploy("asyncio_sleep", after=AFTER)
    runner.exec("async def hil_way_blinker(activate, ms):\n raise OSError('gone')")
    full = {"periods": (10_000,), "duration": 50_000, "ways": "run_forever/2:1/1", "way_us": 50_000}
    full |= {"technique": "asyncio_sleep"}
    runner.repl.start(bundle.start_code(full, AFTER))
    decoded = runner.finish()
    for piece in bundle.pieces("workloads/asyncio_ways.py"):
        runner.exec(piece)
    runner.exec("hil_workloads_asyncio_ways=after")

    assert runner.end(decoded)["status"] == "error"
    assert any("OSError: gone" in frame.fields.get("t", "") for frame in decoded.texts)
