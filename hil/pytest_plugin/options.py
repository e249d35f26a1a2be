"""The options, declared; and the boards that are asked for, also by ``--board``.

Every pytest run where the package is installed declares them, so no more of the package is imported
here. :mod:`hil.pytest_plugin.measuring` reads and checks them where boards are measured.

``--board`` is a word that others use too. So pytest's parser is told of ``--hil-board`` only, and a
``--board`` in the arguments becomes that when all plugins and the initial conftests are loaded and
none of them has declared it. No other option of that name ever meets ours, at whatever time it is
declared.
"""

from __future__ import annotations

import copy
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONG, SHORT = "--hil-board", "--board"
VARIABLE, INI = "HIL_BOARD", "hil_board"
HELP = (
    "board to measure: a port (/dev/ttyUSB0, COM5), auto, a0/u0/c0, id:SERIAL, "
    "sim[:knob=value,...], rfc2217://HOST:PORT, socket://HOST:PORT, replay:FOLDER; may be given "
    f"several times. {SHORT}=BOARD for short, where nothing else declares {SHORT}. Default: the "
    f"variable {VARIABLE}, the ini key {INI} (each may name several), or sim for hil_suite"
)
_NOT_DECLARED = object()
_TAKEN: pytest.StashKey[str] = pytest.StashKey()
_AGAIN: pytest.StashKey[list[str]] = pytest.StashKey()


def add_options(parser: pytest.Parser, *, late: bool = False) -> None:
    """Declare the options; each begins with ``--hil-``.

    ``late`` says that a conftest loads the plugin: :func:`shorten` is not going to be called then,
    and ``--board`` is declared where nobody has done so before.
    """
    add = parser.getgroup("hil", "timing measurement on MicroPython boards").addoption
    names = [LONG, SHORT] if late and not _declared(parser) else [LONG]
    add(*names, action="append", metavar="BOARD", dest="hil_board", help=HELP)
    add("--hil-profile", metavar="NAME", help="quick (default), nightly or soak")
    add("--hil-out", metavar="DIR", help="where runs land (default: reports/)")
    add("--hil-technique", metavar="NAME,...", help="only these techniques (default: all)")
    add("--hil-load", metavar="NAME,...", help="these loads (default: the profile's)")
    add("--hil-period-ms", metavar="N", help="period of the tasks in milliseconds")
    add(
        "--hil-duration-s",
        metavar="N",
        help="how long each case is measured, in all its windows; your own program: in each",
    )
    add("--hil-windows", metavar="N", help="in how many windows each case is measured (default: 3)")
    add("--hil-seed", metavar="N", help="of the order in which the windows are measured")
    add("--hil-budgets", metavar="FILE", help="budgets to judge by (TOML)")
    add(
        "--hil-undecided",
        metavar="fail|pass",
        help="whether a figure that its bounds leave undecided fails the run (default: pass)",
    )
    add(
        "--hil-agent",
        metavar="FILE|FOLDER",
        help="measure this program of your own: a file, or a folder with its main.py",
    )
    add("--hil-wiring", metavar="FILE", help="pins and jumpers of this board (TOML)")
    add(
        "--hil-edges",
        action="append",
        metavar="SOURCE",
        help="an instrument that sees the pins: a file that it records (FILE.vcd, .sr, .csv), "
        "sigrok:DRIVER[:CONNECTION], saleae:, board:PORT, sim or pico, each with "
        "?CHANNEL=LINE&... where needed; may be given several times",
    )
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
    add(
        "--hil-expect",
        action="append",
        metavar="BOARD,...",
        help="boards that have to answer, by name, port, id:SERIAL, unique id or machine, or @FILE "
        "with one a line; a missing one is exit status 8 (also the ini key hil_expect)",
    )
    parser.addini("hil_expect", "boards that have to answer, one a line", type="linelist")
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


def names_board(args: Sequence[str]) -> bool:
    """Whether a board stands among arguments that are not parsed yet, or in the environment."""
    options = (str(arg).partition("=")[0] for arg in args)
    return VARIABLE in os.environ or any(option in (LONG, SHORT) for option in options)


def asked_boards(config: pytest.Config) -> list[str]:
    """The boards that were asked for: on the command line, else by the variable, else in the ini.

    Empty where none was.
    """
    given = config.getoption(LONG, None)
    if given:
        return list(given)
    named = os.environ.get(VARIABLE, "").split()
    if named:
        return named
    written = config.getini(INI)
    return written.split() if isinstance(written, str) else [str(board) for board in written or ()]


