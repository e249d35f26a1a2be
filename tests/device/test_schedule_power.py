"""The stored plan over kills, soft resets and deep sleep: a short form of `tox -e resets`."""

from tools.reset_persistence import read_log, reset_often


def test_killed_while_it_saves_no_job_and_no_run_is_lost(tmp_path):
    figures = reset_often(tmp_path / "flash", "kill", 25)

    assert figures.boots >= 25
    assert figures.inside_save >= 1  # else nothing was tried; half of them on an idle host
    assert figures.runs >= 10
    assert (figures.jobs_lost, figures.runs_lost, figures.reports) == (0, 0, [])


def test_killed_with_the_plan_saved_first_nothing_runs_twice(tmp_path):
    figures = reset_often(tmp_path / "flash", "kill-before", 15)

    assert figures.runs >= 5  # some tens on an idle host
    assert (figures.jobs_lost, figures.run_twice, figures.reports) == (0, 0, [])


def test_soft_resets_lose_nothing(tmp_path):
    figures = reset_often(tmp_path / "flash", "soft", 8)

    assert figures.boots >= 8
    assert (figures.jobs_lost, figures.runs_lost, figures.reports) == (0, 0, [])


def test_boot_run_and_sleep_again(tmp_path):
    """A second between the runs, of which the board is awake a few hundredths."""
    figures = reset_often(tmp_path / "flash", "deepsleep", 6)

    assert figures.runs >= 5
    assert (figures.jobs_lost, figures.runs_lost, figures.run_twice, figures.run_late) == (
        0,
        0,
        0,
        0,
    )
    assert min(figures.wake_error_ms) > -1  # the sleep is never shorter; sim counts whole ms


def test_the_figures_see_what_goes_wrong():
    text = "boot 0 0 1 0\nboot 0 0 1 0\nplanned 2\nboot 1 1 1 0\n"
    runs = [("a", 1000, 2000, 5), ("a", 1000, 2000, 1500), ("a", 4000, 5000, 0)]
    text += "".join(f"run {n} {r} {d} {late}\n" for n, r, d, late in runs)
    text += "boot 2 0 1 0\nreport oh\nrun cut"
    figures = read_log(text, asleep=False)

    assert (figures.boots, figures.inside_save, figures.jobs_lost) == (4, 1, 1)
    assert (figures.runs, figures.run_twice, figures.runs_lost, figures.run_late) == (3, 1, 2, 1)
    assert figures.reports == ["report oh"]
