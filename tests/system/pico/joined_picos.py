"""Two emulated Picos with wires between them, in one virtual time.

Pins of the first drive the second, which is behind it at every moment, so that an edge is known
before its time has come there. Its crystal is its own.
"""

from hil.experiments.stamp_sources.witness_board import WitnessBoard

SPIN = """
import _thread, micropython
@micropython.viper
def hil_spin():
    while 1:
        pass
_thread.start_new_thread(hil_spin, ())
"""


class JoinedPicos:
    """``session`` measures a Pico with ``witness`` beside it; ``wires`` are pairs of pins.

    ``truth`` are the edges of each of the first one's pins, (session time in ns, level), while the
    witness counted.
    """

    def __init__(self, session, witness: WitnessBoard, wires: dict[int, int]) -> None:
        self._clock = session.clock
        self._chip = session.board.connection.board.machine
        self._witness = witness
        self._machine = witness.connection.board.machine
        self._behind_ns: int | None = None
        self.truth: dict[int, list[tuple[int, int]]] = {pin: [] for pin in wires}
        self._keep_exact()
        source = witness.source

        def started(board, job):
            window = source(board, job)
            begin = window.begin

            def begin_and_join(plan, sink):
                begin(plan, sink)
                self._behind_ns = self._clock.now_ns() - witness.connection.clock.now_ns()

            window.begin = begin_and_join
            return window

        witness.source = started
        for pin, sink in wires.items():
            self._join(pin, sink)

    def _keep_exact(self) -> None:
        """The emulator steps its state machines with the processor: one core must never sleep, and
        the two must go on cycle by cycle."""
        self._machine._chip.quantum_cycles = 1
        self._witness.connection.repl.exec(SPIN)

    def _join(self, pin: int, sink: int) -> None:
        target = self._machine._chip.gpio[sink]
        target.set_input_value(bool(self._chip.level(pin)))

        def changed(ticks: int, level: int) -> None:
            if self._behind_ns is None:
                return
            at_ns = self._clock.at(ticks)
            self.truth[pin].append((at_ns, level))
            clock = self._witness.connection.clock
            delay = clock.ticks_at(at_ns - self._behind_ns) - self._machine.ticks
            assert delay > 0, "the witness is ahead of the board"
            alarm = self._machine._clock.create_alarm(lambda: target.set_input_value(bool(level)))
            alarm.schedule_ticks(delay)

        self._chip.listen(pin, changed)
