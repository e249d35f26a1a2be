"""``hil run``: the suite that comes with hil, on any board, in any folder.

Pytest measures, in this process's place: what stands in the current folder (``conftest.py``,
``pytest.ini``, ``tests``, a package ``hil``) is neither read nor imported, and of pytest's plugins
only those are loaded that the measurement needs. Behind ``--`` anything may be said to pytest.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hil.boards.backends.registry import parse_board
from hil.experiments.budget_files import default_budgets_path
from hil.model.errors import ConfigurationError
from hil.model.run_options import BOARD, BOARD_VARIABLE, GROUPS, RUN_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SETTINGS = "run.ini"
"""The file with pytest's settings, in the folder of the suite."""
_PLUGINS = ("hil", "metadata", "html", "xdist")
_PROGRAM_ENDINGS = (".py", ".mpy")
_EPILOG = """\
hil run                                the embedded board, a demonstration in two minutes
hil run /dev/ttyACM0                   a board
hil run /dev/ttyACM0 blink.py          a program of your own (or a folder with its libraries)
hil run a0 u0 --profile=nightly        several boards, one report
hil run sim --technique=thread -- -x   what stands behind -- is for pytest

Every option may be written as pytest has it, too: --hil-profile=nightly.
Exit status: 0 all well, 1 a figure out of its budget or worse than before, 8 the bench is broken,
9 both.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes: the options of the plugin, each with and without its prefix."""
    parser.set_defaults(passed_on=())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument(
        "what",
        nargs="*",
        metavar="BOARD|PROGRAM",
        help="boards (default: the variable HIL_BOARD, else sim), and one program of your own "
        "(a .py file or a folder) that is measured instead of the techniques",
    )
    groups = {name: parser.add_argument_group(name) for name in GROUPS}
    for option in RUN_OPTIONS:
        text = option.help.replace("%", "%%")
        action = "append" if option.several else "store"
        for name, shown in ((f"--{option.name}", text), (option.flag, argparse.SUPPRESS)):
            groups[option.group].add_argument(
                name, dest=option.ini, metavar=option.metavar, action=action, help=shown
            )


def run(args: argparse.Namespace) -> int:
    """Let pytest take this process's place."""
    words = [sys.executable, "-m", "pytest", *pytest_arguments(args)]
    environment = pytest_environment(os.environ)
    sys.stdout.flush()
    if os.name == "posix":
        os.execve(sys.executable, words, environment)
    return subprocess.run(words, env=environment, check=False).returncode


def pytest_arguments(args: argparse.Namespace) -> list[str]:
    """Pytest's arguments for what was asked for.

    Raises :class:`~hil.model.errors.ConfigurationError` for a word that is neither board nor
    program.
    """
    suite = default_budgets_path().parent
    boards, programs = _told_apart(args.what)
    given = {option.ini: getattr(args, option.ini) for option in RUN_OPTIONS}
    given[BOARD.ini] = [*boards, *(given[BOARD.ini] or ())]
    if not given[BOARD.ini] and not os.environ.get(BOARD_VARIABLE, "").strip():
        given[BOARD.ini] = ["sim"]
    if programs:
        if len(programs) > 1 or given["hil_agent"]:
            raise ConfigurationError(f"{programs[-1]}: one program at a time is measured")
        given["hil_agent"] = programs[0]
    given["hil_out"] = given["hil_out"] or "reports"
    plugins = [word for name in _PLUGINS for word in ("-p", name)]
    return [
        *plugins,
        *("-p", "no:cacheprovider", "--no-header"),
        *(f"--rootdir={suite}", f"--confcutdir={suite}", f"--config-file={suite / SETTINGS}"),
        *_written(given),
        *args.passed_on,
        str(suite),
    ]


def pytest_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what is meant for a suite of the user's own."""
    own = {
        name: value
        for name, value in environment.items()
        if name not in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")
    }
    # nothing is imported from the current folder, in no worker either
    return own | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONSAFEPATH": "1"}


def _told_apart(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The boards and the programs among ``words``."""
    boards: list[str] = []
    programs: list[str] = []
    for word in words:
        if word.endswith(_PROGRAM_ENDINGS):
            programs.append(word)
            continue
        try:
            parse_board(word)
        except ConfigurationError:
            if not Path(word).is_dir():
                raise ConfigurationError(
                    f"{word}: neither a board nor a program of yours (a .py file or a folder); "
                    "`hil boards` lists what is attached"
                ) from None
            programs.append(word)
        else:
            boards.append(word)
    return boards, programs


def _written(given: Mapping[str, str | list[str] | None]) -> Iterator[str]:
    for option in RUN_OPTIONS:
        value = given[option.ini]
        for text in value if isinstance(value, list) else [value] * (value is not None):
            yield f"{option.flag}={text}"
