"""``hil completion SHELL``: a script that completes this command, made from its parsers.

The script is static: completing starts no Python.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import shtab

from hil.cli.main import make_parser
from hil.report.exports.registry import EXPORTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

SHELLS = ("bash", "zsh", "fish")
_HOW = """\
bash: add `source <(hil completion bash)` to ~/.bashrc
zsh:  hil completion zsh > ~/.zfunc/_hil, a folder in fpath before compinit
fish: hil completion fish > ~/.config/fish/completions/hil.fish
"""
_FILES, _FOLDERS = ("FILE",), ("DIR", "FOLDER")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _HOW
    parser.add_argument("shell", choices=SHELLS, help="print the script of this shell")


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    sys.stdout.write(script(args.shell))
    return 0


def script(shell: str) -> str:
    """The script of ``shell``, which is one of :data:`SHELLS`."""
    parser = make_parser()
    for action in _actions(parser):
        if action.dest == "to":
            action.choices = [*EXPORTS, "all"]  # for completing only: it takes several at once
        if action.metavar in _FILES or action.dest == "board":
            action.complete = shtab.FILE
        if action.metavar in _FOLDERS or action.dest == "folder":
            action.complete = shtab.DIRECTORY
    return str(shtab.complete(parser, shell))


def _actions(parser: argparse.ArgumentParser) -> Iterator[Any]:
    """Every option and argument of a parser and of its subcommands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
