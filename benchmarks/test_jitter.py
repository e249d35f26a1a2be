"""How even the activations are."""


def test_period_jitter(figures):
    figures.check("period_mean_us", "period_jitter_rms_us", "period_jitter_pp_us")


def test_cycle_to_cycle_jitter(figures):
    figures.check("c2c_jitter_rms_us", "c2c_jitter_max_us")


def test_time_interval_error(figures):
    figures.check("tie_rms_us", "tie_pp_us")
