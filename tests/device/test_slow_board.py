"""The embedded board at a fraction of its speed: found out, given its time, and told."""

import pytest

from hil.boards.backends.registry import parse_board
from hil.experiments.plan import Case, calibration_plan, capture_job
from hil.experiments.session import Session
from hil.recording.capture_reader import read_capture


@pytest.mark.parametrize(
    ("turn_us", "told", "factor"),
    [(5, None, 1), (100, 10, 10), (400, 40, 40), (1000, 100, 100)],
)
def test_every_limit_has_the_factor_that_a_loop_tells(tmp_path, turn_us, told, factor):
    with Session(parse_board(f"sim:clock=virtual,turn_us={turn_us}")) as session:
        assert session.identity.slowness == (None if told is None else pytest.approx(told, rel=0.1))
        job = capture_job(Case(calibration_plan()), session.board)
        assert job.limit_s == pytest.approx(30 * factor, rel=0.1)
        assert job.idle_limit_s == pytest.approx(15 * factor, rel=0.1)
        if turn_us <= 400:
            session.capture(job, tmp_path / "one.hilcap")
            stored = read_capture(tmp_path / "one.hilcap")
            assert not stored.errors
            assert stored.board.slowness == session.identity.slowness