def shorten(config: pytest.Config, parser: pytest.Parser, args: list[str]) -> None:
    """Let ``--board`` in ``args`` mean ``--hil-board``, unless it is declared by somebody else.

    To be called when the initial conftests are loaded: the documented moment to change ``args``.
    """
    end = args.index("--") if "--" in args else len(args)
    ours = [
        LONG + arg.removeprefix(SHORT) if arg == SHORT or arg.startswith(f"{SHORT}=") else arg
        for arg in args[:end]
    ]
    ours += args[end:]
    if ours != args and not _taken(config, parser):
        _load_conftests(config, parser, ours)
    if _taken(config, parser):
        config.stash[_TAKEN] = _owner(config)
    else:
        args[:] = ours


def short_form(config: pytest.Config) -> str:
    """The option as it can be given in this run."""
    return LONG if _TAKEN in config.stash else SHORT


def clash(config: pytest.Config) -> str | None:
    """One line if ``--board`` is somebody else's."""
    if _TAKEN not in config.stash:
        return None
    return f"hil: {SHORT} is declared by {config.stash[_TAKEN]}; boards for hil: {LONG}=BOARD"


def begin_again(config: pytest.Config, args: list[str]) -> bool:
    """Whether a port stands behind a bare ``--board`` or ``--hil-board``; then parse nothing more.

    Before pytest loads any plugin it looks for its settings beside the first path among its
    arguments, and with ``--board /dev/ttyUSB0`` that is ``/dev``. Such a run has to begin again,
    with ``--board=/dev/ttyUSB0``: see :func:`run_again`.
    """
    given = list(config.invocation_params.args)
    joined = list(_joined(given))
    if len(joined) == len(given):
        return False
    config.stash[_AGAIN] = joined
    config.known_args_namespace.noconftest = True
    args.clear()
    return True


def run_again(config: pytest.Config) -> int | None:
    """The outcome of the run that :func:`begin_again` found to be necessary."""
    args = config.stash.get(_AGAIN, None)
    if args is None:
        return None
    return int(pytest.main(args, list(config.invocation_params.plugins or ())))


def _load_conftests(config: pytest.Config, parser: pytest.Parser, args: list[str]) -> None:
    """Load the conftests of the folders that ``args`` name, where pytest read that differently.

    Behind an option that it did not know it took a board for a folder, or no folder for one.
    """
    try:
        folders = parser.parse_known_args(args, namespace=copy.copy(config.option)).file_or_dir
    except pytest.UsageError:  # pytest says it when it reads them for good
        return
    if folders != config.known_args_namespace.file_or_dir:
        config.known_args_namespace.file_or_dir = folders
        config.pytest_load_initial_conftests(early_config=config)


def _joined(args: Sequence[str]) -> Iterator[str]:
    args = [os.fspath(arg) for arg in args]
    end = args.index("--") if "--" in args else len(args)
    index = 0
    while index < len(args):
        pair = args[index : index + 2]
        if index + 1 < end and pair[0] in (LONG, SHORT) and _is_port(pair[1]):
            yield "=".join(pair)
            index += 2
        else:
            yield pair[0]
            index += 1


def _is_port(path: str) -> bool:
    try:
        return stat.S_ISCHR(os.stat(path).st_mode)  # noqa: PTH116  (a Path raises for some)
    except (OSError, ValueError):
        return False


def _taken(config: pytest.Config, parser: pytest.Parser) -> bool:
    """Whether anybody has declared ``--board``; older pytest tells only of options with a default.

    What pytest keeps of the others has no public name, so it may be absent.
    """
    return config.getoption(SHORT, _NOT_DECLARED) is not _NOT_DECLARED or _declared(parser)


def _declared(parser: pytest.Parser) -> bool:
    groups = [getattr(parser, "_anonymous", None), *getattr(parser, "_groups", ())]
    options = (option for group in groups for option in getattr(group, "options", ()))
    return any(SHORT in option.names() for option in options)


def _owner(config: pytest.Config) -> str:
    """Who declares ``--board``, as far as can be seen from outside."""
    for declaring in config.pluginmanager.hook.pytest_addoption.get_hookimpls():
        code = getattr(declaring.function, "__code__", None)
        if code is not None and SHORT in code.co_consts:
            name = declaring.plugin_name  # of a conftest its path
            return os.path.relpath(name) if Path(name).is_absolute() else name
    return "another plugin"
