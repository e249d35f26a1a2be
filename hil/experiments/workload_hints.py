"""What the workloads of a capture know of an error in it, put into its text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.experiments.plan import CaptureJob
    from hil.model.errors import HilError

_ADVICE = re.compile(r"(?<='); |; expected ")
"""Where what happened ends, and advice or the received bytes begin."""


def tell_refusal(error: HilError, job: CaptureJob, left: str) -> None:
    """Say why a board does not take what goes to it; ``left`` is how the board was left."""
    told = (workload.refusal(error, job.files) for workload, _ in job.workloads)
    text = next(filter(None, told), str(error))
    error.args = (f"{text}{left}", *error.args[1:])


def tell_error(error: HilError, job: CaptureJob, left: str) -> str:
    """Say first what a workload knows of an error; returns the status for the capture's end.

    Beside a hint the error is shortened to what happened; the capture has all of it.
    """
    hints = [hint for workload, _ in job.workloads if (hint := workload.hint(error, job.plan))]
    whole = str(error)
    happened = _ADVICE.split(whole)[0] if hints else whole
    error.args = ("; ".join([*hints, f"{happened}{left}"]), *error.args[1:])
    return f"error: {'; '.join([*hints, whole])}{left}"
