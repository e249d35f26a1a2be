"""``hil sim``: the embedded board in the foreground, for use from another terminal."""

from __future__ import annotations

from hil.boards.sim import parse_sim_knobs
from hil.transport.vm import find_vm


def run_sim(knobs: str, root: str | None) -> int:
    """Start the board, print its port, and keep it until Ctrl-C."""
    from hil.transport.vm_supervisor import main

    parse_sim_knobs(knobs)
    find_vm()
    print("the embedded board runs until Ctrl-C; use its port from another terminal", flush=True)
    return int(main([*([knobs] if knobs else []), *(["--root", root] if root else [])]) or 0)
