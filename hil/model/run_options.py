"""The options of a run: pytest's ``--hil-NAME``, the ini key ``hil_NAME``, those of ``hil run``.

Every pytest run where the package is installed loads this: nothing but the standard library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "--hil-"
BOARD_VARIABLE, HISTORY_VARIABLE = "HIL_BOARD", "HIL_HISTORY"
NOTIFY_VARIABLE = "HIL_NOTIFY"
OptionGroup = Literal["what is measured", "how", "what is good enough", "what is kept"]
GROUPS: tuple[OptionGroup, ...] = (
    "what is measured",
    "how",
    "what is good enough",
    "what is kept",
)


@dataclass(frozen=True, slots=True)
class RunOption:
    """One option of a run.

    ``several``: it may be given several times, and its ini key has several values, one a line
    where they may have spaces (``lines``). ``path``: what
    it names is a file or folder; in an ini file it is relative to that file's folder.
    ``variable`` is the environment's variable that stands between the command line and the ini
    file.
    """

    name: str
    metavar: str
    group: OptionGroup
    help: str
    several: bool = False
    lines: bool = False
    path: bool = False
    variable: str = ""

    @property
    def flag(self) -> str:
        """As pytest has it: ``--hil-period-ms``."""
        return PREFIX + self.name

    @property
    def ini(self) -> str:
        """The ini key: ``hil_period_ms``."""
        return f"hil_{self.name.replace('-', '_')}"


BOARD = RunOption(
    "board",
    "BOARD",
    "what is measured",
    "board to measure: a port (/dev/ttyUSB0, COM5), auto, a0/u0/c0, id:SERIAL, "
    "sim[:knob=value,...], rfc2217://HOST:PORT, socket://HOST:PORT, replay:FOLDER; may be given "
    "several times",
    several=True,
    variable=BOARD_VARIABLE,
)
RUN_OPTIONS: tuple[RunOption, ...] = (
    BOARD,
    RunOption(
        "technique",
        "NAME,...",
        "what is measured",
        "only these techniques (default: all)",
    ),
    RunOption("load", "NAME,...", "what is measured", "these loads (default: the profile's)"),
    RunOption(
        "agent",
        "FILE|FOLDER",
        "what is measured",
        "measure this program of your own: a file, or a folder with its main.py",
        path=True,
    ),
    RunOption(
        "wiring", "FILE", "what is measured", "pins and jumpers of this board (TOML)", path=True
    ),
    RunOption(
        "edges",
        "SOURCE",
        "what is measured",
        "an instrument that sees the pins: a file that it records (FILE.vcd, .sr, .csv), "
        "sigrok:DRIVER[:CONNECTION], saleae:, board:PORT, sim or pico, each with "
        "?CHANNEL=LINE&... where needed; may be given several times",
        several=True,
    ),
    RunOption(
        "faults",
        "SPEC",
        "what is measured",
        "faults on the link: drop=0.001,lost_at=5000,seed=7",
    ),
    RunOption("profile", "NAME", "how", "quick (default), nightly or soak"),
    RunOption("period-ms", "N", "how", "period of the tasks in milliseconds"),
    RunOption(
        "duration-s",
        "N",
        "how",
        "how long each case is measured, in all its windows; your own program: in each",
    ),
    RunOption("windows", "N", "how", "in how many windows each case is measured (default: 3)"),
    RunOption("seed", "N", "how", "of the order in which the windows are measured"),
    RunOption("budgets", "FILE", "what is good enough", "budgets to judge by (TOML)", path=True),
    RunOption(
        "undecided",
        "fail|pass",
        "what is good enough",
        "whether a figure that its bounds leave undecided fails the run (default: pass)",
    ),
    RunOption(
        "compare",
        "RUN",
        "what is good enough",
        "fail if a figure has become worse than in the last runs (last), in the baseline "
        "(baseline), or in one run (its id or folder)",
    ),
    RunOption(
        "expect",
        "BOARD,...",
        "what is good enough",
        "boards that have to answer, by name, port, id:SERIAL, unique id or machine, or @FILE "
        "with one a line; a missing one is exit status 8",
        several=True,
        lines=True,
    ),
    RunOption("out", "DIR", "what is kept", "where runs land (default: reports/)", path=True),
    RunOption(
        "history",
        "URL",
        "what is kept",
        "where every run is kept: postgresql://…, a file, or none (default: history.db in "
        f"--hil-out; also the variable {HISTORY_VARIABLE})",
        path=True,
        variable=HISTORY_VARIABLE,
    ),
    RunOption(
        "notify",
        "URL",
        "what is kept",
        "tell https://… (a webhook) or mailto:NAME@HOST what became of the run; may be given "
        f"several times (better: {NOTIFY_VARIABLE}, for a webhook's address is a secret)",
        several=True,
        variable=NOTIFY_VARIABLE,
    ),
    RunOption(
        "notify-when",
        "problems|always",
        "what is kept",
        "which runs are told: those with another exit status than 0 (default), or all",
    ),
    RunOption(
        "openmetrics",
        "FILE",
        "what is kept",
        "write the run's metrics there after each run, for Prometheus",
        path=True,
    ),
)
BY_FLAG: Mapping[str, RunOption] = {option.flag: option for option in RUN_OPTIONS}
