"""A board, its pins and an instrument, drawn by a seed: what each shows, and what was true.

Board time ``tau`` is continuous, in us; the board reads it in steps. The instrument's true time is
``start + tau * (1 + rate)``, and it shows the end of the sample in which that lies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hil.model.captures import Capture, CapturePlan, IntArray, SyncPattern, TaskPlan, Track
from hil.model.edges import EdgeLine, EdgeRecording, task_line
from tools import synthetic_captures as synthetic
from tools.synthetic_captures import FloatArray

RESOLUTIONS_NS = (8.0, 16.0, 41.666, 125.0, 250.0, 1000.0)


@dataclass(frozen=True)
class Drawn:
    """What a seed drew. Times in us of the board, ``rate`` of the instrument against it."""

    step_us: float
    resolution_ns: float
    rate: float
    start_ns: int
    base_us: int
    read_us: float
    rest_us: float
    delay_us: float
    delay_jitter_us: float
    own_sync_line: bool
    sync_count: int


@dataclass
class Pin:
    """A line's true edges (n,) us of board time and levels, and the stamp of each, -1 for none."""

    times_us: FloatArray
    levels: IntArray
    stamp: IntArray


@dataclass
class World:
    """One window: the board's capture, the pins' truth, and the instrument's recording of them."""

    drawn: Drawn
    capture: Capture
    pins: dict[str, Pin]
    recording: EdgeRecording
    rate_is_known: bool = True
    """Whether the drawn rate is still the instrument's."""

    def instrument_us(self, times_us: FloatArray) -> FloatArray:
        """True instrument time of board times, us from ``start_ns`` on."""
        drawn = self.drawn
        result: FloatArray = (times_us - drawn.base_us) * (1.0 + drawn.rate)
        return result


def draw(rng: np.random.Generator) -> Drawn:
    """Costs of a board between a fast and a slow chip, an instrument of the usual rates."""
    speed = float(np.exp(rng.uniform(0.0, np.log(12.0))))
    step = float(rng.choice([1.0, 1.0, 1.0, 2.0, 30.517578125]))
    return Drawn(
        step_us=step,
        resolution_ns=float(rng.choice(RESOLUTIONS_NS)),
        rate=float(rng.uniform(-200.0, 200.0)) * 1e-6,
        start_ns=int(rng.integers(0, 10**15)),
        base_us=int(rng.integers(0, 3 << 30)),
        read_us=1.5 * speed,
        rest_us=1.2 * speed,
        delay_us=4.0 * speed,
        delay_jitter_us=float(rng.choice([0.0, 0.1, 0.5])),
        own_sync_line=bool(rng.random() < 0.6),
        sync_count=int(rng.choice([8, 16, 16, 16])),
    )


def build(seed: int) -> World:
    """The world of a seed, with nothing wrong in it."""
    rng = np.random.default_rng(seed)
    drawn = draw(rng)
    tasks = int(rng.choice([1, 2, 2, 3]))
    period = int(rng.choice([2000, 5000, 10_000, 10_000, 20_000]))
    n = int(rng.choice([60, 200, 500, 1000]))
    begin = drawn.base_us + float(rng.uniform(1000, 5000))
    sync_line = "sync" if drawn.own_sync_line else "task0"
    before, edges, sync_levels, now = _sync(rng, drawn, begin)
    origin = now + float(rng.uniform(4000, 20_000))
    tracks, pins = [], {}
    kind = str(rng.choice(["grid", "loop", "two levels"]))
    phase_mode = str(rng.choice(["alternate", "together", "own periods"]))
    for task in range(tasks):
        own_period = period
        if phase_mode == "own periods":
            own_period = period * (task + 2) // 2
        phase = period // tasks * task if phase_mode == "alternate" else 0
        count = n * period // own_period
        late = _lateness(rng, kind, count, own_period) + 3.0 * drawn.delay_us * task
        at = origin + phase + np.arange(count) * float(own_period) + late
        at = np.sort(at)
        at += np.arange(count) * 1e-3
        delays = drawn.delay_us + rng.exponential(1.0, count) * drawn.delay_jitter_us
        levels = (task + np.arange(count)) % 2
        pins[task_line(task)] = Pin(at + delays, levels, np.arange(count))
        stamps = read(at, drawn)
        end = int(origin + n * period)
        tracks.append(Track(task, own_period, int(origin + phase), end, stamps))
    last = max(float(pin.times_us[-1]) for pin in pins.values()) + 200.0
    after, more, more_levels, finish = _sync(rng, drawn, max(last, origin + n * period) + 4000.0)
    pattern = SyncPattern(
        np.concatenate((before[0], after[0])), np.concatenate((before[1], after[1])), sync_line
    )
    sync_edges = np.concatenate((edges, more))
    sync_pin = Pin(
        sync_edges, np.concatenate((sync_levels, more_levels)), np.full(sync_edges.size, -1)
    )
    _add(pins, sync_line, sync_pin)
    # outputs are set up before everything, and let go of after it
    for task in range(tasks):
        setting = np.array([begin - 900.0 + 10 * task])
        _add(pins, task_line(task), Pin(setting, np.array([1 - task % 2]), np.array([-1])))
    plan = CapturePlan(
        "timer_hard",
        "idle",
        tuple(TaskPlan(t.index, round(t.period_us)) for t in tracks),
        n * period,
    )
    board = synthetic.board(step_us=drawn.step_us)
    capture = Capture(board, plan, tuple(tracks), sync=pattern)
    world = World(drawn, capture, pins, None)  # type: ignore[arg-type]
    lines = tuple(record(world, name, pin) for name, pin in sorted(pins.items()))
    ends = world.instrument_us(np.array([begin - 2000.0, finish + 3000.0]))
    start, stop = (drawn.start_ns + int(1000 * end) for end in ends)
    recording = EdgeRecording("witness", lines, start, stop, drawn.resolution_ns)
    if rng.random() < 0.25:
        recording = _with_pairs(world, recording, begin, finish)
    if rng.random() < 0.5:
        recording = with_host(world, recording, rng, begin, finish)
    return replace_recording(world, recording)


