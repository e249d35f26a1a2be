"""How periodic work ends and begins again."""


def test_nothing_comes_after_the_end(figures):
    figures.check("callbacks_after_stop")


def test_stop_and_restart(figures):
    figures.check("stop_latency_us", "restart_phase_us", "timer_after_stop")
