# Starts the board: our modules take the place of the VM's, the file system becomes the board's
# own, the interrupt controller runs, then boot.py and main.py as on any board.
import builtins
import gc
import os
import sys

import micropython
import sim_config as cfg
import sim_irq
import sim_now
import vfs


class _Micropython:
    pass


def _hide(missing):
    real = builtins.__import__

    def checked(name, *args):
        if name.split(".")[0] in missing:
            raise ImportError("no module named '%s'" % name)
        return real(name, *args)

    builtins.__import__ = checked


def _roomy(names):
    # A table of globals that grows while an interrupt reads it gives a false NameError, so it
    # grows now.
    # Keys leave in the order that leaves no tombstones behind.
    for i in range(cfg.names):
        names[i] = None
    for i in range(cfg.names - 1, -1, -1):
        del names[i]


def _modules():
    shim = _Micropython()
    for name in dir(micropython):
        if name != "__class__":
            setattr(shim, name, getattr(micropython, name))
    shim.schedule = sim_irq.schedule
    sys.modules["micropython"] = shim
    import select  # noqa: F401
    import time  # noqa: F401

    import machine  # noqa: F401
    import sim_asyncio
    import sim_controller
    import sim_pin  # noqa: F401

    modules = sys.modules
    modules["_asyncio"] = sim_asyncio
    for name in ("machine", "select", "time"):  # programs of before 1.21 write them so
        modules["u" + name] = modules[name]
    if cfg.virtual:
        _repeatable()
    return sim_controller


def _repeatable():
    # What would differ from run to run, or happen beside the virtual clock.
    import random

    import sim_os
    import sim_thread

    sys.modules["_thread"] = sim_thread
    sys.modules["os"] = sys.modules["uos"] = sim_os.Os()
    random.seed(cfg.seed)


def main(names):
    controller = _modules()
    controller.start()
    if cfg.gc_us:
        from sim_timer import Pause

        Pause(cfg.gc_us, cfg.gc_every_us, sim_now.nap)
    vfs.umount("/")
    vfs.mount(vfs.VfsPosix(cfg.root), "/")
    os.chdir("/")
    sys.path[:] = ["", ".frozen", "/lib"]
    if cfg.missing:
        _hide(cfg.missing)
    _roomy(names)
    gc.collect()
    try:
        controller.request(b"b")
    except KeyboardInterrupt:  # typed before the first line of boot.py
        return
    # as on boards: a reset from the raw REPL leaves main.py out
    for name in ("boot.py",) if os.getenv("HIL_SIM_RAW") else ("boot.py", "main.py"):
        try:
            os.stat(name)
        except OSError:
            continue
        try:
            execfile(name, names)  # noqa: F821
        except SystemExit:
            raise
        except BaseException as e:
            sys.print_exception(e)
            if isinstance(e, KeyboardInterrupt):
                break
