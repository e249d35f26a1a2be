"""The name ``hil`` is left to the suite: another package of that name is not hidden by the plugin.

pytest loads the plugin into every run, and with it this package into ``sys.modules``, where it
would hide a folder ``hil`` of the suite's own. So the modules are taken out again before any
conftest is loaded, and whoever imports ``hil`` gets what ``sys.path`` says: these same modules, or
the other package. In a run that measures boards the submodules stay, since they are needed all the
time, and only the name of the package itself is left to the suite.

Nothing but the standard library is imported here.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

_NAME = "hil"
_HOME = Path(__file__).parents[1]
_NOT_FOR_RUNS = tuple(
    f"{_NAME}.{part}"
    for part in ("__main__", "cli", "device_agents", "history.migrations", "suite")
)


class OwnName(MetaPathFinder):
    """This package's modules while they are not in ``sys.modules``, and who else has its name."""

    def __init__(self) -> None:
        self._modules: dict[str, ModuleType] = {}
        self._others: dict[str, ModuleType] = {}
        self._other_path: str | None = None
        self._measuring = False

    @property
    def other(self) -> str | None:
        """The file or folder of the other package ``hil`` that this process met, if any."""
        package = sys.modules.get(_NAME)
        if package is None or _is_ours(package.__spec__):
            return self._other_path
        return self._other_path or _location_text(package.__spec__)

    def set_aside(self) -> None:
        """A run begins: these modules are in ``sys.modules`` again when ``hil`` is imported."""
        self._others, self._other_path, self._measuring = {}, None, False
        package = sys.modules.get(_NAME)
        if package is not None and _is_ours(package.__spec__):
            self._modules.update(_take_out())
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def take(self) -> None:
        """For a run that measures boards: this package's modules are in ``sys.modules``."""
        self._measuring = True
        package = sys.modules.get(_NAME)
        if package is not None and not _is_ours(package.__spec__):
            self._other_path = self._other_path or _location_text(package.__spec__)
            self._others = _take_out()
        for name, module in self._modules.items():
            sys.modules.setdefault(name, module)

    def offer(self) -> None:
        """Of what :meth:`take` took, leave the name ``hil`` itself to the suite."""
        if not self._measuring:
            return
        self._import_all(packages_only=not self._others)
        package = sys.modules.pop(_NAME, None)
        if package is not None and _is_ours(package.__spec__):
            self._modules[_NAME] = package
        for name, module in self._others.items():
            sys.modules.setdefault(name, module)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """What ``hil`` is by ``sys.path``: these modules again, or another package."""
        if fullname != _NAME or target is not None or _NAME not in self._modules:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                break
        else:
            return None
        if _is_ours(spec):
            again = ModuleSpec(_NAME, _Again(self._modules), origin=spec.origin, is_package=True)
            again.submodule_search_locations = [str(_HOME)]
            return again
        self._other_path = _location_text(spec)
        if self._measuring:
            sys.modules[_NAME] = self._modules[_NAME]
            self._import_all()
            del sys.modules[_NAME]
        return spec

    def _import_all(self, *, packages_only: bool = False) -> None:
        """Import what a run may need later, while ``hil`` still means this package.

        A module whose package is imported needs no ``hil`` in ``sys.modules`` when it is imported.
        """
        for path in sorted(_HOME.rglob("*.py")):
            parts = path.relative_to(_HOME).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            module = ".".join((_NAME, *(parts[:-1] if is_package else parts)))
            if module.startswith(_NOT_FOR_RUNS) or (packages_only and not is_package):
                continue
            with contextlib.suppress(Exception):  # who needs it is told
                importlib.import_module(module)


class _Again(Loader):
    """Puts modules that were loaded before back into ``sys.modules``."""

    def __init__(self, modules: dict[str, ModuleType]) -> None:
        self._modules = modules
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = self._modules[spec.name]
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec
        for name, ours in self._modules.items():
            sys.modules.setdefault(name, ours)


def _take_out() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name == _NAME or name.startswith(f"{_NAME}.")]
    return {name: sys.modules.pop(name) for name in names}


def _is_ours(spec: ModuleSpec | None) -> bool:
    if spec is None or spec.origin is None:
        return False
    with contextlib.suppress(OSError):
        return _HOME.joinpath("__init__.py").samefile(spec.origin)
    return False


def _location_text(spec: ModuleSpec | None) -> str:
    if spec is not None and spec.has_location and spec.origin is not None:
        return spec.origin
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    return folders[0] if folders else "another module"


OWN_NAME = OwnName()


def told_of_other(other: str, root: Path) -> str:
    """One line: what clashes, and what to do."""
    with contextlib.suppress(ValueError):
        other = str(Path(other).relative_to(root))
    return (
        f"hil: in this suite `import hil` is {other}, not the installed package hil; "
        "rename it if a test needs both"
    )
