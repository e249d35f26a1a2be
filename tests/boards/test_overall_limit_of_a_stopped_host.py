"""The limit over all steps does not hold what a stopped host took against the board."""

from types import SimpleNamespace

import pytest

from hil.boards.overall_limit import OverallLimit
from hil.model.errors import BoardTimeoutError


class Clock:
    kind = "real"
    ns = 0

    def now_ns(self):
        return self.ns


@pytest.fixture
def limited():
    clock = Clock()
    limit = OverallLimit("a", SimpleNamespace(factor=1.0))
    limit.check(clock)

    def pass_s(*steps_s):
        with limit.within("it", 60.0):
            for step_s in steps_s:
                clock.ns += round(step_s * 1e9)
                limit.check(clock)

    return pass_s


def test_one_long_step_is_the_hosts(limited):
    limited(1.0, 3600.0, 1.0)


def test_many_short_ones_are_the_boards(limited):
    with pytest.raises(BoardTimeoutError, match="was not done after 60 s"):
        limited(*[1.0] * 62)
