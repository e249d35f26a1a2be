"""Secrets masked in what pytest tells of a run: tracebacks, local variables, output and logs.

Whoever writes a file or a line is told after this: the terminal, ``junit.xml``, the page, workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.model.secrets import KNOWN_SECRETS

if TYPE_CHECKING:
    import warnings
    from collections.abc import MutableMapping

_DEEPEST = 20


class MaskedReports:
    """Registered as a plugin where boards are measured."""

    def pytest_configure(self, config: pytest.Config) -> None:
        """What pytest-metadata has collected already, if it was configured before."""
        key = getattr(config.pluginmanager.getplugin("metadata"), "metadata_key", None)
        if key is not None and key in config.stash:
            self.pytest_metadata(config.stash[key])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test's outcome."""
        _mask(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """What came of a file that holds tests."""
        _mask(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excrepr: object) -> None:
        """A fault of pytest or of a plugin."""
        if KNOWN_SECRETS:
            _masked(excrepr)

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """A warning."""
        if KNOWN_SECRETS:
            said = str(warning_message.message)
            masked = KNOWN_SECRETS.masked(said)
            if masked != said:
                warning_message.message = warning_message.category(masked)

    @pytest.hookimpl(optionalhook=True, trylast=True)
    def pytest_metadata(self, metadata: MutableMapping[str, object]) -> None:
        """What pytest-metadata says of the run: a CI's addresses may have a token in them."""
        if KNOWN_SECRETS:
            for name in list(metadata):
                metadata[name] = _masked(metadata[name])


def _mask(report: pytest.TestReport | pytest.CollectReport) -> None:
    if KNOWN_SECRETS:
        for name in ("longrepr", "sections", "user_properties"):
            if hasattr(report, name):
                setattr(report, name, _masked(getattr(report, name)))


def _masked(value: object, depth: int = 0) -> object:
    """A text, or whatever holds texts: lists are made anew, pytest's own objects are changed."""
    if isinstance(value, str):
        return KNOWN_SECRETS.masked(value)
    if depth > _DEEPEST:
        return value
    if isinstance(value, list):
        return [_masked(item, depth + 1) for item in value]
    if type(value) is dict:
        return {key: _masked(item, depth + 1) for key, item in value.items()}
    if type(value) is tuple:
        return tuple(_masked(item, depth + 1) for item in value)
    if type(value).__module__.startswith("_pytest."):
        for name, inner in list(getattr(value, "__dict__", {}).items()):
            setattr(value, name, _masked(inner, depth + 1))
    return value
