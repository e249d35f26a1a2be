"""``hil sim``: the embedded board in the foreground, for use from another terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.boards.backends.sim_knobs import parse_sim_knobs
from hil.boards.backends.sim_program import find_vm
from hil.boards.backends.sim_supervisor import main

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("knobs", nargs="?", default="", help="for example ppm=40,tick_bits=16")
    parser.add_argument(
        "--root", metavar="DIR", help="the board's file system (default: temporary)"
    )


def run(args: argparse.Namespace) -> int:
    """See :func:`run_sim`."""
    return run_sim(args.knobs, args.root)


def run_sim(knobs: str, root: str | None) -> int:
    """Start the board, print its port, and keep it until Ctrl-C."""
    parse_sim_knobs(knobs)
    find_vm()
    print("the embedded board runs until Ctrl-C; use its port from another terminal", flush=True)
    return int(main([*([knobs] if knobs else []), *(["--root", root] if root else [])]) or 0)
