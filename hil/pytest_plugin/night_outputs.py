"""What a bench wants after a run beside its folder: a message, and metrics for Prometheus.

Neither changes the exit status. What can't be sent or written is told in the terminal.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hil.model.errors import ConfigurationError, HilError, brief
from hil.model.known_names import unknown_name
from hil.model.verdicts import run_verdict
from hil.pytest_plugin.options import option_value
from hil.recording.atomic_file import write_text_atomically
from hil.report.exports.openmetrics import NightOutcome, openmetrics_text
from hil.report.notifications.message import NightMessage, harmless, night_message
from hil.report.notifications.sending import send_all
from hil.report.notifications.targets import parse_targets, report_link
from hil.report.notifications.told import keep_told

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from hil.model.results import Comparison, Results
    from hil.report.notifications.targets import Target

PROBLEMS, ALWAYS = "problems", "always"


@dataclass(frozen=True, slots=True)
class NightOutputs:
    """The targets of messages, when they are sent, and the file of metrics, ``None`` for none."""

    targets: tuple[Target, ...] = ()
    when: str = PROBLEMS
    openmetrics: Path | None = None

    def settle(
        self,
        folder: Path,
        results: Results,
        comparison: Comparison | None,
        status: int,
        failures: Sequence[str] = (),
    ) -> list[str]:
        """Write and send what was asked for; the lines that say what came of it. Never raises."""
        lines = []
        if self.openmetrics is not None:
            lines.append(self._write(self.openmetrics, results, comparison, status))
        if self.targets and (status or self.when == ALWAYS):
            lines += self._tell(folder, results, comparison, status, failures)
        return lines

    def tell_no_run(self, status: int, reason: str) -> None:
        """A run that could not begin has no report to be told in: say so to the targets alone."""
        if not self.targets:
            return
        _say(self._sent(NightMessage(status=status, errors=(harmless(reason),))))

    def _write(
        self, path: Path, results: Results, comparison: Comparison | None, status: int
    ) -> str:
        worse = None
        if comparison is not None:
            worse = sum(change.trend == "worse" for change in comparison.changes)
        try:
            text = openmetrics_text(results, NightOutcome(status, worse))
            write_text_atomically(path, text)
        except HilError as error:
            return f"metrics: not written: {error}".replace("--hil-out", "--hil-openmetrics")
        except Exception as error:
            return f"metrics: not written: internal error, {brief(error)}"
        return f"metrics: {path}"

    def _tell(
        self,
        folder: Path,
        results: Results,
        comparison: Comparison | None,
        status: int,
        failures: Sequence[str],
    ) -> list[str]:
        try:
            message = night_message(
                *(results, run_verdict(results), comparison),
                status=status,
                report=report_link(folder.name, str(folder / "report.html"), os.environ),
                failures=failures,
            )
            lines = self._sent(message)
            keep_told(folder, status, lines)
        except Exception as error:
            return [f"notify: internal error, {brief(error)}"]
        return lines

    def _sent(self, message: NightMessage) -> list[str]:
        return [f"notify: {line}" for line in send_all(message, self.targets)]


NO_OUTPUTS = NightOutputs()


def read_night_outputs(config: pytest.Config) -> NightOutputs:
    """The options, checked before anything is measured.

    Raises :class:`~hil.model.errors.ConfigurationError` in one line.
    """
    when = option_value(config, "--hil-notify-when") or PROBLEMS
    if when not in (PROBLEMS, ALWAYS):
        choice = unknown_name("choice", when, (PROBLEMS, ALWAYS))
        raise ConfigurationError(f"--hil-notify-when: {choice}")
    file = option_value(config, "--hil-openmetrics")
    path = Path(file) if file else None
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        raise ConfigurationError(f"--hil-openmetrics={path}: give a file in a folder that is there")
    targets = parse_targets(option_value(config, "--hil-notify") or (), os.environ)
    return NightOutputs(targets, when, path)


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        print(f"hil: {line}", file=sys.stderr)
