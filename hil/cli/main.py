"""The ``hil`` command; each subcommand imports what it needs only when it runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from hil import __version__
from hil.errors import HilError

EXIT_OK, EXIT_FAILED, EXIT_USAGE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; bad input is one line on stderr and a non-zero exit."""
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        return _run(args)
    except HilError as error:
        print(f"hil: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hil",
        description="Timing measurement on MicroPython boards. "
        "The measurements themselves run under pytest: `pytest --board=/dev/ttyUSB0`.",
    )
    parser.add_argument("--version", action="version", version=f"hil {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    sim = commands.add_parser("sim", help="start the embedded board and print its port")
    sim.add_argument("knobs", nargs="?", default="", help="for example ppm=40,tick_bits=16")
    sim.add_argument("--root", metavar="DIR", help="the board's file system (default: temporary)")
    boards = commands.add_parser("boards", help="list the attached boards and what they can do")
    boards.add_argument("ports", nargs="*", metavar="PORT", help="these (default: every USB port)")
    boards.add_argument("--no-probe", action="store_true", help="ask no board, stop no program")
    boards.add_argument("--json", action="store_true", help="for programs")
    doctor = commands.add_parser("doctor", help="say what is wrong with a board, and what mends it")
    doctor.add_argument("--board", required=True, help="as for pytest, see the README")
    doctor.add_argument("--wiring", metavar="FILE", help="pins and jumpers of this board (TOML)")
    doctor.add_argument("--json", action="store_true", help="for programs")
    report = commands.add_parser("report", help="make a run's report again from its captures")
    report.add_argument("folder", help="the run's folder, for example reports/latest")
    report.add_argument("--budgets", metavar="FILE", help="judge by these budgets (TOML)")
    return parser


def _run(args: argparse.Namespace) -> int:
    if args.command == "sim":
        from hil.cli.sim import run_sim

        return run_sim(args.knobs, args.root)
    if args.command == "boards":
        from hil.cli.boards import list_boards

        return list_boards(args.ports, probe=not args.no_probe, as_json=args.json)
    if args.command == "doctor":
        from hil.cli.doctor import run_doctor

        return run_doctor(args.board, wiring=args.wiring, as_json=args.json)
    from hil.cli.report import remake_report

    return remake_report(args.folder, args.budgets)
