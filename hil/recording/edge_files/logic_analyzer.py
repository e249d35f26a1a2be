"""Captures of the LogicAnalyzer program for the Pico (``.lac``): one JSON object, samples in it."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.model.errors import CaptureError
from hil.model.schema import parse_json
from hil.recording.edge_files.collector import EdgeCollector, samples_to_ns

if TYPE_CHECKING:
    from typing import BinaryIO

    from hil.model.edges import EdgeRecording
    from hil.recording.edge_files.vcd import Choose

_MAX_BYTES = 256 << 20
_MAX_CHANNELS = 128


def looks_like_lac(start: bytes) -> bool:
    """Whether a file that begins so may be one."""
    return start.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{")


def read_lac(file: BinaryIO, what: str, instrument: str, choose: Choose) -> EdgeRecording:
    """The recording in an open file; arguments and errors as for the other formats."""
    raw = file.read(_MAX_BYTES + 1)
    if len(raw) > _MAX_BYTES:
        raise CaptureError(
            f"{what}: larger than {_MAX_BYTES >> 20} MB, no capture of LogicAnalyzer"
        )
    try:
        document = parse_json(raw.removeprefix(b"\xef\xbb\xbf"))
    except CaptureError as error:
        raise CaptureError(f"{what}: {error}") from None
    settings = document.get("Settings") if isinstance(document, dict) else None
    if not isinstance(settings, dict):
        raise CaptureError(f"{what}: no capture of LogicAnalyzer: it has no Settings")
    rate_hz = settings.get("Frequency")
    if type(rate_hz) is not int or not 0 < rate_hz <= 10**10:
        raise CaptureError(f"{what}: {rate_hz!r:.30} is no sample rate")
    if settings.get("LoopCount"):
        raise CaptureError(f"{what}: a capture in bursts: the time between them is not known")
    channels = settings.get("CaptureChannels")
    if not isinstance(channels, list) or not 0 < len(channels) <= _MAX_CHANNELS:
        raise CaptureError(f"{what}: it has no channels, or more than {_MAX_CHANNELS}")
    names = [_name(what, channel) for channel in channels]
    lines = choose(names)
    collector = EdgeCollector(what, lines)
    count = 0
    for index in lines:
        levels = _levels(what, channels[index].get("Samples"))
        if count and len(levels) != count:
            raise CaptureError(f"{what}: its channels have not equally many samples")
        count = len(levels)
        collector.add(index, np.arange(count), levels.astype(np.int8))
    if not count:
        raise CaptureError(f"{what}: there are no samples in it")
    return collector.finish(
        *(instrument, 0, count - 1, samples_to_ns(rate_hz)), period_ns=1e9 / rate_hz
    )


def _name(what: str, channel: Any) -> str:
    number = channel.get("ChannelNumber") if isinstance(channel, dict) else None
    if type(number) is not int:
        raise CaptureError(f"{what}: a channel without its number")
    name = channel.get("ChannelName")
    return name if isinstance(name, str) and name.strip() else f"Channel {number + 1}"


def _levels(what: str, samples: Any) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    if not isinstance(samples, str):
        raise CaptureError(f"{what}: a channel has no samples; save the capture with version 5 on")
    try:
        levels = np.frombuffer(base64.b64decode(samples, validate=True), np.uint8)
    except (binascii.Error, ValueError):
        raise CaptureError(f"{what}: the samples of a channel are not base64") from None
    if levels.size and levels.max() > 1:
        raise CaptureError(f"{what}: the samples of a channel are neither 0 nor 1")
    return levels
