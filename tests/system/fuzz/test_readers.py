"""Every reader of foreign bytes under hypothesis: any input is read or refused, nothing else."""

import gc
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tools.fuzz.seeds import SEEDS
from tools.fuzz.targets import TARGETS, frames_of

EASY = settings(
    max_examples=60, deadline=2000, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip


@st.composite
def damaged(draw, seeds):
    """A sound example with pieces overwritten, cut out, repeated or inserted."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data)))
        size = draw(st.integers(0, 30))
        match draw(st.integers(0, 3)):
            case 0:
                data[at : at + size] = draw(st.binary(max_size=30))
            case 1:
                del data[at : at + size]
            case 2:
                data[at:at] = data[at : at + size]
            case 3:
                data[at:at] = draw(st.binary(max_size=30))
    return bytes(data)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_damaged_examples(name):
    @EASY
    @given(damaged(SEEDS[name]))
    def check(data):
        TARGETS[name](data)

    check()


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_any_bytes(name):
    @EASY
    @given(st.binary(max_size=600))
    def check(data):
        TARGETS[name](data)

    check()


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_the_examples_themselves_are_sound_or_refused_as_meant(name):
    for seed in SEEDS[name]:
        TARGETS[name](seed)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("run_log", b'"schema run"'),
        ("run_log", b'{"schema": 1, "run": []}\n'),
        ("run_log", b"[" * 100_000),
        ("wiring", b"a=" + b"{b=" * 3000),
        ("wiring", b"outputs=" + b"[" * 3000),
        ("budgets", b"a=" + b"[" * 3000),
        ("board", b"rfc2217://["),
        ("board", b"/dev/x?baud=" + b"9" * 5000),
        ("results", b"[" * 100_000),
        ("redaction", b"/#?&password=x=:@xword=x=:@x"),
        ("redaction", b"'; password=x p?password=x password=x"),
        ("redaction", b"?a=1&password=p@"),
        ("history_address", b"postgresql://u:p\x80@h/d"),
        ("probe", b"hil:tp=" + b"9" * 5000),
        ("probe", b"hil:tp=1073741824\nhil:free=" + b"9" * 5000),
    ],
)
def test_what_fuzzing_found_stays_found(name, data):
    TARGETS[name](data)


@pytest.mark.parametrize("name", ["wire", "sound_frames", "sound_chunks", "run_log", "probe"])
def test_nothing_is_kept_of_what_was_read(name):
    def blocks(rounds):
        for number in range(rounds):
            for seed in SEEDS[name]:
                TARGETS[name](seed[: len(seed) - number % 50] + bytes((number % 256,)))
        gc.collect()
        return sys.getallocatedblocks()

    blocks(100)
    before = blocks(100)
    after = blocks(200)
    assert after - before < 400, "200 more inputs left more than 2 objects each behind"


def test_the_harness_would_see_a_frame_as_sound():
    from hil.protocol.decoder import decode

    got = decode(frames_of(b"\x00v=1;tp=65536\n\x01i=0;name=task0;kind=ticks"))
    assert [text.kind for text in got.texts] == ["H", "C"]
    assert got.faults == ()
