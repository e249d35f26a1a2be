"""Device files found, checked for what they need, put in order and split into pieces.

The files under ``device_agents`` are real modules with real imports, so that linters and mpy-cross
see every name. On the board there are no modules: the harness executes the files one after the
other in the REPL's own namespace, dependencies first, without their imports of each other.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from hil.agents.minify import group, native, shrunk, statements
from hil.model.board import WHY_MISSING
from hil.model.errors import CapabilityMissing, ConfigurationError
from hil.model.known_names import unknown_name
from hil.model.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PIECE_BYTES = 600
PROGRAMS: Mapping[str, str] = {"calibrate": "lib/calibrate.py"}
"""Programs of the harness itself that run like a technique, beside those of workloads: name ->
file."""
ALWAYS = ("lib/job.py",)
NATIVE: Mapping[str, str] = {"lib/recorder.py": "_hil_stamper"}
"""What becomes machine code on boards that can compile it (``native``): file -> function."""
REPLACEMENTS = ("lib/frames_fast.py", "lib/recorder_virtual.py")
"""What replaces parts of the library, in this order, on boards that have what it needs."""
OTHER_FORMS: Mapping[str, tuple[str, ...]] = {
    "lib/pyb_timers.py": ("lib/timers.py",),
    "lib/response.py": ("lib/event_chain.py", "workloads/sync_pattern.py"),
}
"""What goes behind the other files where all of these are among them: another form of a part."""
FOLDERS = ("board", "lib", "loads", "staged", "techniques", "witness", "workloads")
"""Where device files are; each may import from all."""
ENTRY = "hil_main"
_RUN, _LOAD, _AFTER, _BEFORE = "run", "load_start", "after", "before"
_HEADER = "# hil:"
_STANDALONE = ("schedule_plan", "schedule_store")
"""Parts of libraries that are also installed by themselves: imported by their plain names."""


def agents_folder() -> Path:
    """Where the device files are: inside an installed package, beside it in a checkout.

    Raises :class:`~hil.model.errors.ConfigurationError` if they are in neither.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "device_agents", package.parent / "device_agents"):
        if (folder / "lib").is_dir():
            return folder
    raise ConfigurationError(
        f"the device files are missing beside {package}; install the package again"
    )


def technique_names() -> tuple[str, ...]:
    """The techniques that have a file, in alphabetical order."""
    return _stems("techniques")


def load_names() -> tuple[str, ...]:
    """The background loads that have a file, in alphabetical order."""
    return _stems("loads")


def needed_capabilities(technique: str, load: str = "idle") -> tuple[str, ...]:
    """The capability words that a technique (or a program of the harness) and a load ask for.

    Raises :class:`~hil.model.errors.ConfigurationError` for an unknown name.
    """
    words = (*file_needs(_technique_path(technique)), *file_needs(_load_path(load)))
    return tuple(dict.fromkeys(words))


def explain_missing(words: Iterable[str], why: Mapping[str, str] = WHY_MISSING) -> str:
    """Why a board that lacks ``words`` can't run something, for a person to act on."""
    return "; ".join(why.get(word, f"it lacks {word}") for word in words)


