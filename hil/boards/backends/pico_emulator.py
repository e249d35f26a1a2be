"""An emulated Raspberry Pi Pico in this process: rp2040py behind the few calls that hil needs.

The only module that knows rp2040py. Nothing here looks at a clock of the host: the machine runs up
to a moment of its own time and stops there, bytes and levels enter it at such moments, and what
comes out bears one. The same calls give the same machine again, to the bit.

A *tick* here is the emulator's unit of time, 1/16 ns; a clock cycle of 125 MHz has 128.
"""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

from hil.model.errors import ConfigurationError, LinkLostError
from hil.model.install_hints import install_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import Any

PACKAGE = "rp2040py"
TICKS_PER_US = 16_000
_TICKS_PER_S = TICKS_PER_US * 1_000_000
_FEED_TICKS = 64 * TICKS_PER_US
"""The time between two fillings of the USB host's queue of 512 bytes."""
_PIO_LOOK_TICKS = 50 * TICKS_PER_US
_PIO_CYCLE_FRACTION, _PIO_IDLE_FP = 256, 1 << 60
_FLASH_START = 0x10000000
_TIMER, _TIMER_LOW = 0x40054000, 0x28


def require_emulator() -> None:
    """Raise :class:`~hil.model.errors.ConfigurationError` where rp2040py is not installed."""
    if importlib.util.find_spec(PACKAGE) is None:
        raise ConfigurationError(
            f"the emulated Pico needs the package rp2040py: run `{install_line('pico')}`"
        )


class _QuietLog:
    """What the emulator has to say of the firmware's accesses; a board has no such log."""

    def debug(self, component_name: str, message: str) -> None:
        pass

    info = warning = error = debug


class _SecondCore:
    """The chip as its second core sees it."""

    def __init__(self, chip: Any) -> None:
        self._chip = chip
        self.core = chip.cores[1]

    def _native_ppb_address(self) -> Any:
        return self._chip._native_ppb_address(1)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chip, name)


class _PrivateBuses:
    """Each core's own interrupt controller; this version of the emulator gives core 1 core 0's.

    Without its own, a thread on core 1 never hears that flash is about to be written, and whoever
    writes it waits for ever.
    """

    def __init__(self, chip: Any) -> None:
        self._cpu_id = chip.sio.read_uint32
        self._buses = (chip.ppb, type(chip.ppb)(_SecondCore(chip), "PPB", 0))

    def read_uint32(self, offset: int) -> Any:
        return self._buses[self._cpu_id(0)].read_uint32(offset)

    def write_uint32(self, offset: int, value: int) -> None:
        self._buses[self._cpu_id(0)].write_uint32(offset, value)

    def write_uint32_atomic(self, offset: int, value: int, atomic_type: int) -> None:
        self._buses[self._cpu_id(0)].write_uint32_atomic(offset, value, atomic_type)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._buses[0], name)


