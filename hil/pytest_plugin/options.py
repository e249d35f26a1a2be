"""The ``--hil-…`` options: declared, read and checked in one place.

Every pytest run where the package is installed declares them, and few read them: what only the
checks need is imported by the checks.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from hil.experiments.plan import RunOptions
from hil.model.errors import ConfigurationError
from hil.pytest_plugin.board_option import HELP, INI, LONG, asked_boards

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from hil.boards.backend import BoardSpec
    from hil.experiments.plan import Case

_LARGEST = 1e12


def add_options(parser: pytest.Parser) -> None:
    """Declare the options; each begins with ``--hil-``."""
    add = parser.getgroup("hil", "timing measurement on MicroPython boards").addoption
    add(LONG, action="append", metavar="BOARD", help=HELP)
    add("--hil-profile", metavar="NAME", help="quick (default), nightly or soak")
    add("--hil-out", metavar="DIR", help="where runs land (default: reports/)")
    add("--hil-technique", metavar="NAME,...", help="only these techniques (default: all)")
    add("--hil-load", metavar="NAME,...", help="these loads (default: the profile's)")
    add("--hil-period-ms", metavar="N", help="period of the tasks in milliseconds")
    add("--hil-duration-s", metavar="N", help="length of each capture window")
    add("--hil-budgets", metavar="FILE", help="budgets to judge by (TOML)")
    add("--hil-agent", metavar="FILE", help="measure this program of your own (see examples/)")
    add("--hil-wiring", metavar="FILE", help="pins and jumpers of this board (TOML)")
    add("--hil-faults", metavar="SPEC", help="faults on the link: drop=0.001,lost_at=5000,seed=7")
    add(
        "--hil-history",
        metavar="URL",
        help="where every run is kept: postgresql://…, a file, or none (default: history.db in "
        "--hil-out; also the variable HIL_HISTORY)",
    )
    add(
        "--hil-compare",
        metavar="RUN",
        help="fail if a figure has become worse than in the last runs (last), in the baseline "
        "(baseline), or in one run (its id or folder)",
    )
    parser.addini(
        "hil_suite",
        "folders whose tests measure boards: running them without a board uses the embedded one",
        type="paths",
        default=[],
    )
    parser.addini(INI, f"boards to measure where {LONG} is not given", type="args", default=[])


def suite_requested(config: pytest.Config) -> bool:
    """Whether this pytest run measures boards at all."""
    if asked_boards(config):
        return True
    suites = [Path(p).resolve() for p in config.getini("hil_suite")]
    for argument in config.args:
        path = Path(argument.partition("::")[0]).resolve()
        if any(path == suite or suite in path.parents for suite in suites):
            return True
    return False


def read_options(config: pytest.Config, boards: Sequence[str] = ()) -> RunOptions:
    """Check every option; ``boards`` replaces what was asked for, ``auto`` spelled out.

    Raises :class:`~hil.model.errors.ConfigurationError` in one line for the first that is wrong.
    """
    from hil.agents.bundle import load_names, technique_names
    from hil.boards.fault_injection import parse_faults
    from hil.boards.wiring import load_wiring
    from hil.experiments.budget_files import default_budgets, load_budgets
    from hil.experiments.plan import agent_case, chosen_names, find_profile, make_cases
    from hil.experiments.workloads.user_program import read_user_program
    from hil.history.location import find_location
    from hil.model.board import DEFAULT_BOARD

    get = config.getoption
    profile = find_profile(get("--hil-profile") or "quick")
    techniques = chosen_names("--hil-technique", get("--hil-technique"), technique_names())
    known_loads = load_names()
    asked_loads = get("--hil-load")
    loads = (
        chosen_names("--hil-load", asked_loads, known_loads)
        if asked_loads
        else tuple(load for load in profile.loads if load in known_loads)
    )
    budgets_file, wiring_file = get("--hil-budgets"), get("--hil-wiring")
    specs = _boards(boards or asked_boards(config) or [DEFAULT_BOARD])
    period_ms = _number("--hil-period-ms", get("--hil-period-ms"))
    duration_s = _number("--hil-duration-s", get("--hil-duration-s"))
    cases = make_cases(profile, techniques, loads, period_ms=period_ms, duration_s=duration_s)
    agent_file = get("--hil-agent")
    agent = read_user_program(Path(agent_file)) if agent_file else None
    if agent is not None:
        if get("--hil-technique") or asked_loads:
            raise ConfigurationError("--hil-agent runs alone: leave out technique and load")
        cases = (
            agent_case(
                agent.name, agent.periods_us, profile, period_ms=period_ms, duration_s=duration_s
            ),
        )
    if all(board.stored_run for board in specs):
        cases = _stored_cases(specs, cases if get("--hil-technique") or asked_loads else ())
    out = Path(get("--hil-out") or config.rootpath / "reports")
    return RunOptions(
        boards=specs,
        profile=profile,
        cases=cases,
        out=out,
        budgets=load_budgets(Path(budgets_file)) if budgets_file else default_budgets(),
        wiring=load_wiring(Path(wiring_file)) if wiring_file else None,
        agent=agent,
        faults=parse_faults(get("--hil-faults")) if get("--hil-faults") is not None else None,
        history=find_location(get("--hil-history"), out),
        compare=get("--hil-compare"),
    )


def _number(option: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not abs(number) < _LARGEST:
        raise ConfigurationError(f"{option}={text:.40}: not a number that can be used")
    return number


def _boards(texts: Sequence[str]) -> tuple[BoardSpec, ...]:
    from hil.boards.backends.registry import expand_boards, parse_board

    boards = expand_boards(parse_board(text) for text in texts)
    if len({board.text for board in boards}) < len(boards):
        raise ConfigurationError("--board: the same board is given twice")
    return boards


def _stored_cases(boards: tuple[BoardSpec, ...], asked: tuple[Case, ...]) -> tuple[Case, ...]:
    """What the replayed runs hold, as it was planned then; of that only what was asked for."""
    from hil.experiments.plan import Case
    from hil.recording.stored_run import read_run

    stored = {
        Case(capture.plan).id: Case(capture.plan)
        for board in boards
        if board.stored_run is not None
        for capture in read_run(board.stored_run).captures
    }
    wanted = {case.id for case in asked}
    return tuple(case for name, case in stored.items() if not wanted or name in wanted)
