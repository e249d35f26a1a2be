"""Every form of a recording gives the same edges, whatever the file is called."""

import numpy as np
import pytest

from hil.model.errors import CaptureError, ConfigurationError
from hil.recording.edge_files import csv_table, csv_titles, vcd
from tests.recording.edge_files.recorded import FORMS, LINES, as_saleae_csv, read, some_samples


@pytest.mark.parametrize("rate_hz", [1_000_000, 24_000_000])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_edges(tmp_path, form, rate_hz):
    samples = some_samples(rate_hz=rate_hz)
    recording = read(tmp_path / "data.bin", FORMS[form](samples), rate_hz=rate_hz)
    assert recording.instrument == "la"
    assert (recording.issues, recording.lost) == ((), ())
    assert [line.name for line in recording.lines] == list(LINES.values())
    for name, line in zip(LINES, recording.lines, strict=True):
        times, levels = samples.edges(name)
        assert line.initial == samples.levels[0, samples.names.index(name)]
        np.testing.assert_array_equal(line.levels, levels)
        assert np.abs(line.times_ns - times).max() <= 0.5 + (rate_hz == 24_000_000)
    assert recording.start_ns == 0
    last = (
        len(samples.levels) - 1
        if "times" not in form and "saleae" not in form
        else (samples.changes[-1])
    )
    assert abs(recording.end_ns - samples.times_ns[last]) <= 1
    assert recording.resolution_ns == pytest.approx(1e9 / rate_hz)


@pytest.mark.parametrize("form", FORMS)
def test_where_the_pieces_of_a_file_end_makes_no_difference(tmp_path, monkeypatch, form):
    data = FORMS[form](some_samples(600))
    whole = read(tmp_path / "a", data, rate_hz=1e6)
    for size in (257, 1000):
        for module in (vcd, csv_table, csv_titles):
            monkeypatch.setattr(module, "BLOCK", size if module is not csv_titles else 4096)
        again = read(tmp_path / "a", data, rate_hz=1e6)
        for line, other in zip(whole.lines, again.lines, strict=True):
            np.testing.assert_array_equal(line.times_ns, other.times_ns)
            np.testing.assert_array_equal(line.levels, other.levels)


@pytest.mark.parametrize("form", ["vcd", "sigrok csv, times", "saleae csv"])
def test_a_text_that_was_cut_off_gives_no_edge_that_was_not_there(tmp_path, form):
    samples = some_samples(300)
    data = FORMS[form](samples)
    for end in range(len(data) - 400, len(data), 7):
        try:
            recording = read(tmp_path / "a", data[:end])
        except CaptureError:
            continue
        for name, line in zip(LINES, recording.lines, strict=True):
            times, levels = samples.edges(name)
            np.testing.assert_array_equal(line.times_ns, times[: line.times_ns.size])
            np.testing.assert_array_equal(line.levels, levels[: line.times_ns.size])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (b"\x7fELF\x02\x01\x01\x00", "neither a VCD file"),
        (b"hello\n", "neither a VCD file"),
        (b"<SALEAE>\x00\x00\x00\x00", "neither a VCD file"),
    ],
)
def test_what_is_no_recording_is_refused_in_one_line(tmp_path, data, words):
    with pytest.raises(CaptureError, match=words) as error:
        read(tmp_path / "run.vcd", data)
    assert "\n" not in str(error.value)


def test_a_file_that_can_not_be_read_is_one_line(tmp_path):
    with pytest.raises(CaptureError, match="can't read"):
        read_missing(tmp_path)


def read_missing(folder):
    from hil.recording.edge_files.recorded_file import read_recorded_file

    return read_recorded_file(folder / "none.vcd", "la", lambda names: {})


@pytest.mark.parametrize("form", FORMS)
def test_a_channel_that_is_not_there_is_one_line(tmp_path, form):
    with pytest.raises(ConfigurationError, match="no channel D77; it has "):
        read(tmp_path / "a", FORMS[form](some_samples(50)), lines={"D77": "task0"}, rate_hz=1e6)


@pytest.mark.parametrize(
    ("rate_hz", "count", "period_ns"),
    [(500_000_000, 3000, 2), (200_000_000, 3000, 5), (8_000_000, 900, 125), (4, 900, 250_000_000)],
)
def test_the_sample_period_is_estimated_where_the_file_does_not_say_it(
    tmp_path, rate_hz, count, period_ns
):
    samples = some_samples(count, rate_hz)
    recording = read(tmp_path / "a", as_saleae_csv(samples))
    assert recording.resolution_ns == pytest.approx(period_ns)
