"""The background loads: each does what it says, as much as it is told to, and leaves nothing."""

import numpy as np
import pytest

from hil.agents import bundle

PLAIN = ("cpu", "gc", "print", "flash", "irq")
LIST = "import os\nprint(sorted(os.listdir()))"


def done(runner, load, intensity, duration=300_000):
    return runner.run("timer_soft", load, intensity=intensity, duration=duration)


def test_flash_writes_as_told_and_removes_only_its_own(runner):
    runner.exec("f = open('_hil0.tmp', 'w')\nf.write('mine')\nf.close()")
    before = runner.exec(LIST)
    blocks = {}
    for intensity in (10, 100):
        decoded = done(runner, "flash", intensity, 600_000)
        assert runner.end(decoded)["status"] == "ok"
        blocks[intensity] = int(runner.end(decoded)["load_blocks"])
    # in 600 ms, the last one at its very end or not
    assert blocks[10] in (5, 6)
    assert blocks[100] in (59, 60)
    assert runner.exec(LIST) == before
    assert runner.exec("print(open('_hil0.tmp').read())").strip() == "mine"
    runner.exec("import os\nos.remove('_hil0.tmp')")


def test_flash_really_writes_and_rotates(runner):
    runner.deploy("timer_soft", "flash")
    code = """
import os
load = FlashLoad(100)
seen = []
for i in range(50):
    load.every_ms = 0
    load.step()
    seen.append(sorted((n, os.stat(n)[6]) for n in os.listdir() if n.startswith("_hil")))
print(seen[0], seen[15], seen[16], seen[40])
load.remove()
print([n for n in os.listdir() if n.startswith("_hil")])"""
    first, left = runner.exec(code).strip().split("\n")
    a, b = "_hil0.tmp", "_hil1.tmp"
    steps = ([(a, 256)], [(a, 4096)], [(a, 4096), (b, 256)], [(a, 9 * 256), (b, 4096)])
    assert first == " ".join(str(step) for step in steps)
    assert left == "[]"


def test_flash_leaves_nothing_after_an_abort(runner):
    before = runner.exec(LIST)
    runner.start("timer_hard", "flash", intensity=100, duration=20_000_000)
    runner.repl.clock.sleep(0.4)
    runner.repl.write(b"\x03")
    assert runner.end(runner.finish())["status"] == "interrupted"
    assert runner.exec(LIST) == before


def test_print_prints_as_often_as_told(runner):
    lines = [
        sum("load print" in line for line in done(runner, "print", n, 600_000).log)
        for n in (10, 100)
    ]
    assert lines[0] in (5, 6)
    assert lines[1] in (59, 60)


def test_cpu_intensity_is_a_longer_turn(runner):
    """Turns of the main program in the same time: fewer where each takes longer."""
    turns = [int(runner.end(done(runner, "cpu", n))["background"]) for n in (1, 100)]
    turn_us = [300_000 / n for n in turns]
    # 20 or 2000 turns of its own loop, one jump of 2 us each
    assert turn_us[1] - turn_us[0] == pytest.approx(2 * (2000 - 20), rel=0.02)


def test_gc_intensity_is_the_size_of_the_garbage_and_it_is_collected(runner):
    runner.deploy("timer_soft", "gc")
    code = """
import gc
class Told:
    pass
for n in (10, 100):
    job = Told()
    job.cfg = {"intensity": n}
    step = hil_loads_gc(job)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(62):
        step()
    made = gc.mem_alloc() - before
    step()
    step()
    print(made, gc.mem_alloc() - before)
    gc.enable()"""
    rows = [tuple(map(int, line.split())) for line in runner.exec(code).split("\n") if line]
    for n, (made, left) in zip((10, 100), rows, strict=True):
        assert 62 * 16 * n <= made <= 62 * (16 * n + 96) + 2000
        assert left < made / 2  # eight blocks are kept


def test_irq_fires_as_often_as_told(runner):
    runner.deploy("timer_soft", "irq")
    code = """
import time
made = []
def hil_irq_work(count):
    def callback(_=None):
        made.append(1)
    return callback
"""
    runner.exec(code)
    seen = []
    for intensity in (5, 20):
        runner.exec("made.clear()")
        done(runner, "irq", intensity)
        seen.append(int(runner.exec("print(len(made))")))
    for piece in bundle.pieces("loads/irq.py"):
        runner.exec(piece)
    # 100 and 400 a second for 0.3 s
    assert seen[0] in (29, 30)
    assert seen[1] in (119, 120)


@pytest.mark.parametrize("load", PLAIN)
def test_a_load_ends_with_its_capture(runner, load):
    decoded = done(runner, load, 50)
    assert runner.end(decoded)["strays"] == "0"
    shown = runner.exec("import sim_controller\nprint([s for s in sim_controller.slots if s])")
    assert shown.strip() == "[]"


@pytest.mark.parametrize("load", ["idle", "cpu", "gc", "flash", "irq"])
def test_interrupt_events_beside_a_load_have_channels_of_their_own(runner, load):
    decoded = runner.run("event_irq", load, duration=100_000, isr_events=30)

    assert decoded.faults == ()
    names = [frame.fields["name"] for frame in decoded.texts if frame.kind == "C"]
    assert len(names) == len(set(names))
    method = "loopback" if load in ("idle", "irq") else "loopback-timer"
    for kind in ("hard", "soft"):
        answered = decoded.channels[f"isr.{method}/{kind}"].values
        assert len(answered) == 30
        assert np.all(answered >= 0)


def test_a_load_that_hardly_ever_gives_way_does_not_hold_the_events_for_ever(runner):
    runner.deploy("event_irq", "cpu")
    runner.exec("hil_own_load = hil_loads_cpu\nhil_loads_cpu = lambda job: hil_slow_turn")
    runner.exec("def hil_slow_turn(): time.sleep_ms(100)")
    decoded = runner.run("event_irq", "cpu", duration=50_000, isr_events=60)
    runner.exec("hil_loads_cpu = hil_own_load")

    assert runner.end(decoded)["status"] == "ok"
    for kind in ("hard", "soft"):  # 60 would take 6 s or more, 0.8 s is what they have
        assert 2 <= len(decoded.channels[f"stim.loopback-timer/{kind}"].values) < 30
