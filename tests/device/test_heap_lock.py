"""No activation allocates: what a technique's callback runs, runs with the heap locked."""

import pytest

from hil.agents import bundle

PREPARE = """\
import micropython
job = Job({config!r}, FrameWriter(lambda *a: None))
job.prepare()
job.open()
def locked(*calls):
    for f in calls:
        f(3)
    micropython.heap_lock()
    try:
        for f in calls:
            f(3)  # as a timer or pin does: with an argument
            f(3)
    finally:
        micropython.heap_unlock()
    print("allocation-free")
"""
CONFIG = {"periods": (10_000, 10_000), "duration": 300_000, "pins": (0, 1), "loop": (4, 5)}
ACTIVATE = "locked(job.activate[0], job.activate[1])"
PATHS = {
    "round_robin": ACTIVATE,
    "timer_soft": ACTIVATE,
    "timer_hard": ACTIVATE,
    "thread": ACTIVATE,
    "asyncio_sleep": ACTIVATE,
    "asyncio_deadline": ACTIVATE,
    "aioschedule": ACTIVATE,
    "pio_irq": ACTIVATE,
    "pwm_irq": "locked(hil_every_nth_edge(job.activate, [2, 3], [2, 3]))",
    "round_robin_irq": "locked(hil_urgent(job.activate[0], bytearray(1)))",
    "cooperative": """\
due = bytearray(2)
locked(hil_ticker([2, 3], [2, 3], due), job.activate[0])
poll = hil_polled_tick(hil_ticker([2, 3], [2, 3], due), 1, time.ticks_us())
locked(lambda _: poll())""",
    "timer_oneshot": """\
start, callback = hil_rearming(job, job.activate[0], 10000, time.ticks_us())
start(lambda us: None)  # on boards re-arming is the port's C code
locked(callback)""",
    "asyncio_flag": """\
flag = asyncio.ThreadSafeFlag()
locked(hil_flag_setter(flag), job.activate[0])""",
    "periodic_operator": """
import machine
operator = PeriodicOperator(machine.Timer(-1), 1000, job.activate[0])
job.at_exit(operator.stop)
operator.start()
locked(operator._run.fired)""",
    "event_irq": """\
chain = EventChain(job, loop_pins(job), True, "loopback")
chain.record(50)
chain.bind(hil_due_tasks(job.activate, (0, 0), (1, 2)))
locked(chain.stimulus, chain.handler, chain.deferred)""",
}


def test_every_technique_is_proven():
    assert set(PATHS) == set(bundle.technique_names())


@pytest.mark.parametrize("technique", PATHS)
def test_activation_path(runner, technique):
    runner.deploy(technique)
    runner.exec("import time\n" + PREPARE.format(config=CONFIG))

    assert "allocation-free" in runner.exec(PATHS[technique] + "\njob.clean_up()")


def test_the_proof_sees_an_allocation(runner):
    runner.deploy("timer_soft")
    runner.exec(PREPARE.format(config=CONFIG))

    shown = runner.exec("try:\n locked(lambda _: [1, 2])\nexcept MemoryError:\n print('allocates')")
    assert shown.strip() == "allocates"


def test_a_full_recorder_does_not_allocate(runner):
    runner.deploy("timer_soft")
    runner.exec(PREPARE.format(config={**CONFIG, "capacity": 2}))

    assert "allocation-free" in runner.exec("locked(*(job.activate[0],) * 5)\njob.clean_up()")


def test_a_program_s_mark_by_its_task_s_name_does_not_allocate(runner):
    runner.deploy("user_program")
    runner.exec(PREPARE.format(config={**CONFIG, "task_names": ("sensor", "motor")}))
    runner.exec("agent = HilAgent(job)")
    calls = 'lambda _: agent.stamp("motor"), agent.stamp, agent.stamps["sensor"], agent.stamps[1]'

    assert "allocation-free" in runner.exec(f"locked({calls})")
    counted = runner.exec("print([channel.n for channel in job.channels])\njob.clean_up()")
    assert counted.strip() == "[6, 6]"
