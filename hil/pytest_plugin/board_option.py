"""Which boards are asked for: ``--hil-board``, its short form ``--board``, and the defaults.

``--board`` is a word that others use too. So pytest's parser is told of ``--hil-board`` only, and a
``--board`` in the arguments becomes that when all plugins and the initial conftests are loaded and
none of them has declared it. No other option of that name ever meets ours, at whatever time it is
declared.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

LONG, SHORT = "--hil-board", "--board"
VARIABLE, INI = "HIL_BOARD", "hil_board"
HELP = (
    "board to measure: a port (/dev/ttyUSB0, COM5), auto, a0/u0/c0, id:SERIAL, "
    "sim[:knob=value,...], rfc2217://HOST:PORT, socket://HOST:PORT, replay:FOLDER; may be given "
    f"several times. {SHORT}=BOARD for short, where nothing else declares {SHORT}. Default: the "
    f"variable {VARIABLE}, the ini key {INI} (each may name several), or sim for hil_suite"
)
_ABSENT = object()
_TAKEN: pytest.StashKey[str] = pytest.StashKey()
_AGAIN: pytest.StashKey[list[str]] = pytest.StashKey()


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
    return written.split() if isinstance(written, str) else [str(one) for one in written or ()]


def shorten(config: pytest.Config, args: list[str]) -> None:
    """Let ``--board`` in ``args`` mean ``--hil-board``, unless it is declared by somebody else.

    To be called when the initial conftests are loaded: the documented moment to change ``args``.
    """
    words = [index for index, arg in _options(args) if arg == SHORT]
    if words and not _taken(config):
        # what stands behind it was taken for a folder of tests: load what is loaded without it
        values = [args[index + 1] for index in words if index + 1 < len(args)]
        known = config.known_args_namespace
        known.file_or_dir = [one for one in known.file_or_dir if one not in values]
        config.pytest_load_initial_conftests(early_config=config)
    if _taken(config):
        config.stash[_TAKEN] = _owner(config)
        return
    for index, arg in _options(args):
        if arg == SHORT or arg.startswith(f"{SHORT}="):
            args[index] = LONG + arg.removeprefix(SHORT)


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


def _options(args: Sequence[str]) -> Iterator[tuple[int, str]]:
    for index, arg in enumerate(args):
        if arg == "--":
            return
        yield index, arg


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


def _taken(config: pytest.Config) -> bool:
    return config.getoption(SHORT, _ABSENT) is not _ABSENT


def _owner(config: pytest.Config) -> str:
    """Who declares ``--board``, as far as can be seen from outside."""
    for declaring in config.pluginmanager.hook.pytest_addoption.get_hookimpls():
        code = getattr(declaring.function, "__code__", None)
        if code is not None and SHORT in code.co_consts:
            name = declaring.plugin_name  # of a conftest its path
            return os.path.relpath(name) if Path(name).is_absolute() else name
    return "another plugin"
