"""The embedded board reset for real: what the capture keeps, and that harm is seen."""

from dataclasses import replace
from pathlib import Path

import pytest

from hil.agents import bundle
from hil.boards.backends.registry import parse_board
from hil.experiments.evaluation import summarise_capture
from hil.experiments.plan import Case, capture_job, find_profile, make_cases
from hil.experiments.session import Session
from hil.model.errors import HilError
from hil.model.reset_rows import DEEP_SLEEP, KILL, RESET_OPTIONS, SOFT_RESET
from hil.recording.capture_reader import read_capture

SHORT = {RESET_OPTIONS[SOFT_RESET]: 3, RESET_OPTIONS[KILL]: 4, RESET_OPTIONS[DEEP_SLEEP]: 2}


def job(session, **resets):
    quick = find_profile("quick")
    (case,) = make_cases(quick, ["aioschedule"], ["idle"], duration_s=0.3, windows=1)
    plan = replace(case.plan, options={"pings": 4, **resets})
    return capture_job(Case(plan), session.board)


def survived(path: Path):
    return {
        (measurement.metric, measurement.method): measurement
        for measurement in summarise_capture(read_capture(path)).measurements
        if (measurement.method or "").startswith("survival/")
    }


@pytest.fixture(scope="module")
def session():
    with Session(parse_board("sim:clock=virtual")) as opened:
        yield opened


def test_the_schedule_outlasts_every_reset_and_leaves_no_file(session, tmp_path):
    session.run("f = open('_hil0.1', 'w'); f.write('mine'); f.close()")
    session.capture(job(session, **SHORT), tmp_path / "one.hilcap")

    figures = survived(tmp_path / "one.hilcap")
    for mode, resets in ((SOFT_RESET, 3), (KILL, 4), (DEEP_SLEEP, 2)):
        lost = figures["jobs_lost", f"survival/{mode}"]
        assert (lost.value, lost.n) == (0, resets), lost
        assert figures["jobs_run_twice", f"survival/{mode}"].n >= 1
        assert ("jobs_late", f"survival/{mode}") in figures
    wake = figures["wake_error_us", "survival/deepsleep"]
    assert wake.n == 2
    assert wake.value > -1000  # a sleep of whole ms is never shorter
    listing = session.run("import os; print(os.listdir(), open('_hil0.1').read())").decode()
    assert listing.strip() == "['_hil0.1'] mine"  # a user's file of such a name is left alone

    session.capture(job(session), tmp_path / "two.hilcap")  # and the board is as it was
    after = read_capture(tmp_path / "two.hilcap")
    assert (after.errors, after.faults) == ((), ())
    assert after.tracks[0].stamps_us.size > 10


def test_another_board_is_reset_at_the_same_moments(tmp_path):
    rows = []
    for path in (tmp_path / "one.hilcap", tmp_path / "two.hilcap"):
        with Session(parse_board("sim:clock=virtual")) as fresh:
            fresh.capture(job(fresh, **dict.fromkeys(SHORT, 1)), path)
        values = read_capture(path).values
        rows.append({name: [int(n) for n in numbers] for name, numbers in values.items()})
    assert len(rows[0]) == 6  # rows and speed of each way to reset
    assert rows[0] == rows[1]


NOTHING_IS_STORED = "HilStore.save = lambda path, thing: None"
ONLY_THE_FIRST_IS_STORED = """\
hil_save = save
def hil_save_once(path, thing):
 if path + '.0' not in os.listdir():
  hil_save(path, thing)
HilStore.save = hil_save_once
"""


@pytest.fixture
def harm(monkeypatch):
    """A function that adds code behind the program that is loaded after each boot."""
    real = bundle.library

    def harm(code):
        def library(*paths, **more):
            files = real(*paths, **more)
            return (
                [*files, ("harm", [code])]
                if paths == ("workloads/reset_persistence.py",)
                else files
            )

        monkeypatch.setattr(bundle, "library", library)

    return harm


@pytest.mark.parametrize(
    ("code", "seen"),
    [(NOTHING_IS_STORED, "jobs_lost"), (ONLY_THE_FIRST_IS_STORED, "jobs_run_twice")],
)
def test_a_store_that_is_broken_is_found_out(session, tmp_path, harm, code, seen):
    harm(code)
    session.capture(job(session, **{RESET_OPTIONS[KILL]: 5}), tmp_path / "one.hilcap")
    assert survived(tmp_path / "one.hilcap")[seen, "survival/kill"].value >= 1


def test_a_board_that_does_not_take_its_plan_up_again_is_an_error(session, tmp_path, harm):
    harm("def hil_run_plan(*_): raise OSError(5)")
    with pytest.raises(HilError, match="OSError"):
        session.capture(job(session, **{RESET_OPTIONS[SOFT_RESET]: 1}), tmp_path / "one.hilcap")
    assert any("OSError" in text for text in read_capture(tmp_path / "one.hilcap").errors)
