"""What a technique's stored plan outlives: resets, kills, deep sleep."""

import pytest

pytestmark = pytest.mark.hil(techniques=["aioschedule"], loads=["idle"])


def test_no_job_is_lost(figures):
    figures.check("jobs_lost", "jobs_run_twice", "jobs_late")


def test_wake_from_deep_sleep(figures):
    figures.check("wake_error_us")
