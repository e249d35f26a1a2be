"""Hostile folders of runs and hostile histories, given to the commands that read them.

Each run takes a stored run, changes it, and lets `hil` report, show, verify, export, replay or
remember it. It is wrong where that ends otherwise than with an exit status and lines of text, reads
what is not in the folder, or takes long.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import resource
import shutil
import sqlite3
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from hil.cli.main import main as hil
from hil.model.secrets import KNOWN_SECRETS
from tools.faults.cases import Outcome
from tools.faults.session_faults import CANARY

RUN = Path(__file__).parents[2] / "tests" / "replay" / "runs" / "lossy"
LIMIT_S = 60.0
"""Processor time; the commands that draw charts take some seconds."""
KINDS = ("hostile run", "hostile links", "damaged history", "killed history", "full history")
HISTORY = "history.db"


def run(kind: str, seed: int, folder: Path) -> Outcome:
    """One seeded change, and one command that meets it."""
    chance = random.Random(f"stored {kind} {seed}")
    outside = folder / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text(f"{CANARY}\n")
    stored = folder / "run"
    shutil.copytree(RUN, stored)
    limits = contextlib.ExitStack()
    if kind == "hostile run":
        _damage(chance.choice(_files(stored)), chance)
    elif kind == "hostile links":
        _link(chance.choice([*_files(stored), stored / "capture"]), outside, chance)
    else:
        (folder / HISTORY).write_bytes(history_bytes())
        _harm_history(kind, folder, chance)
        if kind == "full history":
            limits.enter_context(_no_larger_files(chance.randrange(1000, 300_000)))
    words = _command(kind, chance, folder)
    began = time.process_time()
    with limits:
        status, said, failure = _called(words)
    wrong = [f"not an error of ours: {failure}"] if failure else []
    if time.process_time() - began > LIMIT_S:
        wrong.append(f"late: {time.process_time() - began:.0f} s")
    written = [path.read_bytes() for path in (folder / "out").rglob("*") if path.is_file()]
    if any(CANARY.encode() in text for text in (said.encode("utf-8", "replace"), *written)):
        wrong.append("what is outside of the folder was read")
    if status == 0 and kind == "killed history":
        wrong += _lost(folder)
    end = "sound" if status == 0 else "error"
    lines = said.strip().splitlines() or [""]
    if status and not lines[-1]:
        wrong.append(f"status {status} without a word")
    return Outcome(f"stored {kind}", seed, end, tuple(wrong), f"{words[0]}: {lines[-1][:160]}")


def _called(words: list[str]) -> tuple[int, str, str]:
    """The status, what was said, and what it ended with that is no ending of ours."""
    said = io.StringIO()
    failure = ""
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = hil(words)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException as error:
        status, failure = -1, repr(error)[:160]
    finally:
        KNOWN_SECRETS.clear()
    return status, said.getvalue(), failure


def _command(kind: str, chance: random.Random, folder: Path) -> list[str]:
    run_folder, out = str(folder / "run"), folder / "out"
    out.mkdir()
    history = f"--history={folder / HISTORY}"
    if "history" in kind:
        return chance.choice(
            [
                ["history", history],
                ["history", "add", run_folder, history],
                ["trend", "lateness_p50_us", history],
                ["history", "backup", str(out / "copy.db"), history],
                ["prune", "--keep=1", history],
                ["baseline", "list", history],
            ]
        )
    return chance.choice(
        [
            ["verify", run_folder],
            ["show", run_folder],
            ["report", run_folder, f"--out={out / 'report.html'}"],
            ["report", run_folder, f"--markdown={out / 'summary.md'}"],
            *(
                ["export", run_folder, f"--to={to}", f"--out={out / to}"]
                for to in ("csv", "junit", "vcd", "openmetrics", "bmf")
            ),
            ["compare", run_folder, str(RUN)],
            ["history", "add", run_folder, f"--history={folder / HISTORY}"],
        ]
    )


def _files(stored: Path) -> list[Path]:
    return sorted(path for path in stored.rglob("*") if path.is_file())


def _damage(path: Path, chance: random.Random) -> None:
    """The file is truncated, changed, made to claim much, or replaced by something else."""
    data = bytearray(path.read_bytes())

    def claim() -> None:
        with path.open("r+b") as file:
            file.truncate(chance.choice((1 << 20, 1 << 33, 1 << 40)))

    def change() -> None:
        for _ in range(chance.randint(1, 20)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data)

    def rewrite() -> None:
        if path.suffix not in (".json", ".jsonl"):
            return change()
        numbers = ("1e400", "NaN", "-1", "9" * 400, '"x"', "null", "[[]]", "{}")
        text = data.decode().split(":")
        index = chance.randrange(1, len(text))
        rest = text[index].partition(",")[2]
        text[index] = f"{chance.choice(numbers)},{rest}"
        path.write_text(":".join(text))
        return None

    changes: list[Callable[[], object]] = [
        change,
        rewrite,
        rewrite,
        claim,
        lambda: path.write_bytes(data[: chance.randrange(len(data))]),
        lambda: path.write_bytes(data * chance.randint(2, 9)),
        lambda: path.write_bytes(chance.randbytes(chance.randrange(5000))),
        path.unlink,
        lambda: (path.unlink(), path.mkdir()),
        lambda: (path.unlink(), os.mkfifo(path)),
    ]
    chance.choice(changes)()


def _link(path: Path, outside: Path, chance: random.Random) -> None:
    """A link stands in the place of a file or folder."""
    if path.is_dir():
        shutil.move(path, outside / "capture")
        (outside / "capture" / "secret.hilcap").write_text(CANARY)
        path.symlink_to(outside / "capture")
        return
    path.unlink()
    target = chance.choice([str(outside / "secret.txt"), "../outside/secret.txt", "/dev/zero", "."])
    path.symlink_to(target)


@cache
def history_bytes() -> bytes:
    """A history of the stored run, as a file."""
    folder = Path(os.environ.get("TMPDIR", "/tmp")) / f"hil-faults-history-{os.getpid()}"
    folder.mkdir()
    try:
        status, said, failure = _called(["history", "add", str(RUN), f"--history={folder / 'a'}"])
        assert status == 0, said + failure
        status, said, failure = _called(
            ["history", "backup", str(folder / "b"), f"--history={folder / 'a'}"]
        )
        assert status == 0, said + failure
        return (folder / "b").read_bytes()
    finally:
        shutil.rmtree(folder)


def _harm_history(kind: str, folder: Path, chance: random.Random) -> None:
    path = folder / HISTORY
    data = bytearray(path.read_bytes())
    if kind == "killed history":  # killed while it wrote: what was committed stays
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("UPDATE runs SET profile = 'other'")
            database.commit()
            database.execute("UPDATE runs SET profile = 'not committed'")
            for suffix in ("", "-wal"):
                shutil.copyfile(f"{path}{suffix}", f"{folder}/killed{suffix}")
        for suffix in ("", "-wal"):
            Path(f"{folder}/killed{suffix}").replace(f"{path}{suffix}")
        with Path(f"{path}-wal").open("ab") as log:
            log.write(chance.randbytes(chance.randrange(5000)))
    elif kind == "damaged history":
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        for _ in range(chance.randint(1, 400)):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data)


def _lost(folder: Path) -> list[str]:
    """What was committed and is not there any more."""
    status, said, _ = _called(["history", "--json", f"--history={folder / HISTORY}"])
    runs = json.loads(said)["runs"] if status == 0 else []
    return [] if [run["profile"] for run in runs][-1:] == ["other"] else ["a run was lost"]


@contextlib.contextmanager
def _no_larger_files(size: int):  # type: ignore[no-untyped-def]
    """No file of this process may become larger, as on a full disk."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
