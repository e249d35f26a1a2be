"""Value change dumps of several programs, and what is wrong with some."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.model.edges import LostInterval
from hil.model.errors import CaptureError
from hil.recording.edge_files.number_fields import read_decimals, read_digits
from hil.recording.edge_files.vcd import read_vcd
from tests.recording.edge_files.recorded import as_vcd, read, some_samples

HEAD = '$timescale 1 us $end\n$var wire 1 ! D0 $end\n$var wire 8 " bus $end\n$enddefinitions $end\n'
ONLY = {"D0": "task0"}


def line_of(tmp_path, body, head=HEAD):
    recording = read(tmp_path / "a.vcd", (head + body).encode(), lines=ONLY)
    (line,) = recording.lines
    return recording, line


def test_values_before_the_first_time_are_the_levels_at_the_beginning(tmp_path):
    _, line = line_of(tmp_path, '$dumpvars\n1!\nb0 "\n$end\n#10\n0!\n#20\n1!\n')
    assert (line.initial, line.times_ns.tolist(), line.levels.tolist()) == (
        1, [10_000, 20_000], [0, 1],
    )  # fmt: skip


def test_values_that_change_nothing_are_no_edges(tmp_path):
    _, line = line_of(tmp_path, "#0 0!\n#5 0!\n#7 1! 1!\n#9 1!\n")
    assert (line.times_ns.tolist(), line.levels.tolist()) == ([7_000], [1])


def test_two_changes_at_one_time_are_a_glitch_that_stays(tmp_path):
    _, line = line_of(tmp_path, "#0 0!\n#5 1! 0!\n")
    assert (line.times_ns.tolist(), line.levels.tolist()) == ([5_000, 5_000], [1, 0])


def test_comments_and_other_values_stand_in_nobody_s_way(tmp_path):
    body = '#0 0!\n$comment #7 1! $end b101 "\nr1.5 #\n#9\n$comment\n1!\n#3 $end 1!\ns! "\n'
    _, line = line_of(tmp_path, body)
    assert line.times_ns.tolist() == [9_000]


def test_a_bit_that_is_written_as_a_vector_is_one(tmp_path):
    _, line = line_of(tmp_path, '#0 b0 !\n#5 b1 !\n#6 b00 "\n#7 B0 !\n')
    assert (line.times_ns.tolist(), line.levels.tolist()) == ([5_000, 7_000], [1, 0])


def test_an_identifier_behind_a_vector_is_no_change(tmp_path):
    head = HEAD.replace("! D0", "1 D0").replace('" bus', "01 bus")
    _, line = line_of(tmp_path, "#0 01\n#5 b1 01\n#6 11\n", head)
    assert line.times_ns.tolist() == [6_000]


def test_a_level_that_is_unknown_is_a_lost_interval(tmp_path):
    recording, line = line_of(tmp_path, "#0 x!\n#5 1!\n#7 z!\n#9 0!\n#12 X!\n#20\n")
    assert line.initial is None
    assert (line.times_ns.tolist(), line.levels.tolist()) == ([5_000, 9_000], [1, 0])
    reason = "the level of task0 is unknown"
    assert recording.lost == (
        LostInterval(7_000, 9_000, reason), LostInterval(12_000, 20_000, reason),
    )  # fmt: skip


def test_a_line_of_which_nothing_was_recorded_is_said(tmp_path):
    recording, line = line_of(tmp_path, "#0\n#5\n")
    assert line.times_ns.size == 0
    assert [issue.detail for issue in recording.issues] == ["nothing of line task0 was recorded"]


def test_names_that_are_there_twice_get_their_scope(tmp_path):
    head = (
        "$timescale 10ns $end $scope module a $end $var wire 1 ! clk $end $upscope $end\n"
        '$scope module b $end $var wire 1 " clk $end $var reg 1 # q [3] $end $upscope $end\n'
        "$enddefinitions $end\n"
    )
    data = (head + '#0 0! 0" 0#\n#3 1"\n#4 1#\n').encode()
    recording = read(tmp_path / "a", data, lines={"b.clk": "task0", "q[3]": "task1"})
    assert [line.times_ns.tolist() for line in recording.lines] == [[30], [40]]


def test_identifiers_of_several_characters(tmp_path):
    head = HEAD.replace("! D0", "!!a D0").replace('" bus', "!! bus")
    _, line = line_of(tmp_path, "#0 0!!a\n#5 1!!\n#6 1!!a\n#7 0!!ab\n", head)
    assert line.times_ns.tolist() == [6_000]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("$date x $end\n", "no \\$enddefinitions"),
        (HEAD.replace("1 us", "3 us") + "#0 0!\n", "'3us' is no time scale"),
        (HEAD.replace("1 us", "1 year") + "#0 0!\n", "is no time scale"),
        (HEAD.replace("1 us", "100 s") + "#99999999999999999 0!\n", "beyond what can be"),
        (HEAD.replace("$timescale 1 us $end", "") + "#0 0!\n", "no channels|no \\$timescale"),
        (HEAD.replace("$timescale 1 us $end", "$date x $end") + "#0 0!\n", "no \\$timescale"),
        ("$timescale 1 us $end $enddefinitions $end\n#0\n", "no channels of one bit"),
        (HEAD.replace("! D0", "!!!!!!!!! D0"), "identifier of more than 8"),
        (HEAD, "there is no time in it"),
        (HEAD + "0!\n1!\n", "there is no time in it"),
        (HEAD + "#5 0!\n#4 1!\n#9 0!\n", "#4 is before the time in front of it"),
        (HEAD + "#-5 0!\n#6\n", "#-5 is no time"),
        (HEAD + "# 0!\n#6\n", "is no time"),
        (HEAD + "#9999999999999999999999 0!\n#6\n", "is no time"),
        (HEAD + "#5x 0!\n#6\n", "#5x is no time"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(tmp_path, text, words):
    with pytest.raises(CaptureError, match=words) as error:
        read(tmp_path / "run.vcd", text.encode(), lines=ONLY)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("run.vcd: ")


class Endless(io.RawIOBase):
    """A file that says the same for ever."""

    def __init__(self, start, again):
        self.start, self.again, self.given = start, again, 0

    def read(self, size=-1):
        start, self.start = self.start[:size], self.start[size:]
        self.given += size
        assert self.given < 1 << 27, "it read on"
        return start or (self.again * (size // len(self.again) + 1))[:size]


@pytest.mark.parametrize(
    ("start", "again"),
    [(b"$date ", b"x"), (HEAD.encode(), b"x"), (b"$scope module a $end\n", b"x ")],
)
def test_a_file_without_an_end_is_left(start, again):
    with pytest.raises(CaptureError):
        read_vcd(Endless(start, again), "a", "la", lambda names: {0: "task0"})


def test_one_signal_among_many_is_read(tmp_path):
    samples = some_samples(3000)
    recording = read(tmp_path / "a", as_vcd(samples), lines={"D7": "loop"})
    np.testing.assert_array_equal(recording.lines[0].times_ns, samples.edges("D7")[0])


def fields_of(texts):
    data = np.frombuffer(",".join(texts).encode() + b",", np.uint8)
    ends = np.flatnonzero(data == ord(","))
    starts = np.concatenate([[0], ends[:-1] + 1])
    return data, starts, ends - starts


@given(st.lists(st.integers(0, 10**18 - 1), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_whole_numbers(numbers):
    assert read_digits(*fields_of(list(map(str, numbers))), 18).tolist() == numbers


DECIMALS = st.decimals(-(10**6), 10**6, allow_nan=False, allow_infinity=False, places=9)


@given(st.lists(DECIMALS, min_size=1, max_size=20), st.integers(0, 9), st.booleans())
@settings(max_examples=50, deadline=None)
def test_decimal_numbers(numbers, places, mixed):
    texts = [f"{n:.{places + (mixed and i % 3)}f}" for i, n in enumerate(numbers)]
    values, wrong = read_decimals(*fields_of(texts), 9)
    assert not wrong.any()
    for text, value in zip(texts, values.tolist(), strict=True):
        assert abs(value - float(text) * 1e9) <= 1 + abs(float(text)) * 1e9 * 1e-15


def test_what_is_below_a_nanosecond_is_rounded():
    values, wrong = read_decimals(*fields_of(["1.00000000049", "1.0000000005", "-0.0000000006"]), 9)
    assert values.tolist() == [1_000_000_000, 1_000_000_001, -1]
    assert not wrong.any()


@pytest.mark.parametrize(
    "text", ["", "-", ".", "1e5", "1.2.3", "+1", "1-", "0x1", "12345678901234567890", "1 2"]
)
def test_what_is_no_number(text):
    assert read_decimals(*fields_of([text, "1"]), 9)[1].tolist() == [True, False]
