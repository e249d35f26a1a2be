"""Secrets in a board's stream: masked wherever reads cut them, and nothing else is touched."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.model.secret_patterns import SecretPatterns
from hil.protocol.decoder import decode
from hil.protocol.encoder import StreamEncoder
from hil.protocol.frames import MAX_FRAME
from hil.protocol.stream_scrubber import StreamScrubber

KEY, NETWORK = "pl4nted-canary", "attic"


def scrubbed(chunks, secrets=(KEY, NETWORK)):
    scrubber = StreamScrubber(SecretPatterns(secrets))
    return b"".join([*(scrubber.feed(chunk) for chunk in chunks), scrubber.flush()])


def forms(key=KEY):
    data = key.encode()
    return [data, data.swapcase(), data[::-1], data.hex().encode(), repr(list(data)).encode()] + [
        base64.b64encode(b"xyz"[:n] + data) for n in range(3)
    ]


@pytest.mark.parametrize("form", forms())
def test_a_secret_is_masked_wherever_two_reads_split_it(form):
    stream = b"before " + form + b" behind\r\n"
    for at in range(len(stream) + 1):
        out = scrubbed([stream[:at], stream[at:]])
        assert form not in out
        assert len(out) == len(stream)
        assert out.startswith(b"before ")
        assert out.endswith(b" behind\r\n")
        assert out.count(b"*") >= len(form) - 9  # of Base64 both ends are others', too


def test_of_a_secret_that_drips_three_bytes_are_given_out():
    out = scrubbed(bytes((byte,)) for byte in b"key: " + KEY.encode() + b"!\n")
    assert out == b"key: pl4***********!\n"


def test_a_secret_that_another_one_begins_with_does_not_hide_that():
    secrets = ["attic-net", "attic-net-5GHz"]
    assert scrubbed([b"join attic-net", b"-5GHz now"], secrets) == b"join ************** now"
    assert scrubbed([b"join attic-net", b" now"], secrets) == b"join ********* now"


def test_what_ends_in_the_middle_of_one_is_masked_at_the_end_of_the_stream():
    assert scrubbed([b"key: pl4nted-can"]) == b"key: ***********"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=30), max_size=20))
def test_a_stream_without_secrets_is_what_it_was(chunks):
    assert scrubbed(chunks) == b"".join(chunks)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([*forms(), b"~", b"\n", b"pl4nt", b" ", b"\x04"])), st.data())
def test_cut_anywhere_the_length_stays_and_no_secret_is_left(parts, data):
    stream = b"|".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    out = scrubbed(chunks)
    assert len(out) == len(stream)
    assert not [form for form in forms()[:4] if form in out]


def stream_with(name, text):
    encoder = StreamEncoder()
    encoder.text("H", v=1, tp=1 << 30, tasks=1)
    encoder.text("C", i=0, name=name, kind="ticks")
    encoder.stamps(0, [1000, 2000, 3010])
    encoder.text("X", t=text)
    encoder.raw(f"log: {text}\r\n".encode())
    encoder.text("T", i=0, n=3, dropped=0)
    encoder.text("E", us0=0, us1=4000, ms0=0, ms1=4, status="ok")
    return encoder.data


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 20])
def test_a_frame_with_a_secret_is_sound_again_and_the_stamps_are_kept(size):
    stream = stream_with(KEY, f"OSError: no network {NETWORK} with {KEY.encode().hex()}")
    out = scrubbed(stream[at : at + size] for at in range(0, len(stream), size))
    before, after = decode(stream), decode(out)
    assert after.faults == before.faults == ()
    assert after.frames == before.frames
    (channel,) = after.channels.values()
    assert "pl4nted" not in repr(after)
    assert KEY.encode().hex() not in repr(after)
    assert repr(channel).replace(channel.name, KEY) == repr(before.channels[KEY])
    assert any("*****" in line for line in after.log)


def test_a_damaged_frame_stays_damaged():
    stream = stream_with("a", KEY).replace(b"us1=4000", b"us1=4001")
    damaged = stream.replace(KEY.encode(), KEY[:-1].encode() + b"_", 1)
    assert decode(scrubbed([stream])).faults == decode(stream).faults != ()
    assert decode(scrubbed([damaged])).faults == decode(damaged).faults != ()


def test_a_short_name_costs_no_line_of_the_harness():
    stream = stream_with("attic", "x") + b"hil:platform=attic\r\njoined attic\r\n"
    out = scrubbed([stream])
    assert out == stream.replace(b"joined attic", b"joined *****")


@pytest.mark.parametrize("name", ["soft", "MicroPython", "hil_main", "raw REPL"])
def test_a_name_from_the_prompts_own_words_is_left(name):
    greeting = b"MPY: soft reboot\r\nMicroPython v1.24\r\nraw REPL; CTRL-B to exit\r\n>OK"
    assert scrubbed([greeting], [name]) == greeting


def test_a_prompt_is_never_waited_for():
    scrubber = StreamScrubber(SecretPatterns(["OKOKOKOK", ">>> secret", "\x04\x04>secret"]))
    for prompt in (b"OK", b">", b"\x04\x04>", b">>> "[:3]):
        assert scrubber.feed(prompt) == prompt


def test_a_line_without_end_needs_no_more_memory_than_a_frame():
    scrubber = StreamScrubber(SecretPatterns([KEY]))
    sent = b"~X" + KEY.encode() + b"A" * 1000
    given_out = len(scrubber.feed(sent))
    for _ in range(100):
        given_out += len(scrubber.feed(b"B" * 1000))
    assert len(sent) + 100_000 - given_out <= MAX_FRAME + 1000
