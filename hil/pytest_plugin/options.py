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
from typing import TYPE_CHECKING, Literal

import pytest

from hil.model.run_options import BOARD, BY_FLAG, RUN_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

LONG, SHORT = BOARD.flag, "--board"
_DEFAULT = (
    f"Default: the variable {BOARD.variable}, the ini key {BOARD.ini} (each may name several), or "
    "sim for hil_suite"
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
    for option in RUN_OPTIONS:
        names, text = [option.flag], option.help
        if option is BOARD:
            names += [SHORT] if late and not _declared(parser) else []
            text += f". {SHORT}=BOARD for short, where nothing else declares {SHORT}. {_DEFAULT}"
        if option.several:
            add(*names, action="append", metavar=option.metavar, dest=option.ini, help=text)
        else:
            add(*names, metavar=option.metavar, help=text)
        text = f"{option.flag} where it is not given"
        if option.several:
            kind: Literal["args", "linelist"] = "linelist" if option.lines else "args"
            parser.addini(option.ini, text, type=kind, default=[])
        else:
            parser.addini(option.ini, text, type="string", default=None)
    parser.addini(
        "hil_suite",
        "folders whose tests measure boards: running them without a board uses the embedded one",
        type="paths",
        default=[],
    )


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
    return BOARD.variable in os.environ or any(option in (LONG, SHORT) for option in options)


def asked_boards(config: pytest.Config) -> list[str]:
    """The boards that were asked for: on the command line, else by the variable, else in the ini.

    Empty where none was.
    """
    written = option_value(config, LONG)
    return written.split() if isinstance(written, str) else [str(board) for board in written or ()]


def option_value(config: pytest.Config, flag: str) -> Any:
    """What a run's option says: on the command line, else its variable, else the ini file.

    ``None`` where none of them does. A path in the ini file is relative to that file's folder.
    """
    option = BY_FLAG[flag]
    given = config.getoption(flag, None)
    if given if option.several else given is not None:
        return list(given) if option.several else given
    named = os.environ.get(option.variable, "") if option.variable else ""
    if named.strip():
        return named.split() if option.several else named
    written = config.getini(option.ini)
    if not written or not isinstance(written, str) or not option.path or _is_no_path(written):
        return written or None
    return str((config.inipath or config.rootpath / "ini").parent / written)


def _is_no_path(text: str) -> bool:
    """Whether a text that may be a file's name is an address, or says that there is no file."""
    return "://" in text or text == "none"


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
