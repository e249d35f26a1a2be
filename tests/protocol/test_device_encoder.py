"""The encoder that runs on boards, on the real VM, against the decoder."""

import json
import os
import subprocess
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.protocol import frames
from hil.protocol.decoder import Decoded, decode
from hil.protocol.encoder import StreamEncoder

SERVER = """
import sys, json
from array import array
import lib.lines
from lib.frames import FrameWriter
%s
size = 1024
while True:
    line = sys.stdin.readline()
    if not line:
        break
    order, first, size, values = json.loads(line)
    writer = FrameWriter(sys.stdout.buffer.write, size)
    writer.text("C", "i=3;name=x;kind=value")
    writer.stamps(3, order, array("l", values), 0, len(values), first)
    print("done")
"""
VARIANTS = {
    "plain": "",
    "fast": "import lib.frames_fast",
    "no crc32": "lib.lines.crc32 = None",
}


class DeviceEncoder:
    def __init__(self, micropython: str, setup: str, path: str) -> None:
        self._process = subprocess.Popen(
            [micropython, "-c", SERVER % setup],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "MICROPYPATH": path},
        )

    def encode(self, values: list[int], order: int, first: int = 0, size: int = 1024) -> bytes:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([order, first, size, values]).encode() + b"\n")
        process.stdin.flush()
        lines = []
        while (line := process.stdout.readline()) != b"done\n":
            assert line, "the VM died"
            lines.append(line)
        return b"".join(lines)

    def close(self) -> None:
        with self._process as process:
            process.stdin.close()


@pytest.fixture(scope="module", params=VARIANTS)
def device(request, micropython, agents_path) -> Iterator[DeviceEncoder]:
    encoder = DeviceEncoder(micropython, VARIANTS[request.param], agents_path)
    yield encoder
    encoder.close()


def assert_same(got: Decoded, values: list[int], first: int = 0) -> None:
    assert got.faults == ()
    assert got.log == ()
    assert got.channels["x"].values.tolist() == values
    assert got.channels["x"].end_index == (first + len(values) if values else 0)


TICKS_30 = st.integers(-1, 2**30 - 1)
STEADY = st.builds(
    lambda start, steps: np.cumsum([start, *steps]).tolist(),
    st.integers(0, 2**40),
    st.lists(st.integers(900, 1100) | st.integers(-70_000, 70_000), max_size=1200),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    values=STEADY | st.lists(TICKS_30, max_size=300) | st.lists(st.integers(-(2**60), 2**60)),
    order=st.sampled_from((0, 1)),
    first=st.integers(0, 2**40),
    size=st.sampled_from((0, 256, 1024)),
)
def test_what_a_board_packs_comes_back(device, values, order, first, size):
    data = device.encode(values, order, first, size)
    assert_same(decode(data), values, first)
    assert all(len(line) <= max(size, 160) for line in data.splitlines(keepends=True))


def test_hard_cases_come_back(device):
    wrapped = [(i * 1000) % 65536 for i in range(3000)]
    late = [1000 * i + (5000 if i % 50 == 0 else 0) for i in range(2000)]
    far = [0, 2**28 - 1, 2 * 2**28 - 1, 2**30 - 1, 0, 2**40, -1, 2**61]
    for values in ([], [0], [7, 7], [5] * 600, wrapped, late, far, [-1, 3] * 700):
        for order in (0, 1):
            assert_same(decode(device.encode(values, order)), values)


def with_one_centre(order, noise):
    """512 values whose packed numbers have the same median as the nine that a board looks at.

    Their tails are long: the best width leaves some as exceptions, so what these cost counts.
    """
    chance = np.random.default_rng(noise)
    packed = 512 - order
    looked_at = np.arange(9) * packed // 9
    distances = np.zeros(packed, np.int64)
    rest = np.setdiff1d(np.arange(packed), looked_at)
    distances[rest] = 1 + np.abs(noise * chance.standard_t(1.5, rest.size)).astype(int)
    distances[chance.permutation(rest)[: rest.size // 2]] *= -1
    values = 1000 + distances
    return np.cumsum([10**6, *values]).tolist() if order else values.tolist()


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("noise", [1, 8, 30])
def test_the_reference_encoder_makes_the_same_bytes(device, order, noise):
    values = with_one_centre(order, noise)
    reference = StreamEncoder()
    reference.text("C", i=3, name="x", kind="value")
    reference.stamps(3, values, order=order, first_index=7)
    assert device.encode(values, order, first=7) == reference.data


@pytest.mark.parametrize(
    ("order", "values"),
    [(0, [7]), (1, [7]), (0, [7, 7]), (1, [7, 7]), (1, [1000 * k for k in range(512)])],
)
def test_of_one_value_and_of_equal_steps_too(device, order, values):
    reference = StreamEncoder()
    reference.text("C", i=3, name="x", kind="value")
    reference.stamps(3, values, order=order)
    assert device.encode(values, order) == reference.data


def test_bytes_per_stamp_of_a_noisy_kilohertz(device):
    # white noise of 50 us on a 1 ms grid: differences have log2(50 * sqrt(2) * sqrt(2 pi e)) bits
    random = np.random.default_rng(3)
    n = 20_000
    values = (np.arange(n) * 1000 + random.normal(0, 50, n)).astype(int).tolist()
    size = len(device.encode(values, 1)) / n
    assert size <= 1.5
    assert size <= 1.5 * np.log2(50 * np.sqrt(2) * np.sqrt(2 * np.pi * np.e)) / 8


@settings(max_examples=100, deadline=None)
@given(
    values=STEADY | st.lists(st.integers(-(2**60), 2**60), max_size=700),
    order=st.sampled_from((0, 1)),
    first=st.integers(0, 2**40),
)
def test_what_the_reference_packs_comes_back(values, order, first):
    encoder = StreamEncoder()
    encoder.text("C", i=3, name="x", kind="value")
    encoder.stamps(3, values, order=order, first_index=first)
    assert_same(decode(encoder.data), values, first)


def test_a_writer_that_takes_one_argument_or_writes_in_parts(on_vm):
    out = on_vm(
        """
import sys
from lib.frames import FrameWriter
one = FrameWriter(lambda data: sys.stdout.buffer.write(data))
one.text("H", "v=1")
text = FrameWriter(sys.stdout.write)
text.seq = 1
text.text("X", "t=caf\\u00e9 ~ tilde\\n")
def slowly(data, at, size=None):
    if size is None:
        at, size = 0, at
    return sys.stdout.buffer.write(data, at, min(size, 7))
parts = FrameWriter(slowly)
parts.seq = 2
parts.text("E", "status=ok;" + "x=" + "1" * 2000)
"""
    )
    got = decode(out)
    assert got.faults == ()
    assert [frame.kind for frame in got.texts] == ["H", "X", "E"]
    assert got.texts[1].fields == {"t": "caf? ? tilde?"}
    assert len(got.texts[2].fields["x"]) == 2000


def test_the_sequence_goes_round(on_vm):
    out = on_vm(
        f"""
import sys
from lib.lines import LineWriter
writer = LineWriter(sys.stdout.buffer.write)
for i in range({frames.SEQUENCE_PERIOD + 3}):
    writer.text("R", "n=1")
"""
    )
    got = decode(out)
    assert got.faults == ()
    assert got.frames == frames.SEQUENCE_PERIOD + 3
