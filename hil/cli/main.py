"""The ``hil`` command: a table of subcommands and the modules that they are in.

Only the module of the command that was asked for is imported, so that help and the other commands
start at once.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from hil import __version__
from hil.model.errors import HilError, brief
from hil.model.redaction import redacted_text
from hil.model.secrets import masked_traceback
from hil.report.terminal.standard_streams import (
    lasting_streams,
    reader_has_gone,
    reopen_closed_streams,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import NoReturn

EXIT_FAILED, EXIT_USAGE = 1, 2
EXIT_INTERNAL = 3
"""A fault of this program, or a file that nobody foresaw to be unreadable: no verdict at all."""
EXIT_INCOMPLETE = 8
"""It was done, but without stored captures that could not be read; each is named on stderr."""
_READER_GONE, _INTERRUPTED = 141, 130
TRACEBACK_VARIABLE = "HIL_TRACEBACK"
"""Set to anything, the traceback of an internal failure is printed."""


class CommandEntry(NamedTuple):
    """A row of :data:`COMMANDS`: a module, or ``MODULE:NAME`` of several in one, and its help."""

    where: str
    help: str
    passes_on: bool = False
    """Words behind ``--`` are for another program, those before it stand in any order, and each
    option has a value."""


COMMANDS: Mapping[str, CommandEntry] = {
    "run": CommandEntry(
        "hil.cli.run", "measure boards with the suite that comes with hil", passes_on=True
    ),
    "sim": CommandEntry("hil.cli.sim", "start the embedded board and print its port"),
    "boards": CommandEntry("hil.cli.boards", "list the attached boards and what they can do"),
    "doctor": CommandEntry("hil.cli.doctor", "say what is wrong with a board, and what mends it"),
    "live": CommandEntry("hil.cli.live", "watch a technique while it is measured"),
    "report": CommandEntry("hil.cli.report:REPORT", "make a run's report again from its captures"),
    "show": CommandEntry(
        "hil.cli.report:SHOW", "show a run's table and distributions in the terminal"
    ),
    "history": CommandEntry(
        "hil.cli.history:HISTORY", "list the runs that are kept, filtered; add one that is not"
    ),
    "fleet": CommandEntry(
        "hil.cli.fleet", "show a night over all boards: who is missing, failed, worse, stands out"
    ),
    "trend": CommandEntry("hil.cli.trend", "show a figure over time"),
    "baseline": CommandEntry(
        "hil.cli.history:BASELINE", "say which runs later ones are held against"
    ),
    "prune": CommandEntry("hil.cli.prune", "remove old runs: their folders, and from the history"),
    "notify": CommandEntry("hil.cli.notify", "tell a webhook or by mail what became of a run"),
    "compare": CommandEntry(
        "hil.cli.compare", "lay two runs, boards or firmware versions side by side"
    ),
    "export": CommandEntry("hil.cli.report:EXPORT", "write a run in the formats of other programs"),
    "verify": CommandEntry(
        "hil.cli.verify", "say whether a run's files and figures are what was stored"
    ),
    "lesson": CommandEntry(
        "hil.cli.lesson", "print a sheet for a class: a technique, an experiment, a question"
    ),
    "completion": CommandEntry(
        "hil.cli.completion", "print a script that completes this command in a shell"
    ),
}


class Command(Protocol):
    """What a subcommand offers: a module of its own, or a :class:`Subcommand` of one."""

    @property
    def add_arguments(self) -> Callable[[argparse.ArgumentParser], None]:
        """Declares the options."""

    @property
    def run(self) -> Callable[[argparse.Namespace], int]:
        """Does it; returns the exit status."""


class Subcommand(NamedTuple):
    """One of several commands in a module."""

    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """A parser whose complaint ends with where to read on."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and leave."""
        said = redacted_text(message)  # it may quote an address with a password
        self.exit(EXIT_USAGE, f"{self.prog}: {said}; see `{self.prog} --help`\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; bad input is one line on stderr and a non-zero exit.

    What fails that should not have is status 3, and one line too; a reader of the output that goes
    away changes no status.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    reopen_closed_streams()
    with lasting_streams() as output:
        status = _status(words)
        output.flush()
        failure = output.failure
        if failure is not None and not reader_has_gone(failure):
            print(f"hil: standard output could not be written: {failure}", file=sys.stderr)
            status = status or EXIT_FAILED
    return status


def _status(words: Sequence[str]) -> int:
    name = next((word for word in words if not word.startswith("-")), "")
    passed_on: list[str] = []
    if name in COMMANDS and COMMANDS[name].passes_on:
        end = words.index("--") if "--" in words else len(words)
        words, passed_on = _positional_first(words[:end]), words[end + 1 :]
    args = make_parser([name]).parse_args(words)
    if passed_on:
        args.passed_on = passed_on
    try:
        return load_command(args.command).run(args)
    except HilError as error:
        print(f"hil: {error}", file=sys.stderr)
        return EXIT_FAILED
    except BrokenPipeError:  # bytes for a program that has seen enough
        return _READER_GONE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OSError as error:
        print(f"hil: can't read or write: {brief(error)}", file=sys.stderr)
        return EXIT_INTERNAL
    except Exception as error:
        print(f"hil: internal failure: {brief(error)}; {_traceback(error)}", file=sys.stderr)
        return EXIT_INTERNAL


def _positional_first(words: Sequence[str]) -> list[str]:
    """Words of a command line with the options and their values behind the others.

    argparse takes arguments that stand apart for too many.
    """
    positional: list[str] = []
    options: list[str] = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            positional.append(word)
            continue
        options.append(word)
        if word.startswith("--") and "=" not in word and word not in ("--help", "--version"):
            options += [value for value in [next(rest, None)] if value is not None]
    return positional + options


def _traceback(error: Exception) -> str:
    """Print the traceback of an error if that is asked for; returns where it is."""
    if os.environ.get(TRACEBACK_VARIABLE):
        print(masked_traceback(error), end="", file=sys.stderr)
        return "its traceback is above"
    return f"{TRACEBACK_VARIABLE}=1 in the environment prints its traceback"


def make_parser(loaded: Iterable[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser of the whole command; only ``loaded`` subcommands know their own options."""
    parser = Parser(
        prog="hil",
        description="Timing measurement on MicroPython boards. `hil run` measures the embedded "
        "board, `hil run /dev/ttyUSB0` the one at that port.",
    )
    parser.add_argument("--version", action="version", version=f"hil {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, text, _) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if name in loaded:
            load_command(name).add_arguments(command)
    return parser


def load_command(name: str) -> Command:
    """A subcommand of the table, its module imported now."""
    module, _, attribute = COMMANDS[name].where.partition(":")
    loaded = importlib.import_module(module)
    return cast(Command, getattr(loaded, attribute) if attribute else loaded)