class EmulatedPico:
    """The chip with ``firmware`` in its flash, off until :meth:`switch_on`.

    ``firmware`` is a UF2 file that has been checked. ``wires`` are pairs of pins that are joined.
    Raises :class:`~hil.model.errors.ConfigurationError` without the emulator's package, and
    :class:`~hil.model.errors.LinkLostError`, from then on, when the emulator itself failed.
    """

    def __init__(self, firmware: Path, wires: Iterable[tuple[int, int]] = ()) -> None:
        require_emulator()
        from rp2040py.boards import BOARDS
        from rp2040py.device.base_device import BaseDevice
        from rp2040py.execute_batch import execute_batch
        from rp2040py.external.jumper import Jumper
        from rp2040py.gpio_pin import GPIOPinState
        from rp2040py.reset_cause import ResetCause

        _ignore_real_time()
        self._execute_batch: Callable[[Any, int], None] = execute_batch
        self._causes = ResetCause
        self._levels = {
            GPIOPinState.LOW: 0,
            GPIOPinState.HIGH: 1,
            GPIOPinState.INPUT_PULL_DOWN: 0,
            GPIOPinState.INPUT_PULL_UP: 1,
        }
        self._device: Any = BaseDevice(board=replace(BOARDS["pico"], image=firmware))
        self._simulator: Any = self._device.simulator
        self._chip: Any = self._device.mcu
        self._clock: Any = self._simulator.clock
        self._chip.logger = _QuietLog()
        self._chip.ppb = _PrivateBuses(self._chip)
        self._chip.on_break = self._breakpoint
        for pair in wires:
            Jumper(*pair).attach(self._chip)
        self._until: Any = self._clock.create_alarm(self._stop)
        self._feeder: Any = self._clock.create_alarm(self._feed)
        self._pio_pacer: Any = self._clock.create_alarm(self._pace_pio)
        self._pio_stepped = False
        self._usb: Any = self._device.cdc
        self._usb.on_serial_data = self._say
        self._usb.on_device_connected = self._connect
        self._input = bytearray()
        self._said = bytearray()
        self._stop_when_it_speaks = self._stop_when_connected = False
        self._failure = ""
        self._halted = False
        self.connected = False
        """Whether the firmware's USB serial port is there."""

    @property
    def ticks(self) -> int:
        """The time since the chip was built, in ticks."""
        return int(self._clock.ticks) + int(self._clock.rebased_ticks)

    @property
    def cycle_hz(self) -> float:
        """The clock of the chip's cores."""
        return float(self._chip.clk_sys)

    @property
    def counter(self) -> int:
        """The low word of the chip's microsecond counter, as the firmware would read it now."""
        return int(self._chip.find_peripheral(_TIMER).read_uint32(_TIMER_LOW))

    def counter_step(self) -> tuple[int, int] | None:
        """Run on for some 15 us, and find a count of the counter and the tick when it began.

        ``None`` where the counter does not come to one count a microsecond.
        """
        start, first = self.ticks, self.counter
        low, high, steps = 0, TICKS_PER_US, 0
        counts: list[int] = []
        look: Any = self._clock.create_alarm(lambda: counts.append(self.counter))
        while high - low > 1:
            middle, steps = (low + high) // 2, steps + 1
            look.schedule_ticks(start + steps * TICKS_PER_US + middle - self.ticks)
            self._run(start + (steps + 1) * TICKS_PER_US)
            passed = counts[-1] - first - steps
            if passed not in (0, 1):
                return None
            low, high = (low, middle) if passed else (middle, high)
        return first + steps + 1, start + steps * TICKS_PER_US + high

    def switch_on(self) -> None:
        """Start the firmware from its flash."""
        self._chip.core.pc = _FLASH_START
        self._pio_pacer.schedule_ticks(_PIO_LOOK_TICKS)

    def reset(self, *, power: bool = False) -> None:
        """Reset the chip, by its RUN pin or by its power; what was on its way to it is gone."""
        self._input.clear()
        self._halted = False
        cause = self._causes.POWER_ON if power else self._causes.RUN_PIN
        self.connected = False
        self._device.hard_reset(cause=cause)

    def run(self, until: int, *, to_output: bool = False) -> None:
        """Let the chip run up to ``until`` ticks, or with ``to_output`` until it says something."""
        self._stop_when_it_speaks = to_output
        self._run(until)
        self._stop_when_it_speaks = False

    def run_to_connection(self, until: int) -> bool:
        """Let it run until its serial port is there, or up to ``until`` ticks; whether it is."""
        if not self.connected:
            self._stop_when_connected = True
            self._run(until)
            self._stop_when_connected = False
        return self.connected

    def send(self, data: bytes) -> None:
        """Send to the firmware now, as fast as it takes it."""
        self._input += data
        self._feed()

    def take(self) -> bytes:
        """What the firmware has said and nobody took."""
        said = bytes(self._said)
        self._said.clear()
        return said

    def listen(self, pin: int, notice: Callable[[int, int], None]) -> Callable[[], None]:
        """From now on ``notice(ticks, level)`` is called at each level change of ``pin``.

        Returns what ends it. A pin that nothing drives has the level that its pull resistor gives;
        one without keeps its last.
        """
        levels, clock = self._levels, self._clock
        last = self.level(pin)

        def changed(new: Any, old: Any) -> None:  # noqa: ARG001
            nonlocal last
            level = levels.get(new, last)
            if level is not None and level != last:
                last = level
                notice(int(clock.ticks + clock.rebased_ticks), level)

        stop: Callable[[], None] = self._chip.gpio[pin].add_listener(changed)
        return stop

    def level(self, pin: int) -> int | None:
        """The level of a pin, ``None`` where nothing says it."""
        return self._levels.get(self._chip.gpio[pin].value)

    def _run(self, until: int) -> None:
        if self._failure:
            raise LinkLostError(self._failure)
        try:
            while (left := until - self.ticks) > 0 and not self._is_done():
                self._until.schedule_ticks(left)
                self._simulator.stopped = False
                if self._halted:
                    self._clock.tick_ticks(left)
                else:
                    self._execute_batch(self._simulator, 1)
        except Exception as error:
            self._failure = f"the emulator failed ({type(error).__name__}: {error!s:.200})"
            raise LinkLostError(self._failure) from error
        except BaseException:  # Ctrl-C, maybe inside an alarm that schedules itself again
            self._pio_pacer.schedule_ticks(_PIO_LOOK_TICKS)
            self._feeder.schedule_ticks(_FEED_TICKS)
            raise
        finally:
            self._until.cancel()
            self._simulator.stopped = True

    def _is_done(self) -> bool:
        return bool(
            (self._stop_when_it_speaks and self._said)
            or (self._stop_when_connected and self.connected)
        )

    def _stop(self) -> None:
        self._simulator.stopped = True

    def _breakpoint(self, code: int) -> None:  # noqa: ARG002
        """The firmware has come to a breakpoint, as its handler of hard faults: it stands there."""
        self._halted = True
        self._stop()

    def _connect(self) -> None:
        self.connected = True
        self._feed()
        if self._stop_when_connected:
            self._stop()

    def _say(self, data: bytes | bytearray) -> None:
        self._said += data
        if self._stop_when_it_speaks:
            self._stop()

    def _feed(self) -> None:
        if not (self.connected and self._input):
            return
        room = self._usb.tx_fifo.size - self._usb.tx_fifo.item_count
        for byte in self._input[:room]:
            self._usb.send_serial_byte(byte)
        del self._input[:room]
        if self._input:
            self._feeder.schedule_ticks(_FEED_TICKS)

    def _pace_pio(self) -> None:
        """While both cores sleep the emulator jumps to the next alarm and steps the PIO once.

        So there is an alarm at each moment when a state machine has something to do, and one a
        cycle later, when that is done, which finds out the next such moment. While the cores sleep
        the PIO's own time is one cycle behind.
        """
        cycle = round(_TICKS_PER_S / self.cycle_hz)
        self._pio_stepped = not self._pio_stepped
        if self._pio_stepped:
            self._pio_pacer.schedule_ticks(cycle)
            return
        due = [b.next_due_fp - b.cycle_fp for b in self._chip.pio if not b.stopped]
        cycles = -(-min(due, default=_PIO_IDLE_FP) // _PIO_CYCLE_FRACTION) - 1
        self._pio_stepped = cycles <= 0
        self._pio_pacer.schedule_ticks(min(_PIO_LOOK_TICKS, max(1, cycles) * cycle))


def _ignore_real_time() -> None:
    """Let no batch of instructions end early because it took long.

    Where one ends decides how two cores are interleaved from there on, and what a host that is busy
    would change in it. `float` is a clock that stands still.
    """
    import rp2040py._execute_batch
    import rp2040py.native._simulator

    still = SimpleNamespace(monotonic=float)
    rp2040py.native._simulator.time = still
    rp2040py._execute_batch.time = still
