"""A stored run of one case: what pytest's side does with it takes a moment and no board."""

from pathlib import Path

import pytest

STORED = Path(__file__).parents[1] / "replay" / "runs" / "loads"


@pytest.fixture
def replayed(pytester) -> str:
    """The option that replays it; a suite with one test and budgets that it misses are there."""
    pytester.makepyfile(test_suite="def test_it(figures):\n    figures.check('lateness_max_us')\n")
    pytester.path.joinpath("strict.toml").write_text("[budgets.any.any]\nlateness_max_us = 0.001\n")
    return f"--hil-board=replay:{STORED}"
