"""Tables of levels: what is wrong with some, and what is unusual in others."""

import numpy as np
import pytest

from hil.model.errors import CaptureError
from tests.recording.edge_files.recorded import (
    as_plain_csv,
    as_saleae_csv,
    as_sigrok_csv,
    read,
    some_samples,
)

ONLY = {"D0": "task0"}
SALEAE = "Time [s],Channel 0,Channel 1\n"
SIGROK = "; CSV\n; Channels (2/2): D0, D1\n; Samplerate: 1 MHz\nlogic,logic\n"


def line_of(tmp_path, text, rate_hz=None):
    recording = read(tmp_path / "a.csv", text.encode(), lines=ONLY, rate_hz=rate_hz)
    return recording, recording.lines[0]


def test_times_may_begin_before_the_trigger(tmp_path):
    recording, line = line_of(tmp_path, SALEAE + "-0.500000000,0,0\n-0.1,1,0\n0.25,0,0\n0.3,0,1\n")
    assert (line.initial, line.times_ns.tolist()) == (0, [-100_000_000, 250_000_000])
    assert (recording.start_ns, recording.end_ns) == (-500_000_000, 300_000_000)


def test_other_units_of_time(tmp_path):
    for title, shown in (("Time[ms]", "2.5"), ("time (us)", "2500"), ("nanoseconds", "2500000")):
        _, line = line_of(tmp_path, f"{title},D0\n0,0\n{shown},1\n")
        assert line.times_ns.tolist() == [2_500_000], title
    _, line = line_of(tmp_path, "picoseconds,D0\n0,0\n2500499,1\n")
    assert line.times_ns.tolist() == [2500]


def test_quoted_titles_and_a_byte_order_mark(tmp_path):
    _, line = line_of(tmp_path, '\ufeff"Time [s]","D0"\n0,0\n1,1\n')
    assert line.times_ns.tolist() == [1_000_000_000]


def test_empty_lines_are_no_samples(tmp_path):
    _, line = line_of(tmp_path, SIGROK + "0,0\n\n0,1\n1,1\n\n")
    assert line.times_ns.tolist() == [2000]


def test_a_last_row_without_an_end_counts_if_it_is_whole(tmp_path):
    _, line = line_of(tmp_path, SIGROK + "0,0\n0,1\n1,1")
    assert line.times_ns.tolist() == [2000]
    _, line = line_of(tmp_path, SIGROK + "0,0\n0,1\n1,")
    assert line.times_ns.size == 0


def test_sigrok_s_times_are_taken_as_they_are_where_they_are_no_sums(tmp_path):
    head = "; Channels (1/1): D0\n; Samplerate: 24 MHz\nnanoseconds,logic\n"
    _, line = line_of(tmp_path, head + "42,0\n125,1\n")
    assert line.times_ns.tolist() == [125]


def test_a_table_without_a_rate_needs_one(tmp_path):
    data = as_plain_csv(some_samples(50))
    with pytest.raises(CaptureError, match=r"neither times nor a sample rate.*\?rate=24M"):
        read(tmp_path / "a", data, lines=ONLY)
    assert read(tmp_path / "a", data, lines=ONLY, rate_hz=2e6).end_ns == 49 * 500


def test_the_file_s_own_rate_counts(tmp_path):
    data = as_sigrok_csv(some_samples(50))
    assert read(tmp_path / "a", data, lines=ONLY, rate_hz=2e6).resolution_ns == 1000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SALEAE, "there are no samples"),
        (SALEAE + "0,0,0\n1.5,1\n", "line 3 is no row of 3 columns"),
        (SALEAE + "0,0,0\n1.5,1,0,0\n", "line 3: '1.5,1' is no time"),
        (SALEAE + "0,0,0\n1,2,0\n", "line 3 has a level that is neither 0 nor 1"),
        (SALEAE + "0,0,0\n1,x,0\n", "line 3 has a level"),
        (SALEAE + "0,0,0\n2,1,0\n1,0,0\n", "line 4: '1' is no time .* or before the time"),
        (SALEAE + "0,0,0\n2026-11-27T10:00:00Z,1,0\n", "is no time in seconds from the beginning"),
        (SALEAE + "0,0,0\n1e-3,1,0\n", "is no time"),
        (SALEAE + "0,0,0\n,1,0\n", "line 3"),
        (SALEAE + "0,0,0\n99999999999,1,0\n", "is no time"),
        (SIGROK + "0,0\n1\n", "line 6 is no row of 2 columns"),
        (SIGROK + "0,0\n1,1,1\n", "line 6 is no row of 2 columns"),
        (SIGROK + "0;0\n1;1\n", "line 5 is no row of 2 columns"),
        (SIGROK.replace("1 MHz", "0 MHz") + "0,0\n", "no sample rate"),
        (SIGROK.replace("logic,logic", "logic,A0: 1.00 V DC") + "0,0\n", "analog channels"),
        ("D0,Time [s]\n0,1\n", "not in the first column"),
        ("0,1\n1,0\n", "no titles of columns"),
        ("; CSV\n" * 101 + "a,b\n", "no titles of columns"),
        (",".join(f"D{k}" for k in range(300)) + "\n", "more than 256"),
        ("D0,D1\n" + "0" * 100_000, "too long for a table"),
        ("D0,D1", "no table of levels"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, text, words):
    with pytest.raises(CaptureError, match=words) as error:
        read(tmp_path / "run.csv", text.encode(), lines=ONLY, rate_hz=1e6)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("run.csv: ")


def test_a_mistake_is_found_in_any_piece(tmp_path):
    samples = some_samples(2000)
    for form in (as_saleae_csv, as_sigrok_csv):
        lines = form(samples).split(b"\n")
        lines[-100] = lines[-100][:-1] + b"7"
        with pytest.raises(CaptureError, match=f"line {len(lines) - 99} "):
            read(tmp_path / "a", b"\n".join(lines), lines=ONLY)


def test_many_columns(tmp_path):
    samples = some_samples(100, channels=10)
    samples.levels = np.tile(samples.levels, 12)
    samples.names = tuple(f"S{k}" for k in range(120))
    recording = read(tmp_path / "a", as_saleae_csv(samples), lines={"Channel 117": "loop"})
    np.testing.assert_array_equal(recording.lines[0].levels, samples.edges("S117")[1])