def replace_recording(world: World, recording: EdgeRecording) -> World:
    """The same world as another recording shows it."""
    return World(world.drawn, world.capture, world.pins, recording)


def read(times_us: FloatArray, drawn: Drawn) -> IntArray:
    """What the board's clock shows."""
    return synthetic.quantise(times_us, drawn.step_us)


def record(world: World, name: str, pin: Pin) -> EdgeLine:
    """The edges of a pin as the instrument samples them."""
    return EdgeLine(
        name, sampled(world, world.instrument_us(pin.times_us)), pin.levels.copy(), None
    )


def sampled(world: World, own_us: FloatArray) -> IntArray:
    """Instrument times, us, at the ends of their samples, ns."""
    drawn = world.drawn
    samples = np.ceil(own_us * 1000.0 / drawn.resolution_ns)
    return drawn.start_ns + np.rint(samples * drawn.resolution_ns).astype(np.int64)


def _sync(
    rng: np.random.Generator, drawn: Drawn, start: float
) -> tuple[tuple[IntArray, IntArray], FloatArray, IntArray, float]:
    """Readings before and after each edge, the edges, their levels, and when it is over."""
    scale = max(1.0, drawn.delay_us / 20.0)
    at = start + np.cumsum(rng.uniform(1000.0, 4000.0, drawn.sync_count)) * scale
    held = np.where(rng.random(at.size) < 0.05, rng.uniform(5.0, 60.0, at.size), 0.0)
    edges = at + drawn.read_us + held
    done = edges + drawn.rest_us
    levels = 1 - np.arange(at.size) % 2
    return (read(at, drawn), read(done, drawn)), edges, levels, float(done[-1])


def _lateness(rng: np.random.Generator, kind: str, n: int, period: int) -> FloatArray:
    if kind == "grid":
        return 20.0 + rng.exponential(float(rng.choice([0.3, 3.0, 30.0])), n)
    if kind == "loop":
        return np.cumsum(rng.exponential(0.002 * period, n)) * 0.5
    levels = np.where(rng.random(n) < 0.3, 0.02 * period, 0.0)
    return 20.0 + levels + rng.exponential(2.0, n)


def _add(pins: dict[str, Pin], name: str, more: Pin) -> None:
    old = pins.get(name)
    if old is None:
        pins[name] = more
        return
    times = np.concatenate((old.times_us, more.times_us))
    order = np.argsort(times, kind="stable")
    levels = np.concatenate((old.levels, more.levels))[order]
    pins[name] = Pin(times[order], levels, np.concatenate((old.stamp, more.stamp))[order])


def _with_pairs(
    world: World, recording: EdgeRecording, begin: float, finish: float
) -> EdgeRecording:
    drawn = world.drawn
    at = np.linspace(begin, finish, 200) + 0.37
    ticks = read(at, drawn) % world.capture.board.tick_period
    seen = drawn.start_ns + np.rint(world.instrument_us(at) * 1000.0).astype(np.int64)
    # as exact as the virtual boards give them, on the instrument's scale
    shift = int(drawn.resolution_ns // 2)
    return replace(recording, board_us=ticks, seen_ns=seen + shift)


def with_host(
    world: World,
    recording: EdgeRecording,
    rng: np.random.Generator,
    begin: float,
    finish: float,
    rate: float = 0.0,
) -> EdgeRecording:
    """Pairs with the host, whose clock is 20 ppm off the board's at most, each up to 2 ms late."""
    at = np.linspace(begin, finish, 24)
    host_rate = float(rng.uniform(-20.0, 20.0)) * 1e-6 - rate
    host = (at - begin) * (1.0 + host_rate) * 1000.0 + rng.exponential(200_000.0, at.size)
    own = world.drawn.start_ns + np.rint(world.instrument_us(at) * 1000.0).astype(np.int64)
    return replace(
        recording, host_ns=synthetic.HOST_NS + np.rint(host).astype(np.int64), own_ns=own
    )
