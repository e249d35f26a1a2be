"""The time of day, which may be set at any moment, is asked for where a date is shown or stored.

Every duration and every order goes by a clock that only runs forward.
"""

import ast
from pathlib import Path

import hil

ASKED = {
    "boards.locks": "when a board was taken, for whoever looks into the note",
    "boards.scratch_folder": "whether an empty folder is young, against the date of the folder",
    "cli.history_arguments": "how old runs are that were asked for in days",
    "cli.notify": "whether a run has just ended, by the date of its folder",
    "cli.prune": "how old the folders are",
    "experiments.run": "when the run began",
    "history.old_runs": "how old the runs are",
    "history.retention": "when a baseline was set",
    "recording.interfaces": "the date that a board is told",
    "recording.run_folder": "the folder's name",
    "recording.run_removal": "whether a folder has just been written, by its date",
    "report.notifications.told": "when a message was sent",
}
WALL = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "time.localtime"}


def test_nobody_else_asks_for_the_time_of_day():
    package = Path(hil.__file__).parent
    askers = set()
    for path in package.rglob("*.py"):
        name = path.relative_to(package).with_suffix("").as_posix().replace("/", ".")
        if name.startswith(("device_agents", "suite")):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in WALL:
                askers.add(name)
    assert askers == set(ASKED)
