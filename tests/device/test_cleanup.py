"""Whatever ends a capture: timers and interrupts stop, pins are safe, what was captured is sent."""

import pytest

from hil.agents import bundle

START_TIMER = """\
seen = bytearray(1)
def count(_):
    seen[0] = (seen[0] + 1) & 127
timer = HilTimer(job)
job.begin_all()
timer.periodic(5000, count, {hard})
job.seen = seen
globals()["watched"] = seen
"""
STILL = "import time\nn=watched[0]\ntime.sleep_ms(60)\nprint(n, watched[0])"


def callbacks_seen(runner):
    """(before, after) an idle wait of many periods of the timer that the program had started."""
    before, after = runner.exec(STILL).split()
    return int(before), int(after)


def task_count(decoded):
    return len(decoded.channels["task0"].values)


@pytest.mark.parametrize("hard", [False, True])
def test_an_exception_stops_the_timers_and_tells_its_traceback(runner, hard):
    body = (
        START_TIMER.format(hard=hard)
        + 'time.sleep_ms(30)\njob.activate[0]()\nraise ValueError("boom")'
    )
    decoded = runner.run_code(body)

    assert runner.end(decoded)["status"] == "error"
    text = [frame.fields["t"] for frame in decoded.texts if frame.kind == "X"]
    assert "Traceback" in text[0]
    assert text[-1] == "ValueError: boom"
    assert task_count(decoded) == 1
    before, after = callbacks_seen(runner)
    assert before == after == 6


def test_the_watch_itself_sees_a_running_timer(runner):
    body = START_TIMER.format(hard=False) + 'job.exits.clear()\nglobals()["stray"] = timer'
    runner.run_code(body)

    before, after = callbacks_seen(runner)
    assert after - before == 12
    runner.exec("stray.stop()")


@pytest.mark.parametrize(
    "technique",
    bundle.technique_names(),
)
def test_ctrl_c_keeps_what_was_captured(runner, technique):
    runner.start(technique, duration=20_000_000)
    runner.repl.clock.sleep(0.305)
    runner.repl.write(b"\x03")
    decoded = runner.finish()

    assert runner.end(decoded)["status"] == "interrupted"
    (grid,) = [f.fields for f in decoded.texts if f.kind == "G" and f.fields["task"] == "0"]
    first = int(grid["origin"]) + int(grid["offset"])
    due = len(range(first, int(runner.end(decoded)["us1"]), 10_000))
    assert due >= 28
    assert task_count(decoded) in (due - 1, due)
    assert decoded.faults == ()
    again = runner.run(technique)  # and the board is as good as new
    assert runner.end(again)["status"] == "ok"


def test_pins_end_as_inputs(runner):
    runner.run("timer_soft")

    shown = runner.exec("import machine\nprint(repr(machine.Pin(0)), machine.Pin(0).value())")
    assert "IN" in shown
    assert "OUT" not in shown


def test_a_failing_clean_up_does_not_stop_the_others(runner):
    body = """\
done = []
globals()["done"] = done
job.at_exit(lambda: done.append(1))
job.at_exit(lambda: 1 // 0)
job.begin_all()
job.wait()"""
    decoded = runner.run_code(body)

    assert runner.end(decoded)["cleanup_failed"] == "2"
    assert runner.exec("print(done)").strip() == "[1]"
    assert any("ZeroDivisionError" in frame.fields.get("t", "") for frame in decoded.texts)


def test_an_asyncio_task_that_dies_is_an_error(runner):
    body = """\
async def dies():
    await asyncio.sleep_ms(10)
    raise OSError("gone")
job.begin_all()
run_coroutines(job, [dies()])"""
    runner.deploy("asyncio_sleep")
    decoded = runner.run_code(body)

    assert runner.end(decoded)["status"] == "error"
    assert any("OSError: gone" in frame.fields.get("t", "") for frame in decoded.texts)
