#!/usr/bin/env python3
"""Prints the two commands that the README promises, one a line, in the order in which they stand.

    python3 .ci/readme_commands.py [README.md]

They are lines of code (indented by four spaces, or fenced) that install tox and run it. Anything
but exactly one that measures and one that runs the tests is an error: a README that was rewritten
must not leave continuous integration with nothing to run.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

PROMISED = {"measure": ".venv/bin/tox -e hil", "test": ".venv/bin/tox"}


def code_lines(markdown: str) -> Iterator[str]:
    """The lines of every indented or fenced block, without their indent."""
    fence = ""
    for line in markdown.splitlines():
        mark = re.match(r" {0,3}(```+|~~~+)", line)
        if fence:
            if mark and mark[1].startswith(fence):
                fence = ""
            else:
                yield line.strip()
        elif mark:
            fence = mark[1]
        elif line.startswith(("    ", "\t")):
            yield line.strip()


def promised_commands(markdown: str) -> list[str]:
    """Both commands as they stand in the text; ValueError says which is missing or there twice."""
    found = [line for line in code_lines(markdown) if re.search(r"\bpip install tox\b", line)]
    last = [line.rpartition("&&")[2].strip() for line in found]
    if sorted(last) != sorted(PROMISED.values()):
        wanted = " and ".join(f"`… && {command}`" for command in PROMISED.values())
        there = "".join(f"\n    {line}" for line in found) or " none"
        raise ValueError(f"expected one line of code each for {wanted}, found:{there}")
    return found


if __name__ == "__main__":
    readme = Path(sys.argv[1] if len(sys.argv) > 1 else "README.md")
    try:
        print("\n".join(promised_commands(readme.read_text(encoding="utf-8"))))
    except ValueError as error:
        sys.exit(f"{readme}: {error}")
