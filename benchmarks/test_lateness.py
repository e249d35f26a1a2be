"""How late the activations are against the grid that was asked for."""


def test_lateness(figures):
    figures.check("lateness_p50_us", "lateness_p99_us", "lateness_p999_us", "lateness_max_us")


def test_activations_are_complete(figures):
    figures.check("missed", "overruns", "dropped")
