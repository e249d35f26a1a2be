# hil: needs=
"""The main program computes: bytecode in stretches as long as intensity says (1..100)."""


def hil_compute(n):
    x = 1
    for _ in range(n):
        x = (x * 75 + 74) % 65537
    return x


def load_start(job):
    n = 20 * job.cfg.get("intensity", 50)

    def step():
        hil_compute(n)

    return step
