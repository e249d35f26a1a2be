"""``pio_irq`` and ``pwm_irq``: the pace that the hardware was asked for, and that it ends."""

import numpy as np
import pytest

from hil.model.techniques import TECHNIQUES


def stamps(decoded, task=0):
    return decoded.channels[f"task{task}"].values


@pytest.mark.parametrize(
    ("periods", "phases"),
    [((1_000, 1_000), (0, 500)), ((10_000, 7_001), (0, 3)), ((60_000, 60_010), (0, 30_000))],
)
def test_a_state_machine_counts_its_own_instructions(runner, periods, phases):
    decoded = runner.run("pio_irq", periods=periods, phases=phases)

    assert runner.end(decoded)["status"] == "ok"
    for task, period in enumerate(periods):
        away = np.diff(stamps(decoded, task)) - period
        # where both are due at one moment the second waits for the first
        assert np.all(np.abs(away) <= 10)
        assert abs(int(np.sum(away))) <= 10
    first, second = stamps(decoded)[0] - periods[0], stamps(decoded, 1)[0] - periods[1]
    assert abs(second - first - phases[1]) < 50 + 10 * 2  # started one after the other


def test_what_the_divider_loses_is_told(runner):
    runner.deploy("pio_irq")
    told = runner.exec(
        "print([hil_pio_ppb(hz, 100000) for hz in (125000000, 133000000, 133333333, 48000001)])"
    )

    divider = 133_333_333 * 256 // 100_000
    lost = round((divider * 100_000 / (133_333_333 * 256) - 1) * 1e9)
    ppb = [int(word) for word in told.strip()[1:-1].split(",")]
    assert ppb[:2] == [0, 0]
    assert abs(ppb[2] - lost) <= 1
    assert -3_000 < ppb[2] < 0
    assert ppb[3] == -21


@pytest.mark.parametrize("technique", ["pio_irq", "pwm_irq"])
def test_an_aborted_window_leaves_nothing_that_goes_on(runner, technique):
    runner.start(technique, duration=20_000_000)
    runner.repl.clock.sleep(0.2)
    runner.repl.write(b"\x03")
    decoded = runner.finish()

    said = runner.end(decoded)
    assert (said["status"], said["strays"]) == ("interrupted", "0")
    assert "cleanup_failed" not in said
    assert len(stamps(decoded)) > 5
    if technique == "pio_irq":
        runner.exec("assert not any(m.active() for m in PortStateMachine.made)")
    shown = runner.exec("import sim_controller\nprint([s for s in sim_controller.slots if s])")
    assert shown.strip() == "[]"


def test_a_pwm_serves_two_tasks_with_phases(runner):
    decoded = runner.run("pwm_irq", periods=(10_000, 10_000), phases=(0, 5_000))

    assert runner.end(decoded)["pwm_hz"] == "200"
    for task in (0, 1):
        assert set(np.diff(stamps(decoded, task)).tolist()) == {10_000}
    assert abs(int(stamps(decoded, 1)[0] - stamps(decoded)[0]) - 5_000) <= 10


@pytest.mark.parametrize(
    ("period", "hz"), [(7_000, 1000), (1_500, 2000), (12_500, 80), (40_000, 25)]
)
def test_a_period_of_no_whole_frequency_is_every_nth_edge(runner, period, hz):
    decoded = runner.run("pwm_irq", periods=(period, period))

    assert runner.end(decoded)["pwm_hz"] == str(hz)
    assert set(np.diff(stamps(decoded)).tolist()) == {period}


def test_a_port_with_no_slow_pwm_counts_more_edges(runner):
    runner.deploy("pwm_irq")
    runner.exec(
        "class Slow:\n"
        " def freq(self, hz=None):\n"
        "  if hz is None:\n   return self.hz\n"
        "  if hz < 8:\n   raise ValueError('freq too small')\n"
        "  self.hz = hz\n"
    )
    hz = [runner.exec(f"print(hil_set_frequency(Slow(), {us}))") for us in (60_000_000, 250_000)]

    assert [int(text) for text in hz] == [8, 8]


def test_the_device_and_the_host_know_the_same_highest_frequency(runner):
    runner.deploy("pwm_irq")
    assert int(runner.exec("print(HIL_MOST_HZ)")) == TECHNIQUES["pwm_irq"].most_hz


def test_a_pace_that_no_pwm_makes_ends_the_window(runner):
    decoded = runner.run("pwm_irq", periods=(10_001, 10_001))

    assert runner.end(decoded)["status"] == "error"
    said = [frame.fields["t"] for frame in decoded.texts if frame.kind == "X"]
    assert said[-1] == "NoPwm: no whole Hz up to 5000 has an edge every 10001 us"


def test_a_pwm_that_does_not_come_back_is_told(runner):
    decoded = runner.run("pwm_irq", loop=(4, 7))

    assert runner.end(decoded)["status"] == "error"
    said = [frame.fields["t"] for frame in decoded.texts if frame.kind == "X"]
    assert said[-1] == "NoPwm: no edges of the PWM come over the loopback"
