"""The ``hil`` command: a table of subcommands, one module of this package each.

A module has ``add_arguments(parser)`` and ``run(args) -> int``. Only the module of the command that
was asked for is imported, so that help and the other commands start at once.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import TYPE_CHECKING, Protocol, cast

from hil import __version__
from hil.model.errors import HilError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import NoReturn

EXIT_FAILED, EXIT_USAGE = 1, 2
_INTERRUPTED = 130
COMMANDS = {
    "sim": "start the embedded board and print its port",
    "boards": "list the attached boards and what they can do",
    "doctor": "say what is wrong with a board, and what mends it",
    "report": "make a run's report again from its captures",
    "show": "show a run's table and distributions in the terminal",
    "history": "list the runs that are kept, filtered; add one that is not",
    "trend": "show a figure over time",
    "baseline": "say which runs later ones are held against",
    "prune": "remove old runs from the history",
    "compare": "lay two runs, boards or firmware versions side by side",
    "export": "write a run in the formats of other programs",
    "completion": "print a script that completes this command in a shell",
}
"""Subcommand -> its line of help; its module is ``hil.cli.<subcommand>``."""


class CommandModule(Protocol):
    """What the module of a subcommand offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it; the exit status."""


class Parser(argparse.ArgumentParser):
    """A parser whose complaint ends with where to read on."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and leave."""
        self.exit(EXIT_USAGE, f"{self.prog}: {message}; see `{self.prog} --help`\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; bad input is one line on stderr and a non-zero exit."""
    words = sys.argv[1:] if argv is None else list(argv)
    name = next((word for word in words if not word.startswith("-")), "")
    args = make_parser([name]).parse_args(words)
    try:
        status = command_module(args.command).run(args)
        sys.stdout.flush()
    except HilError as error:
        print(f"hil: {error}", file=sys.stderr)
        return EXIT_FAILED
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status


def make_parser(loaded: Iterable[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser of the whole command; only ``loaded`` subcommands know their own options."""
    parser = Parser(
        prog="hil",
        description="Timing measurement on MicroPython boards. "
        "The measurements themselves run under pytest: `pytest --board=/dev/ttyUSB0`.",
    )
    parser.add_argument("--version", action="version", version=f"hil {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if name in loaded:
            command_module(name).add_arguments(command)
    return parser


def command_module(name: str) -> CommandModule:
    """The module of a subcommand, imported now."""
    return cast(CommandModule, importlib.import_module(f"hil.cli.{name}"))
