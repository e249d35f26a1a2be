"""A witness's stream, put together from known edges: each edge that is read is a true one, and each
true one is read or lies in an interval that is said to be lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.protocol.decoder import decode
from hil.protocol.encoder import StreamEncoder
from hil.protocol.events import HostPing
from hil.protocol.witness_edges import read_recording
from tools.synthetic_witness import LINES, MODULUS, Witness


def read(frames: list[bytes]):
    return read_recording(decode(b"".join(frames)), LINES, "witness")


def regular(period_us: float, seconds: float, first_us: float = 500) -> list[int]:
    return [
        round((first_us + k * period_us) * 62.5) for k in range(int(seconds * 1e6 // period_us) - 2)
    ]


def rows(seconds: float, every_us: int = 250_000) -> list[int]:
    return list(range(every_us, int(seconds * 1e6) + 1, every_us))


def test_every_edge_is_where_it_was():
    witness = Witness({"task0": regular(1000, 3), "loop": regular(777.7, 3)}, rows(3))
    recording = read(witness.frames())
    assert recording.issues == ()
    assert recording.lost == ()
    assert recording.resolution_ns == 16
    assert (recording.start_ns, recording.end_ns) == (0, 3_000_000_000)
    for name in LINES:
        line = recording.line(name)
        assert line.times_ns.tolist() == witness.truth_ns(name).tolist()
        assert line.levels.tolist() == [1 - k % 2 for k in range(line.times_ns.size)]
        assert line.initial == 0


def test_counter_and_clock_wrap_many_times_in_hours():
    hours = 3
    task = [round(k * 20_000_000 * 62.5) + 17 for k in range(1, hours * 180)]
    loop = [round(3000e6 * 62.5), round(9000e6 * 62.5)]  # most of an hour without an edge
    witness = Witness({"task0": task, "loop": loop}, rows(hours * 3600, 10_000_000))
    recording = read(witness.frames())
    assert recording.issues == ()
    assert recording.lost == ()
    for name in LINES:
        assert recording.line(name).times_ns.tolist() == witness.truth_ns(name).tolist()


def test_the_second_block_of_machines_starts_ten_cycles_later():
    names = tuple(f"task{number}" for number in range(8))
    witness = Witness({name: [1000, 2000] for name in names}, rows(1), lines=names)
    recording = read_recording(decode(b"".join(witness.frames())), names, "witness")
    truth = witness.truth_ns("task0")
    for number, line in enumerate(recording.lines):
        assert (line.times_ns - truth).tolist() == [80 if number >= 4 else 0] * 2


@pytest.mark.parametrize("divider", [1, 2, 8])
def test_a_divider_makes_the_steps_longer(divider):
    witness = Witness({"task0": [1000, 2001]}, rows(1), divider=divider)
    recording = read(witness.frames())
    assert recording.resolution_ns == 16 * divider
    assert recording.line("task0").times_ns.tolist() == witness.truth_ns("task0").tolist()


def test_a_line_that_is_high_at_the_start_has_no_edge_there():
    witness = Witness({"task0": [700, 900]}, rows(1), first_high=("task0", "loop"))
    recording = read(witness.frames())
    task, loop = recording.lines
    assert (task.initial, loop.initial) == (1, 1)
    assert task.levels.tolist() == [0, 1]
    assert loop.times_ns.size == 0
    assert recording.lost == ()


def test_a_full_fifo_invalidates_its_interval():
    witness = Witness({"task0": regular(1000, 2)}, rows(2), full={2: 1})
    (interval,) = read(witness.frames()).lost
    assert (interval.start_ns, interval.end_ns) == (500_000_000, 751_000_000)
    assert "FIFO" in interval.reason


def test_words_that_the_ring_had_no_room_for_invalidate_their_interval():
    witness = Witness({"task0": regular(1000, 2)}, rows(2), skip={("task0", 3): 100})
    recording = read(witness.frames())
    (interval,) = recording.lost
    truth = witness.truth_ns("task0")
    assert (interval.start_ns, interval.end_ns) == (truth[749], truth[850])
    assert interval.reason == "edges of task0 did not arrive"
    assert recording.line("task0").times_ns.size == truth.size - 100


def test_a_stream_that_ends_is_a_recording_up_to_there():
    witness = Witness({"task0": regular(1000, 2)}, rows(2))
    frames = witness.frames(ended=False)
    recording = read(frames[: len(frames) // 2])
    assert [issue.kind for issue in recording.issues] == ["truncated"]
    assert "nothing more after" in recording.issues[0].detail
    assert 0 < recording.end_ns < 2_000_000_000
    assert recording.line("task0").times_ns[-1] <= recording.end_ns


def test_a_counter_that_something_else_stops_is_told():
    witness = Witness({"task0": regular(1000, 2)}, rows(2))
    frames = witness.frames()
    slow = Witness({"task0": regular(1000, 2)}, rows(1.9999))
    recording = read([*frames[:-1], renumbered(frames[-1], slow.frames()[-1])])
    assert {issue.kind for issue in recording.issues} == {"clock"}
    assert "-250000.0 us more" in recording.issues[0].detail


def renumbered(frame: bytes, other: bytes) -> bytes:
    """``frame`` with the counters of ``other``."""
    encoder = StreamEncoder()
    fields = dict(part.split("=") for part in frame[4:-7].decode().split(";"))
    fields["x"] = dict(part.split("=") for part in other[4:-7].decode().split(";"))["x"]
    encoder.sequence = decode_sequence(frame)
    encoder.text("E", **fields)
    return encoder.data


def decode_sequence(frame: bytes) -> int:
    return (frame[2] - 35) + 91 * (frame[3] - 35)


def test_pings_give_pairs_in_the_witness_time():
    witness = Witness({}, rows(2))
    frames = witness.frames()
    encoder = StreamEncoder()
    encoder.sequence = decode_sequence(frames[-1]) + 1
    for number, at_us in enumerate((-2000, 1_500_000)):
        rx = (witness.start_us + at_us) % MODULUS
        encoder.text("P", n=number, rx=rx, tx=(rx + 100) % MODULUS)
    data = b"".join(frames) + encoder.data
    pings = [HostPing(7_000_000, 7_200_000), HostPing(1_509_000_000, 1_509_200_000)]
    recording = read_recording(decode(data), LINES, "witness", pings)
    assert recording.own_ns.tolist() == [-1_950_000, 1_500_050_000]
    assert recording.host_ns.tolist() == [7_100_000, 1_509_100_000]


@pytest.mark.parametrize(
    ("frame", "fields", "said"),
    [
        ("D", {"us": 5, "full": 0, "n": "1,2,3"}, "3 numbers, not 2"),
        ("D", {"us": 5, "full": 0, "n": "1,x"}, "not an integer"),
        ("D", {"us": 5, "full": 999, "n": "1,2"}, "not between"),
        ("D", {"us": MODULUS, "full": 0, "n": "1,2"}, "not between"),
        ("E", {"us0": 1, "us1": 2, "x": "1"}, "1 numbers, not 2"),
    ],
)
def test_what_can_t_be_is_left_out_and_said(frame, fields, said):
    frames = Witness({"task0": [10, 20]}, rows(1)).frames(ended=False)
    encoder = StreamEncoder()
    encoder.sequence = len(frames)
    encoder.text(frame, **fields)
    recording = read([*frames, encoder.data])
    assert any(said in issue.detail for issue in recording.issues)
    assert recording.line("task0").times_ns.size == 2


@pytest.mark.parametrize("kind", ["H", "G"])
def test_without_its_head_a_stream_has_no_times(kind):
    frames = [f for f in Witness({"task0": [10]}, rows(1)).frames() if f[1:2] != kind.encode()]
    recording = read(frames)
    assert recording.lines == ()
    assert any("no edge has a time" in issue.detail for issue in recording.issues)


def is_lost(recording, time_ns: int) -> bool:
    return time_ns > recording.end_ns or any(
        interval.start_ns <= time_ns <= interval.end_ns for interval in recording.lost
    )


frame_faults = st.lists(
    st.tuples(
        st.sampled_from(["drop", "double", "damage", "swap", "cut"]),
        st.floats(0, 0.999),
        st.integers(0, 2**16),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(frame_faults, st.integers(0, 2**32 - 1))
def test_whatever_happens_to_frames_no_edge_is_wrong_or_missed_in_silence(faults, seed):
    random = np.random.default_rng(seed)
    edges = {}
    for name in LINES:
        usual = random.choice(
            [8, 100, 62_500, 3_000_000, 2**31], 200, p=[0.2, 0.3, 0.3, 0.19, 0.01]
        )
        steps = 8 + (usual * random.uniform(0.5, 1, 200)).astype(np.int64)
        edges[name] = np.cumsum(steps).tolist()
    seconds = max(max(counts) for counts in edges.values()) * 2 / 125e6 + 0.3
    witness = Witness(edges, rows(seconds, 500_000), start_us=int(random.integers(0, MODULUS)))
    frames = witness.frames()
    for what, where, number in faults:
        at = int(where * len(frames))
        if not frames[at]:  # it was cut to nothing before
            continue
        if what == "drop":
            del frames[at]
        elif what == "double":
            frames.insert(at, frames[at])
        elif what == "damage":
            frame = bytearray(frames[at])
            frame[number % len(frame)] ^= 1 + number % 7
            frames[at] = bytes(frame)
        elif what == "swap":
            frames[at : at + 2] = frames[at : at + 2][::-1]
        else:
            frames[at] = frames[at][: number % len(frames[at])]
        if not frames:
            return
    recording = read(frames)
    for name in LINES:
        truth = witness.truth_ns(name).tolist()
        line = recording.line(name)
        seen = [] if line is None else line.times_ns.tolist()
        assert set(seen) <= set(truth)
        assert seen == sorted(seen)
        if line is not None:
            levels = {time: 1 - k % 2 for k, time in enumerate(truth)}
            assert line.levels.tolist() == [levels[time] for time in seen]
        missed = set(truth) - set(seen)
        assert [time for time in missed if not is_lost(recording, time)] == []
