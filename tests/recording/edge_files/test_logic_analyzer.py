"""Captures of the LogicAnalyzer program that are not as they should be."""

import json

import pytest

from hil.model.errors import CaptureError
from tests.recording.edge_files.recorded import as_lac, read, some_samples

SAMPLES = some_samples(20)
ONLY = {"D0": "task0"}


def channel(**changes):
    return {"ChannelNumber": 0, "ChannelName": "D0", "Samples": "AAEAAQ=="} | changes


def test_a_channel_without_a_name_has_its_number(tmp_path):
    data = as_lac(SAMPLES, CaptureChannels=[channel(ChannelName=""), channel(ChannelNumber=4)])
    recording = read(tmp_path / "a", data, lines={"Channel 1": "task0", "D0": "task1"})
    assert recording.lines[0].times_ns.tolist() == [1000, 2000, 3000]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{", "not valid JSON"),
        (b"{}", "it has no Settings"),
        (b'{"Settings": []}', "it has no Settings"),
        (as_lac(SAMPLES, Frequency=0), "no sample rate"),
        (as_lac(SAMPLES, Frequency="1"), "no sample rate"),
        (as_lac(SAMPLES, LoopCount=3), "bursts"),
        (as_lac(SAMPLES, CaptureChannels=[]), "no channels"),
        (as_lac(SAMPLES, CaptureChannels=[3]), "a channel without its number"),
        (as_lac(SAMPLES, CaptureChannels=[channel(Samples=None)]), "has no samples"),
        (as_lac(SAMPLES, CaptureChannels=[channel(Samples="A")]), "not base64"),
        (as_lac(SAMPLES, CaptureChannels=[channel(Samples="Ag==")]), "neither 0 nor 1"),
        (as_lac(SAMPLES, CaptureChannels=[channel(Samples="")]), "there are no samples"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, data, words):
    with pytest.raises(CaptureError, match=words) as error:
        read(tmp_path / "run.lac", data, lines=ONLY)
    assert "\n" not in str(error.value)


def test_channels_of_different_length_are_refused(tmp_path):
    other = channel(ChannelName="D1", Samples="AAE=")
    data = json.dumps({"Settings": {"Frequency": 5, "CaptureChannels": [channel(), other]}})
    with pytest.raises(CaptureError, match="not equally many"):
        read(tmp_path / "a", data.encode(), lines={"D0": "task0", "D1": "task1"})