def require_capabilities(
    technique: str,
    load: str,
    capabilities: Iterable[str],
    why: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Raise :class:`~hil.model.errors.CapabilityMissing` with every reason why this can't run.

    ``why`` says of capability words what is known beyond :data:`WHY_MISSING`.
    """
    have = set(capabilities)
    missing = [word for word in needed_capabilities(technique, load) if word not in have]
    if missing:
        raise CapabilityMissing(explain_missing(missing, {**WHY_MISSING, **why}))


def sources(
    technique: str,
    load: str = "idle",
    capabilities: Iterable[str] = (),
    *,
    after: Iterable[str] = (),
    piece_bytes: int = PIECE_BYTES,
) -> list[tuple[str, list[str]]]:
    """The files to execute on the board in this order: ``(name, pieces)``, dependencies first.

    With ``capabilities`` the parts in machine code that such a board can run are among them.
    ``after`` are the files of workloads that follow the window, beside the same load; such a file
    may have a function ``before(job)`` too.

    Every piece is whole top-level statements of at most ``piece_bytes`` characters, unless a single
    statement is longer. Errors as for :func:`needed_capabilities`.
    """
    entries = {_technique_path(technique): _RUN, _load_path(load): _LOAD}
    entries |= dict.fromkeys(after, _AFTER)
    have = set(capabilities)
    better = [path for path in REPLACEMENTS if have.issuperset(file_needs(path))]
    bundle = [
        (path, pieces(path, piece_bytes=piece_bytes, in_native="native" in have))
        for path in _with_dependencies([*better, *ALWAYS, *entries])
    ]
    names = {path for path, _ in bundle}
    others = [path for path, parts in OTHER_FORMS.items() if names.issuperset(parts)]
    bundle += [
        (path, pieces(path, piece_bytes=piece_bytes))
        for path in others
        if have.issuperset(file_needs(path))
    ]
    # every technique calls itself run: keep it under a name of its own, to be called later
    for path, file_pieces in bundle:
        if path in entries:
            file_pieces.append(f"{_alias(path)}={entries[path]}")
            if _has_before(path):
                file_pieces.append(f"{_alias(path)}_{_BEFORE}={_BEFORE}")
    return bundle


def library(*paths: str, piece_bytes: int = PIECE_BYTES) -> list[tuple[str, list[str]]]:
    """Like :func:`sources` for single files, such as ``lib/clock.py`` or ``board/probe.py``."""
    return [(path, pieces(path, piece_bytes=piece_bytes)) for path in _with_dependencies(paths)]


def start_code(config: Mapping[str, object], after: Iterable[str] = ()) -> str:
    """The statement that runs a bundle of :func:`sources` executed before.

    ``config`` names the technique and the load and reaches the agent as a literal; the files
    ``after`` follow the window in this order. Those of them that have a function ``before`` are
    called when the capture is prepared, before the load is started. Raises
    :class:`~hil.model.errors.ConfigurationError` for a value that can't be written as one.
    """
    items = ",".join(f"{key!r}:{_literal(key, value)}" for key, value in config.items())
    run = _alias(_technique_path(str(config["technique"])))
    load = _alias(_load_path(str(config.get("load", "idle"))))
    after = tuple(after)
    begun = "".join(f"{_alias(path)}_{_BEFORE}(job)," for path in after if _has_before(path))
    if begun:
        load = f"lambda job:({begun}{load}(job))[-1]"
    programs = "".join(_alias(path) + "," for path in after)
    return f"{ENTRY}({run},{{{items}}},{load}{f',({programs})' if programs else ''})"


@cache
def _has_before(path: str) -> bool:
    """Whether a device file has something to do before the window."""
    tree = ast.parse(_read(path))
    return any(isinstance(node, ast.FunctionDef) and node.name == _BEFORE for node in tree.body)


@cache
def _read(path: str) -> str:
    return (agents_folder() / path).read_text(encoding="ascii")


def pieces(path: str, *, piece_bytes: int = PIECE_BYTES, in_native: bool = False) -> list[str]:
    """One device file, shrunk and split into pieces as :func:`sources` says.

    ``in_native``: with what :data:`NATIVE` names of it as machine code.
    """
    return group(_shrunk(path, NATIVE.get(path) if in_native else None), piece_bytes)


@cache
def _shrunk(path: str, in_native: str | None) -> tuple[str, ...]:
    source = native(_read(path), in_native) if in_native else _read(path)
    return tuple(shrunk(statements(source, leave_out=_own_import)))


def parts(paths: Iterable[str], swap: Mapping[str, str]) -> list[tuple[str, list[ast.stmt]]]:
    """``paths`` and what they import, dependencies first: (file, its statements as shrunk).

    ``swap`` names files that another one takes the place of.
    """
    return [
        (path, statements(_read(path), leave_out=_own_import))
        for path in _with_dependencies(paths, swap)
    ]


def literal(config: Mapping[str, object]) -> str:
    """``config`` as code for a board; errors as for :func:`start_code`."""
    return "{" + ",".join(f"{key!r}:{_literal(key, value)}" for key, value in config.items()) + "}"


def entry_files(technique: str, load: str) -> tuple[str, str]:
    """The files of a technique (or program of the harness) and a load.

    Errors as for :func:`needed_capabilities`.
    """
    return _technique_path(technique), _load_path(load)


def size_bytes(path: str) -> int:
    """What a device file weighs on its way to the board, in bytes."""
    return sum(len(piece) + 1 for piece in pieces(path))


def _stems(folder: str) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in (agents_folder() / folder).glob("*.py")))


def _technique_path(name: str) -> str:
    if name in PROGRAMS:
        return PROGRAMS[name]
    if name in _stems("workloads"):
        return f"workloads/{name}.py"
    return _known("technique", name, technique_names())


def _load_path(name: str) -> str:
    return _known("load", name, load_names())


def _known(kind: str, name: str, names: tuple[str, ...]) -> str:
    if name not in names:
        raise ConfigurationError(unknown_name(kind, name, names))
    return f"{kind}s/{name}.py"


def _alias(path: str) -> str:
    return f"hil_{path.removesuffix('.py').replace('/', '_')}"


def file_needs(path: str) -> tuple[str, ...]:
    """The capability words in the first line of a device file."""
    first = _read(path).partition("\n")[0]
    if not first.startswith(_HEADER):
        raise ConfigurationError(f"{path}: the first line must be '{_HEADER} needs=...'")
    key, _, words = first[len(_HEADER) :].strip().partition("=")
    if key != "needs":
        raise ConfigurationError(f"{path}: unknown key {key!r} in the first line")
    return tuple(word for word in words.split(",") if word)


def _with_dependencies(
    paths: Iterable[str], swap: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    ordered: list[str] = []

    def visit(path: str, above: tuple[str, ...]) -> None:
        path = swap.get(path, path)
        if path in above:
            raise ConfigurationError(f"{path}: imports itself through {', '.join(above)}")
        if path not in ordered:
            for needed in _own_imports(path):
                visit(needed, (*above, path))
            ordered.append(path)

    for path in paths:
        visit(path, ())
    return ordered


@cache
def _own_imports(path: str) -> tuple[str, ...]:
    imports = []
    for node in ast.walk(ast.parse(_read(path))):
        if isinstance(node, ast.ImportFrom) and _own_import(node):
            module = node.module or ""
            imports.append(
                f"{'lib/' if module in _STANDALONE else ''}{module.replace('.', '/')}.py"
            )
    return tuple(imports)


def _own_import(node: ast.AST) -> bool:
    if not isinstance(node, ast.ImportFrom) or node.module is None:
        return False
    return node.module in _STANDALONE or node.module.split(".")[0] in FOLDERS


def _literal(key: str, value: object) -> str:
    if isinstance(value, Secret):
        value = value.reveal()
    if value is None or (isinstance(value, str) and value.isascii()) or type(value) is int:
        return repr(value)
    if isinstance(value, tuple | list):
        return f"({''.join(_literal(key, item) + ',' for item in value)})"
    raise ConfigurationError(f"option {key}={value!r} can't be sent to a board")
