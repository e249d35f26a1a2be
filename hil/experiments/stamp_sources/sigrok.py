"""``sigrok:DRIVER[:CONNECTION]``: an analyser read through Debian's ``sigrok-cli``.

The program samples from before a window until behind it; its raw samples are turned to edges as
they come. Where nobody takes them any more it ends, so that it never outlives this process.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from hil.experiments.stamp_sources.sigrok_program import PROGRAM, Analyser, ask
from hil.model.edge_sources import EDGE_OPTION, map_channels
from hil.model.errors import ConfigurationError

if TYPE_CHECKING:
    from hil.experiments.plan import CaptureJob
    from hil.experiments.workload import MeasuredBoard
    from hil.model.edge_sources import EdgeSourceSpec
    from hil.recording.interfaces import StampSource

DEFAULT_RATE_HZ = 4_000_000
"""Where ``?rate=`` says nothing: what an analyser on USB 2 keeps up for hours."""
_PROBE_SAMPLES = 1000
_CHANNELS = re.compile(r"^\S+ .*\bwith \d+ channels?: (.+)$", re.MULTILINE)


class SigrokInstrument:
    """See :class:`~hil.experiments.edge_instruments.EdgeInstrument`."""

    def __init__(self, analyser: Analyser) -> None:
        self.name = analyser.name
        self._analyser = analyser

    def source(self, board: MeasuredBoard, job: CaptureJob) -> StampSource:  # noqa: ARG002
        """What samples one window."""
        from hil.experiments.stamp_sources.sigrok_sampler import SigrokSource

        return SigrokSource(self._analyser)

    def close(self) -> None:
        """Nothing runs between windows."""


def open_sigrok(spec: EdgeSourceSpec, board: MeasuredBoard) -> SigrokInstrument:
    """Find the analyser and its channels, and sample for a moment.

    Raises :class:`~hil.model.errors.ConfigurationError` in one line: without ``sigrok-cli``,
    without the analyser, and for channels and rates that it does not have.
    """
    what = f"{EDGE_OPTION}={spec.text}"
    program = shutil.which(PROGRAM)
    if program is None:
        raise ConfigurationError(
            f"{what}: {PROGRAM} is not installed; sudo apt-get install {PROGRAM}"
        )
    driver, _, connection = spec.target.partition(":")
    device = f"{driver}:conn={connection}" if connection else driver
    shown = ask(what, [program, "--driver", device, "--show"]).decode("utf-8", "replace")
    match = _CHANNELS.search(shown)
    if match is None:
        raise ConfigurationError(
            f"{what}: no such analyser; is it plugged in, and may you use it? "
            f"(`{PROGRAM} --driver {device} --scan` lists what is there)"
        )
    channels = match[1].split()
    lines = map_channels(what, channels, spec.lines, board.wiring.edges)
    rate_hz = round(spec.rate_hz or DEFAULT_RATE_HZ)
    command = [
        *(program, "--driver", device, "--config", f"samplerate={rate_hz}"),
        # all up to the last that is needed: with gaps the demo driver mixes them up
        *("--channels", ",".join(channels[: max(lines) + 1])),
        *("--output-format", "binary"),
    ]
    raw = ask(what, [*command, "--samples", str(_PROBE_SAMPLES)])
    unit_bytes = len(raw) // _PROBE_SAMPLES
    if not unit_bytes or len(raw) % _PROBE_SAMPLES or max(lines) >= 8 * unit_bytes:
        raise ConfigurationError(
            f"{what}: asked for {_PROBE_SAMPLES} samples of {len(lines)} logic channels at "
            f"{rate_hz} Hz, {PROGRAM} gave {len(raw)} bytes; choose another rate, as in ?rate=1M"
        )
    return SigrokInstrument(Analyser(spec.name, command, lines, unit_bytes, rate_hz))
