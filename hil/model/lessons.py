"""A lesson for each technique: an experiment, what is to be seen in it, a question, an answer.

A row for each technique; what its ``claim`` says is measured by ``tests/report/test_lessons.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

EVEN = "sim:clock=virtual"
"""The embedded board in virtual time: every pupil gets the same figures, to the last digit."""
PAUSES = f"{EVEN},gc_ms=20,gc_every_ms=203"
"""The embedded board whose main program and soft callbacks stand still for 20 ms, as during a
collection of garbage."""
_DISTRIBUTION = "the distribution of lateness on the page"
_OVER_TIME = "lateness over time on the page"


@dataclass(frozen=True, slots=True)
class Claim:
    """What the experiment shows: the figure of the technique is above or below a value.

    ``factor`` times the other technique's figure where there is another one, else ``limit``.
    Magnitudes are compared; of several tasks the worst counts.
    """

    relation: Literal["above", "below"]
    limit: float = 0.0
    factor: float = 0.0


@dataclass(frozen=True, slots=True)
class Lesson:
    """One sheet. ``other`` is the technique that it is compared with at its end.

    ``metric`` and ``method`` name the figure that tells; ``board`` is where the experiment runs.
    ``claim`` is ``None`` where only a board of a certain kind can show it.
    """

    technique: str
    topic: str
    other: str
    see: str
    question: str
    explanation: str
    claim: Claim | None
    metric: str = "schedule_drift_ppm"
    method: str | None = None
    board: str = EVEN
    chart: str = _OVER_TIME

    @property
    def techniques(self) -> tuple[str, str]:
        """Both techniques of the experiment."""
        return self.technique, self.other

    def command_on(self, board: str) -> str:
        """The experiment on a board, as it is typed."""
        names = ",".join(self.techniques)
        return f"hil run {board} --technique={names} --load=idle --duration-s=6"

    @property
    def command(self) -> str:
        """The experiment on its own board."""
        return self.command_on(self.board)


_LESSONS = (
    Lesson(
        "round_robin",
        "A loop that sleeps a fixed time is always too slow.",
        "timer_hard",
        "The lateness of round_robin grows all the time: a line that rises. Its drift is more "
        "than 1000 ppm (millionths). The line of timer_hard stays flat.",
        "The loop sleeps exactly one step. Why is its period longer than that?",
        "The work of all tasks comes on top of each sleep, so the period is sleep plus work. The "
        "error of every turn adds to that of the turns before: lateness has no limit. A timer is "
        "started once and counts on by itself, whatever the work takes.",
        Claim("above", limit=1000.0),
    ),
    Lesson(
        "round_robin_irq",
        "Put the urgent task into an interrupt and leave the rest in the loop.",
        "round_robin",
        "The drift of the urgent task (task 0) is near zero, that of the other task is as large as "
        "in round_robin.",
        "Why is only one of the tasks punctual, although both share one loop?",
        "The timer's interrupt stops the loop wherever it is and runs the urgent part at once. The "
        "other task waits for its turn and inherits the loop's drift.",
        None,
    ),
    Lesson(
        "timer_soft",
        "A soft callback waits until the interpreter is ready for it.",
        "timer_hard",
        "Most activations of both are punctual. The longest lateness of timer_soft is near 20 ms, "
        "the length of a pause; that of timer_hard stays far below.",
        "The board stands still for 20 ms now and then. Which of the two notices, and why?",
        "A soft callback is queued and runs between two bytecodes. While garbage is collected "
        "there is no next bytecode, so it waits until the end. A hard callback runs in the "
        "interrupt itself. The price: it must not allocate memory.",
        Claim("above", factor=5.0),
        metric="lateness_max_us",
        board=PAUSES,
        chart=_DISTRIBUTION,
    ),
    Lesson(
        "timer_hard",
        "A hard callback runs in the interrupt itself.",
        "timer_soft",
        "The longest lateness of timer_hard is a small part of that of timer_soft, although both "
        "ran beside the same pauses of 20 ms.",
        "Why are not all callbacks hard ones?",
        "An interrupt handler must not allocate memory: no floats, no lists that grow, no text. It "
        "also keeps everything else waiting, so it has to be short. ESP32 has no hard timers.",
        Claim("below", factor=0.2),
        metric="lateness_max_us",
        board=PAUSES,
        chart=_DISTRIBUTION,
    ),
    Lesson(
        "timer_oneshot",
        "Aim at the next deadline, not at one period from now.",
        "thread",
        "The drift of timer_oneshot is near zero, that of thread is hundreds of ppm. Both begin "
        "to wait anew after each activation.",
        "Both start their next wait by hand. Why does only one of them drift?",
        "timer_oneshot computes how long it is until the next point of a fixed grid, so a late "
        "start makes the next wait shorter. thread waits one whole period from wherever it is, so "
        "being late once is never made good.",
        Claim("below", factor=0.1),
    ),
    Lesson(
        "periodic_operator",
        "A timer in a wrapper object that can be stopped and started again.",
        "round_robin",
        "The drift of periodic_operator is near zero. Its own figures restart_phase_us and "
        "stop_latency_us tell how it ends and begins again.",
        "What must a wrapper do so that nothing fires after it was stopped?",
        "It has to stop the timer and remember that it did: a callback that was already queued may "
        "still come, and must find out that it is no longer wanted.",
        Claim("below", factor=0.1),
    ),
    Lesson(
        "thread",
        "A thread that sleeps one period is late by its own work, every time.",
        "asyncio_deadline",
        "The lateness of thread grows all the time; its drift is hundreds of ppm. That of "
        "asyncio_deadline does not grow.",
        "The thread does nothing but toggle a pin. What makes it drift?",
        "Sleeping, waking up and toggling take time, and the next sleep begins after that. With a "
        "period of 10 ms and 2 us of all this the drift is 200 ppm, which is 0.7 s an hour.",
        Claim("above", limit=100.0),
    ),
    Lesson(
        "event_irq",
        "From an event to its handler, and from the handler to the rest of the work.",
        "timer_hard",
        "The table of interrupt latency says that the handler comes microseconds after its event. "
        "The task, which is deferred, is late by up to 20 ms, the length of a pause.",
        "Why is the work cut into a handler and a deferred part at all?",
        "The handler answers at once but may do little. micropython.schedule queues the rest for "
        "the main program, which may allocate memory; it waits for the end of a pause, as a soft "
        "callback does.",
        Claim("above", factor=5.0),
        metric="lateness_max_us",
        board=PAUSES,
        chart=_DISTRIBUTION,
    ),
    Lesson(
        "pio_irq",
        "A small processor beside the main one sets the pace.",
        "timer_hard",
        "On an RP2040 or RP2350 compare period_jitter_rms_us of both. The embedded board has no "
        "PIO and skips the technique; the emulated Pico (pico) has.",
        "Which part of the lateness can a PIO not take away?",
        "The state machine is punctual to a clock cycle, so its interrupt comes at the right time. "
        "From the interrupt to the first statement of the handler it still takes microseconds.",
        None,
        metric="period_jitter_rms_us",
        board="pico",
        chart=_DISTRIBUTION,
    ),
    Lesson(
        "pwm_irq",
        "An output that the hardware toggles, looped back to an interrupt.",
        "timer_hard",
        "pwm_irq is late by a few microseconds at most, timer_hard by tens: always the same, for "
        "its timer was started that much later.",
        "The drift against the board's clock is zero. Why can it still be off against yours?",
        "PWM and clock are made from the same crystal and are wrong together. The figure "
        "clock_skew_ppm compares the crystal with the host's clock.",
        Claim("below", factor=0.2),
        metric="lateness_max_us",
    ),
    Lesson(
        "cooperative",
        "One timer tick and a table that says which task is due.",
        "thread",
        "The drift of cooperative is near zero, for every task. That of thread is hundreds of ppm.",
        "All tasks share one timer. What happens to the second task while the first one works?",
        "It waits: tasks run one after the other and none is interrupted. The tick does not drift, "
        "so the delay does not add up from turn to turn.",
        Claim("below", factor=0.1),
    ),
    Lesson(
        "asyncio_sleep",
        "await asyncio.sleep_ms(period) is a period plus the work.",
        "asyncio_deadline",
        "After each pause of 20 ms the lateness of asyncio_sleep is larger for good: a stair that "
        "rises. asyncio_deadline comes back to its grid after each pause.",
        "Which two lines make the difference between the two?",
        "One adds the period to the deadline, the other sleeps only for what is left until then. "
        "Then what was lost once, by work or by a pause, is not added to every later period.",
        Claim("above", factor=10.0),
        board=PAUSES,
    ),
    Lesson(
        "asyncio_deadline",
        "Sleep until a deadline, not for a period.",
        "asyncio_sleep",
        "The drift of asyncio_deadline is a small part of that of asyncio_sleep: after a pause of "
        "20 ms it is back on its grid. Its usual lateness is a part of a millisecond.",
        "Where does the usual lateness of a part of a millisecond come from?",
        "asyncio counts whole milliseconds. Where in one of them the run begins is chance, and by "
        "that much every activation is late. No deadline can be met more closely than that.",
        Claim("below", factor=0.1),
        board=PAUSES,
    ),
    Lesson(
        "asyncio_flag",
        "A timer's interrupt wakes a coroutine.",
        "asyncio_sleep",
        "Beside the same pauses the drift of asyncio_flag is a small part of that of "
        "asyncio_sleep, since a timer sets the pace.",
        "The timer is exact to a microsecond. Why is the coroutine not?",
        "The interrupt only sets a ThreadSafeFlag. The coroutine runs when the event loop looks at "
        "its flags again, behind all the tasks that are ready before it.",
        Claim("below", factor=0.1),
        board=PAUSES,
    ),
    Lesson(
        "aioschedule",
        "A scheduler that looks for jobs that are due, and remembers them over a reset.",
        "timer_oneshot",
        "The usual lateness of aioschedule is more than 100 us, that of timer_oneshot a few.",
        "The schedule outlives a reset. What does that cost?",
        "The scheduler looks at all jobs, runs what is due, and stores its plan. That takes time, "
        "by which each activation is late. It does not add up: the drift is near zero.",
        Claim("above", factor=5.0),
        metric="lateness_p50_us",
    ),
)
LESSONS: Mapping[str, Lesson] = {lesson.technique: lesson for lesson in _LESSONS}
"""The lessons by technique, in the order in which they are shown."""
