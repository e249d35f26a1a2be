"""What pytest loads by the entry point: it finds ``hil`` whatever else has that name.

``import hil`` would get a folder ``hil`` of the suite's own wherever that comes first on
``sys.path`` (``python -m pytest``, the ini key ``pythonpath``), and pytest would end there.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_PLUGIN, _FILE = "hil.pytest_plugin.plugin", ("hil", "pytest_plugin", "plugin.py")


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the plugin, unless it is already: this may be loaded in several ways."""
    if not pluginmanager.has_plugin(_PLUGIN):
        pluginmanager.register(_PLUGIN_MODULE, _PLUGIN)
    if not pluginmanager.has_plugin("hil"):  # by -p: so the entry point is not loaded as well
        pluginmanager.register(ModuleType("hil"), "hil")


def _load() -> ModuleType:
    """The plugin, loaded as ``hil.…``; nothing of it stays in ``sys.modules``."""
    places = [Path(__file__).parent, *map(Path, sys.path)]
    home = next(place for place in places if place.joinpath(*_FILE).is_file()) / "hil"
    others = {} if _is_at(home, sys.modules.get("hil")) else _take_out()
    found = PathFinder.find_spec("hil")
    try:
        if found is None or found.origin != str(home / "__init__.py"):
            _import_from(home)
        plugin = importlib.import_module(_PLUGIN)
        importlib.import_module("hil.pytest_plugin.own_name").OWN_NAME.set_aside()
    finally:
        sys.modules.update(others)
    return plugin


def _is_at(home: Path, package: ModuleType | None) -> bool:
    return package is not None and package.__file__ == str(home / "__init__.py")


def _import_from(home: Path) -> None:
    """Import this ``hil`` although ``sys.path`` leads to another one."""
    spec = spec_from_file_location(
        "hil", home / "__init__.py", submodule_search_locations=[str(home)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = sys.modules["hil"] = module_from_spec(spec)
    spec.loader.exec_module(package)


def _take_out() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name == "hil" or name.startswith("hil.")]
    return {name: sys.modules.pop(name) for name in names}


_PLUGIN_MODULE = _load()
