"""The fault-injecting link: what each fault does to the bytes, seeded, and read strictly."""

import errno

import pytest

from hil.boards.fault_injection import FaultSpec, LinkFaults, format_faults, parse_faults
from hil.model.errors import ConfigurationError

DATA = bytes(range(256)) * 40


class Clock:
    now = 100.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def through(spec, data=DATA, *, chunk=64, seconds=0.0):
    """What comes out when ``data`` goes in by chunks, and the link."""
    clock = Clock()
    link = LinkFaults(spec, clock=clock, sleep=clock.sleep)
    link.arm()
    rest = [data[at : at + chunk] for at in range(0, len(data), chunk)]

    def read(timeout_s):
        if rest:
            return rest.pop(0)
        clock.sleep(timeout_s)
        return b""

    out = b""
    for _ in range(3 * len(data) // chunk + 20):
        out += link.pull(read, seconds)
    return out, link


def test_without_faults_everything_passes():
    out, link = through(FaultSpec())
    assert out == DATA
    assert not link.done


def test_a_dropped_byte_is_lost_and_counted():
    out, link = through(FaultSpec(drop=0.01))
    assert link.done["drop"] > 50
    assert len(out) == len(DATA) - link.done["drop"]


def test_a_flipped_bit_is_one_bit():
    out, link = through(FaultSpec(flip=0.01))
    assert len(out) == len(DATA)
    wrong = [a ^ b for a, b in zip(out, DATA, strict=True) if a != b]
    assert len(wrong) == link.done["flip"] > 50
    assert all(bits.bit_count() == 1 for bits in wrong)


def test_reordering_loses_nothing():
    out, link = through(FaultSpec(reorder=0.01), chunk=4096)
    assert link.done["reorder"] > 10
    assert out != DATA
    assert sorted(out) == sorted(DATA)


@pytest.mark.parametrize("fault", ["dup", "garbage", "storm"])
def test_what_is_added_is_added(fault):
    out, link = through(FaultSpec(**{fault: 0.01}))
    assert link.done[fault] > 10
    assert len(out) > len(DATA)


def test_the_same_seed_gives_the_same_faults_however_the_bytes_are_cut():
    first, _ = through(FaultSpec(drop=0.01, flip=0.01, seed=5), chunk=64)
    assert first == through(FaultSpec(drop=0.01, flip=0.01, seed=5), chunk=1000)[0]
    assert first != through(FaultSpec(drop=0.01, flip=0.01, seed=6), chunk=64)[0]


def test_silence_begins_at_its_byte():
    out, _ = through(FaultSpec(silence_at=100))
    assert out == DATA[:100]


def test_a_lost_port_comes_back():
    clock = Clock()
    link = LinkFaults(FaultSpec(lost_at=10, gone_s=5), clock=clock, sleep=clock.sleep)
    link.arm()
    assert link.pull(lambda _: DATA[:64], 1) == DATA[:10]  # the rest is gone with the port
    with pytest.raises(OSError, match="Input/output") as caught:
        link.pull(lambda _: DATA[:64], 1)
    assert caught.value.errno == errno.EIO
    with pytest.raises(OSError, match="Input/output"):
        link.push(lambda data: len(data), b"x")
    clock.now += 5.1
    assert link.pull(lambda _: b"again", 1)


def test_a_stalled_flow_is_not_read_and_loses_nothing():
    out, link = through(FaultSpec(stall_at=100, stall_s=3), seconds=0.5)
    assert out == DATA
    assert link.done["stall_at"] == 1


def test_delayed_bytes_come_later_in_their_order():
    out, link = through(FaultSpec(delay=0.005, delay_ms=300), seconds=0.1)
    assert link.done["delay"] > 5
    assert out == DATA[: len(out)]


def test_echo_brings_back_what_is_sent():
    clock = Clock()
    link = LinkFaults(FaultSpec(echo=1), clock=clock, sleep=clock.sleep)
    link.arm()
    sent = []
    link.push(sent.append, b"!")
    assert sent == [b"!"]
    assert link.pull(lambda _: b"", 0) == b"!"


def test_nothing_happens_between_captures():
    link = LinkFaults(FaultSpec(drop=0.5, echo=1))
    assert link.pull(lambda _: DATA, 0) == DATA
    link.arm()
    assert link.pull(lambda _: DATA, 0) != DATA
    link.disarm()
    assert link.pull(lambda _: DATA, 0) == DATA


@pytest.mark.parametrize(
    "text",
    ["drop=0.001", "lost_at=500,gone_s=3", "echo=1,always=1", "flip=0.25,seed=9,delay_ms=12.5"],
)
def test_a_specification_reads_back(text):
    spec = parse_faults(text)
    assert parse_faults(format_faults(spec)) == spec


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "unknown fault ''"),
        ("dorp=0.1", "did you mean drop?"),
        ("drop", "needs a value"),
        ("drop=", "needs a value"),
        ("drop=x", "a number"),
        ("drop=nan", "0 to 0.5"),
        ("drop=inf", "0 to 0.5"),
        ("drop=0.9", "0 to 0.5"),
        ("drop=-1", "0 to 0.5"),
        ("seed=1.5,drop=0.1", "a whole number"),
        ("drop=0.1,drop=0.2", "twice"),
        ("seed=3", "no fault is asked for"),
        ("drop=0", "no fault is asked for"),
        ("drop=0.1,,flip=0.1", "unknown fault"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(text, says):
    with pytest.raises(ConfigurationError, match="--hil-faults") as caught:
        parse_faults(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
