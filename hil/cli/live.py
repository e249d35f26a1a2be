"""``hil live``: one technique watched while it is measured, in the terminal or as a local page."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hil.agents.bundle import load_names, technique_names
from hil.boards.backends.registry import parse_board
from hil.boards.wiring import load_wiring
from hil.cli.live_watch import LiveWatch
from hil.cli.main import EXIT_FAILED, EXIT_INCOMPLETE
from hil.cli.report import write_report
from hil.experiments.budget_files import default_budgets, keep_budgets, load_budgets
from hil.experiments.live_case import (
    MOST_REFERENCE_S,
    REFERENCE_S,
    live_case,
    live_program_case,
    require_streaming,
)
from hil.experiments.plan import RunOptions, find_profile
from hil.experiments.program_reader import read_user_program
from hil.experiments.run import Bench
from hil.model.errors import CapabilityMissing, ConfigurationError, HilError
from hil.model.known_names import unknown_name
from hil.model.verdicts import run_verdict
from hil.recording.run_folder import read_results
from hil.report.live_page.server import LivePage
from hil.report.live_state import LiveBoard, LiveState
from hil.report.terminal.live_view import LineView, ScreenView, suits_screen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from hil.cli.live_watch import View
    from hil.experiments.live_case import LiveCase

PROFILE = "live"
PAGE_LASTS_S = 1.2
"""How long the page is served after the end: twice as long as a page waits between two looks."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("board", metavar="BOARD", help="as for pytest's --board, see the README")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--technique", metavar="NAME", help="what to measure")
    what.add_argument(
        "--program", metavar="FILE", help="a program of your own instead, or a folder"
    )
    parser.add_argument("--load", metavar="NAME", default="idle", help="beside it (default: idle)")
    parser.add_argument("--period-ms", metavar="N", type=_number, help="default: 10")
    parser.add_argument(
        "--duration-s",
        metavar="N",
        type=_number,
        help="end by itself after so long (default: 24 h)",
    )
    parser.add_argument(
        "--reference-s",
        metavar="N",
        type=_number,
        help="a window in front in which nothing is sent, which tells what sending costs; "
        f"0 for none (default: {REFERENCE_S:g} to {MOST_REFERENCE_S:g}, by the period)",
    )
    parser.add_argument(
        "--page", action="store_true", help="show it on a page too, for browsers of this computer"
    )
    parser.add_argument("--wiring", metavar="FILE", help="pins and jumpers of this board (TOML)")
    parser.add_argument("--budgets", metavar="FILE", help="judge by these budgets (TOML)")
    parser.add_argument(
        "--out", metavar="DIR", default="reports", help="for the run's folder (default: reports)"
    )


def _number(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= float(text) < 1e9:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text:.40}: give a number, 0 or more")


def run(args: argparse.Namespace) -> int:
    """Measure until Ctrl-C or the end; exit status 1 out of its budget, 8 if something failed."""
    if args.program is None:
        _known("--technique", args.technique, technique_names())
    elif args.load != "idle":
        raise ConfigurationError("--program runs alone: leave out --load")
    _known("--load", args.load, load_names())
    spec = parse_board(args.board)
    if spec.stored_run is not None:
        raise ConfigurationError(f"{spec.text}: a stored run is not measured; see `hil show`")
    case = _case(args)
    options = RunOptions(
        boards=(spec,),
        profile=replace(find_profile("quick"), name=PROFILE),
        cases=(case,),
        out=Path(args.out),
        budgets=load_budgets(Path(args.budgets)) if args.budgets else default_budgets(),
        wiring=load_wiring(Path(args.wiring)) if args.wiring else None,
    )
    bench = Bench(options)
    keep_budgets(options.budgets, bench.folder)
    try:
        bench.open()
        require_streaming(bench.boards[0])
    except BaseException:
        bench.abandon()
        raise
    interrupted = _measure(bench, spec.text, case, page=args.page)
    bench.close()
    folder = str(bench.folder.path)
    status = write_report(folder, args.budgets)
    results = read_results(bench.folder.results)
    if results.errors or interrupted or status:
        return EXIT_INCOMPLETE
    return EXIT_FAILED if run_verdict(results) == "fail" else 0


def _case(args: argparse.Namespace) -> LiveCase:
    numbers = {name: getattr(args, name) for name in ("period_ms", "duration_s", "reference_s")}
    try:
        if args.program is not None:
            return live_program_case(read_user_program(Path(args.program)), **numbers)
        return live_case(args.technique, args.load, **numbers)
    except ConfigurationError as error:  # in the words of this command
        said = str(error).replace("--hil-agent", "--program").replace("--hil-", "--")
        raise ConfigurationError(said) from None


def _known(option: str, name: str, names: tuple[str, ...]) -> None:
    if name not in names:
        raise ConfigurationError(f"{option}: {unknown_name(option.strip('-'), name, names)}")


def _measure(bench: Bench, board: str, case: LiveCase, *, page: bool) -> bool:
    """Measure and show it; whether it was cut short."""
    plan = case.plan
    live = LiveBoard(
        LiveState(
            board=bench.boards[0].name,
            technique=plan.technique,
            load=plan.load,
            period_us=plan.tasks[0].period_us,
            limit_s=plan.duration_us / 1e6,
        )
    )
    view: View = (
        ScreenView(live, sys.stdout) if suits_screen(sys.stdout) else LineView(live, sys.stdout)
    )
    watch = LiveWatch(bench, live, view)
    bench.select([(board, case)])
    try:
        with _page_of(live) if page else contextlib.nullcontext(), _ends_by_interrupt(watch.end):
            bench.measured(board, case, watch)
    except CapabilityMissing as error:
        view.close()
        bench.close()
        raise ConfigurationError(f"{board}: {error}") from error
    except HilError:
        return False  # it is among the run's errors
    except KeyboardInterrupt:
        bench.interrupted()
        return True
    finally:
        view.close()
    return False


@contextlib.contextmanager
def _page_of(live: LiveBoard) -> Iterator[None]:
    """Serve the page meanwhile, and a moment longer, so that who looks at it sees the end."""
    try:
        page = LivePage(live)
    except OSError as error:
        raise ConfigurationError(f"--page: no port can be had ({error.strerror})") from error
    with page:
        print(f"page:    {page.url}", flush=True)
        yield
        time.sleep(PAGE_LASTS_S)


@contextlib.contextmanager
def _ends_by_interrupt(end: Callable[[], bool]) -> Iterator[None]:
    """Ctrl-C ends the window; a second one, or one before it, ends the measurement at once."""

    def handle(number: int, frame: FrameType | None) -> None:
        if not end():
            signal.default_int_handler(number, frame)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
