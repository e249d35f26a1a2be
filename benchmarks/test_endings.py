"""How periodic work ends and begins again."""

import pytest


def test_nothing_comes_after_the_end(figures):
    figures.check("callbacks_after_stop")


@pytest.mark.hil(techniques=["periodic_operator"])
def test_stop_and_restart(figures):
    figures.check("stop_latency_us", "restart_phase_us", "timer_after_stop")
