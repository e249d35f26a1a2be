"""How far the schedule runs away from the grid, and the board's clock from the host's."""


def test_schedule_drift(figures):
    figures.check("schedule_drift_ppm")


def test_clock_skew(figures):
    figures.check("clock_skew_ppm")
