"""The page and ``junit.xml`` of a run: pytest's plugins write them, or this where one is off."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from hil.model.errors import HilError
from hil.recording.atomic_file import replaced_file, write_text_atomically
from hil.report.exports.junit import junit_text
from hil.report.page.template_environment import style_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from hil.model.captures import Capture
    from hil.model.results import Comparison, Results
    from hil.recording.run_folder import RunFolder

_HOST_NAME = re.compile(rb"(<testsuite\b[^>]*?) hostname=\"[^\"]*\"")


class RunFiles:
    """Where the page and ``junit.xml`` go, and which of them pytest's plugins leave to us.

    pytest-html needs pytest-metadata, and fails in its own hooks where that is switched off. Both
    writers take ``$NAME`` and ``~`` in a path for something else than a folder's name.
    """

    def __init__(self, config: pytest.Config, folder: RunFolder) -> None:
        option, manager = config.option, config.pluginmanager
        self._junit = folder.junit
        known = _is_plain(folder.junit)
        asked_junit: str | None = getattr(option, "xmlpath", None)
        self._own_junit = not hasattr(option, "xmlpath") or not (asked_junit or known)
        if not self._own_junit:
            option.xmlpath = asked_junit or str(folder.junit)
        self._elsewhere = bool(asked_junit)
        asked: str | None = getattr(option, "htmlpath", None)
        self.page = _expanded(asked) if asked else folder.report
        self._own_page = not (
            hasattr(option, "htmlpath")
            and manager.hasplugin("metadata")
            and (asked or known)
            and _is_plain(style_path())
        )
        if not self._own_page:
            option.htmlpath = asked or str(folder.report)
            option.self_contained_html = True
            option.css = [*getattr(option, "css", ()), str(style_path())]
        elif asked:
            option.htmlpath = None  # pytest-html is not to begin

    @property
    def notes(self) -> list[str]:
        """What the reader may miss in a file of our own."""
        page = "pytest-html did not write the page (it or pytest-metadata is off): no list of tests"
        junit = "pytest's junitxml did not write junit.xml (it is off): it has figures, no tests"
        return [page] * self._own_page + [junit] * self._own_junit

    def write_missing(
        self, results: Results, captures: Sequence[Capture], comparison: Comparison | None
    ) -> None:
        """Write what no plugin of pytest writes, or failed to.

        Raises :class:`~hil.model.errors.ConfigurationError` if it can't.
        """
        if self._own_page or not _has_text(self.page):
            from hil.report.page.page import write_page

            with contextlib.suppress(OSError):  # the writing below tells
                self.page.parent.mkdir(parents=True, exist_ok=True)
            write_page(self.page, results, captures, comparison)
        if self._own_junit or not (self._elsewhere or _has_text(self._junit)):
            write_text_atomically(self._junit, junit_text(results))

    def leave_out_host(self) -> None:
        """Take the name of this computer out of ``junit.xml``, where pytest puts it."""
        with contextlib.suppress(OSError, HilError):
            raw = self._junit.read_bytes()
            with replaced_file(self._junit) as temporary:
                temporary.write_bytes(_HOST_NAME.sub(rb"\1", raw, count=100))


def _has_text(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _is_plain(path: Path) -> bool:
    """Whether a path means itself to who expands variables and home folders in it."""
    text = str(path)
    return os.path.expandvars(text) == text and not text.startswith("~")


def _expanded(path: str) -> Path:
    return Path(os.path.expanduser(os.path.expandvars(path)))  # noqa: PTH111  (a Path raises)
