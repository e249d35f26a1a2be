#!/usr/bin/env python3
"""Runs what the README says, but for the two commands that `.ci/run` runs by themselves.

    python3 .ci/readme_run.py [README.md] [--print]

In the current folder, a clone. Each line of an indented block is a command and runs as it stands,
with the embedded board in virtual time in the place of a port. Fenced blocks of Python are files:
a program has the name that the next command gives it by `--hil-agent=`, a test runs in a folder of
its own with the next command. Cases are short: what is tried is the text, not the board.
"""

import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
from readme_commands import promised_commands

BOARD = "sim:clock=virtual"
SHORT = {"hil run": "--duration-s=0.3", "pytest": "--hil-duration-s=0.3"}
_PORT = re.compile(r"/dev/tty(USB|ACM)\d")


class Step(NamedTuple):
    """A command as it is run, and the file that it needs: its name and its text."""

    command: str
    file: tuple[str, str] | None = None


def blocks(markdown: str) -> Iterator[tuple[str, str]]:
    """Every block of code with its language; that of an indented one is ``sh``."""
    fenced = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    rest = 0
    for block in fenced.finditer(markdown):
        yield from _indented(markdown[rest : block.start()])
        yield block[1], block[2]
        rest = block.end()
    yield from _indented(markdown[rest:])


def _indented(markdown: str) -> Iterator[tuple[str, str]]:
    lines = [line.strip() for line in markdown.splitlines() if line.startswith("    ")]
    yield from (("sh", line) for line in lines)


def steps(markdown: str) -> list[Step]:
    """What is run, in the order of the text; ValueError for a file that no command uses."""
    promised = promised_commands(markdown)
    found: list[Step] = []
    text = ""
    for language, code in blocks(markdown):
        if language == "python":
            if text:
                raise ValueError(f"no command uses this:\n{text}")
            text = code
        elif language == "sh" and code not in promised:
            short = [more for begin, more in SHORT.items() if code.startswith(begin)]
            command = " ".join([_PORT.sub(BOARD, code.partition("  #")[0].rstrip()), *short])
            name = re.search(r"--hil-agent=(\S+)|\b(\w+\.py)\b", command)
            file = (name[1] or name[2]) if name else "test_readme.py"
            found.append(Step(command, (file, text) if text else None))
            text = ""
    if text:
        raise ValueError(f"no command uses this:\n{text}")
    return found


def script(given: list[Step], folder: Path) -> str:
    """One shell script; files go to ``folder``, and their commands run there."""
    lines = ["set -e"]
    for number, step in enumerate(given):
        lines.append(f"echo {shlex.quote(f'README: {step.command}')}")
        if step.file is None:
            lines.append(step.command)
            continue
        own = folder / str(number)
        own.mkdir()
        own.joinpath(step.file[0]).write_text(step.file[1], encoding="utf-8")
        lines.append(f"(cd {shlex.quote(str(own))} && {step.command})")
    return "\n".join(lines)


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--print"]
    readme = Path(words[0] if words else "README.md")
    with tempfile.TemporaryDirectory() as made:
        try:
            text = script(steps(readme.read_text(encoding="utf-8")), Path(made))
        except ValueError as error:
            sys.exit(f"{readme}: {error}")
        if "--print" in sys.argv:
            print(text)
        else:
            sys.exit(subprocess.run(["sh", "-c", text], check=False).returncode)
