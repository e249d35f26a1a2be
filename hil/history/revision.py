"""The git commit that a run is made from, where there is one."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

_LIMIT_S = 5.0


def git_revision(folder: Path) -> tuple[str | None, bool | None]:
    """Commit of the repository that ``folder`` is in and whether files differ from it.

    Both ``None`` without git, without a repository, or where git does not answer in time.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None or not re.fullmatch(r"[0-9a-f]{40,64}", commit):
        return None, None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return commit, None if changed is None else bool(changed)


def _git(folder: Path, *args: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *args],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
