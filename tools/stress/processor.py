"""A machine with less of a processor: busy processes beside a command, or a limit on its share."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from tools import processes

_BUSY = """\
import os, signal, sys, threading
signal.signal(signal.SIGINT, signal.SIG_IGN)
def watch():
    sys.stdin.buffer.read()
    os._exit(0)
threading.Thread(target=watch, daemon=True).start()
while True:
    pass
"""

_SPIN = """\
import os, sys, time
start = time.monotonic()
for _ in range(int(sys.argv[1])):
    if not os.fork():
        while time.monotonic() < start + 3:
            pass
        os._exit(0)
for _ in range(int(sys.argv[1])):
    os.wait()
used = os.times()
print((used.children_user + used.children_system) / (time.monotonic() - start))
"""


def cores() -> int:
    """How many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def busy_processes(number: int) -> Iterator[None]:
    """So many endless loops. Each ends when its pipe from here closes: also when this is killed."""
    running: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(number):
            command = [sys.executable, "-I", "-S", "-c", _BUSY]
            running.append(subprocess.Popen(command, stdin=subprocess.PIPE))
        yield
        ended = sum(process.poll() is not None for process in running)
        if ended:
            raise RuntimeError(f"{ended} of {number} busy processes ended before the tests did")
    finally:
        for process in running:
            process.kill()
        for process in running:
            process.wait()
            if process.stdin:
                process.stdin.close()


class Limit(Protocol):
    """One way of giving a command and all that it starts no more than a share of the processors."""

    name: str

    def start(self, command: list[str], **options: Any) -> subprocess.Popen[Any]: ...

    def close(self) -> None: ...


class CgroupLimit:
    """A control group of its own, through the files that the kernel has for it."""

    def __init__(self, version: str, parent: Path, limits: dict[str, str]) -> None:
        self.name = f"cgroup {version}"
        self._group = parent / f"hil-stress-{os.getpid()}"
        self._group.mkdir()
        try:
            for file, value in limits.items():
                (self._group / file).write_text(value)
        except OSError:
            self._group.rmdir()
            raise

    def start(self, command: list[str], **options: Any) -> subprocess.Popen[Any]:
        join = ["/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"', str(self._group / "cgroup.procs")]
        return subprocess.Popen([*join, *command], **options)

    def close(self) -> None:
        """What is still in the group was started there; the group can't go before it."""
        for _ in range(50):
            for pid in (self._group / "cgroup.procs").read_text().split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            with suppress(OSError):
                self._group.rmdir()
                return
            time.sleep(0.1)
        print(f"stress: could not remove {self._group}", flush=True)


class SystemdLimit:
    """A scope that systemd makes, for a user who owns no control group."""

    name = "systemd-run"

    def __init__(self, share: float) -> None:
        whose = [] if os.geteuid() == 0 else ["--user"]
        quota = f"CPUQuota={share:.0%}"
        self._command = ["systemd-run", *whose, "--scope", "--quiet", "--collect", "-p", quota]

    def start(self, command: list[str], **options: Any) -> subprocess.Popen[Any]:
        return subprocess.Popen([*self._command, *command], **options)

    def close(self) -> None:
        """The scope goes with its last process."""


class CpulimitLimit:
    """The program of that name, which stops and continues the processes by signals."""

    name = "cpulimit"

    def __init__(self, share: float) -> None:
        self._percent = f"{100 * share:.0f}"
        self._beside: list[subprocess.Popen[Any]] = []

    def start(self, command: list[str], **options: Any) -> subprocess.Popen[Any]:
        process = subprocess.Popen(command, **options)
        limiter = ["cpulimit", "-z", "-i", "-l", self._percent, "-p", str(process.pid)]
        self._beside.append(
            subprocess.Popen(limiter, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )
        return process

    def close(self) -> None:
        for process in self._beside:
            processes.end(process)


def find_limit(share: float) -> tuple[Limit | None, list[str]]:
    """The first way that limits here to `share` processors, tried out; and why others do not."""
    reasons = []
    for name, make in (
        ("cgroup", lambda: _cgroup(share)),
        ("systemd-run", lambda: SystemdLimit(share)),
        ("cpulimit", lambda: CpulimitLimit(share)),
    ):
        if name != "cgroup" and not shutil.which(name):
            reasons.append(f"{name}: not installed")
            continue
        try:
            limit = make()
        except OSError as error:
            reasons.append(f"{name}: {error}")
            continue
        try:
            got = _processors_used(limit)
        except BaseException:
            limit.close()
            raise
        if got is not None and got <= 1.4 * share:
            limit.name += f", {got:.2f} of {cores()} measured"
            return limit, reasons
        limit.close()
        reasons.append(f"{name}: " + ("does not run" if got is None else f"leaves {got:.2f}"))
    return None, reasons


def _processors_used(limit: Limit) -> float | None:
    """How many processors' worth of time endless loops on every core get."""
    command = [sys.executable, "-I", "-S", "-c", _SPIN, str(cores())]
    process = limit.start(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    out, _ = process.communicate()
    return float(out) if process.returncode == 0 else None


def _cgroup(share: float) -> CgroupLimit:
    """Raises OSError with what forbade it where there is no group to make one in."""
    own = _own_groups()
    error = OSError("no group with the controller `cpu` is mounted")
    for mount in _mounts():
        where, kind, options = Path(mount[1]), mount[2], mount[3].split(",")
        if kind == "cgroup2":
            path = own.get("", "/")
            limits = {"cpu.max": f"{int(share * 100_000)} 100000"}
        elif kind == "cgroup" and "cpu" in options:
            path = own.get("cpu", "/")
            quota = str(int(share * 100_000))
            limits = {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": quota}
        else:
            continue
        inner = where / path.lstrip("/")
        for group in (inner, *inner.parents):
            if not group.is_relative_to(where):
                break
            if kind == "cgroup2" and not _gives_cpu(group):
                continue
            try:
                return CgroupLimit("v2" if kind == "cgroup2" else "v1", group, limits)
            except OSError as refused:
                error = refused
    raise error


def _gives_cpu(group: Path) -> bool:
    control = group / "cgroup.subtree_control"
    return control.is_file() and "cpu" in control.read_text().split()


def _mounts() -> list[list[str]]:
    return [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]


def _own_groups() -> dict[str, str]:
    """Controller to the path of the group that this process is in; version 2 has the name ''."""
    groups = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        groups.update(dict.fromkeys(controllers.split(","), path))
    return groups
