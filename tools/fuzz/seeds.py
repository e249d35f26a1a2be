"""What the fuzzers begin with: small, sound examples of every kind of input."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from hil.history.stamp_packing import pack_stamps, pack_values
from hil.model.codec import write_record
from hil.model.edges import EdgeLine, EdgeRecording, LostInterval
from hil.model.result_files import build_results
from hil.model.results import Results, RunInfo
from hil.protocol.encoder import StreamEncoder
from hil.recording.capture_file import CaptureWriter
from hil.recording.edge_file import write_edges
from tools.fuzz.targets import BOARD, PLAN
from tools.synthetic_witness import Witness

_INFO = RunInfo("id", "2026-01-02T12:00:00Z", 1.0, "quick", "0.1.0", "Linux", "sim")


def _stream() -> bytes:
    encoder = StreamEncoder()
    encoder.text("H", v=1, technique="timer_soft", tp=1 << 16, tasks=2)
    encoder.text("C", i=0, name="task0", kind="ticks")
    encoder.text("C", i=1, name="task1", kind="ticks")
    encoder.raw(b"a print\n")
    encoder.text("G", task=0, origin=100, offset=0, period=1000)
    encoder.text("G", task=1, origin=100, offset=0, period=2000)
    encoder.stamps(0, [100 + 1000 * k + k % 3 for k in range(20)])
    encoder.stamps(1, [100 + 2000 * k + k % 5 for k in range(10)])
    encoder.text("P", n=0, rx=90, tx=95)
    encoder.text("T", i=0, n=20, dropped=0)
    encoder.text("T", i=1, n=10, dropped=0)
    encoder.text("E", us0=90, us1=20_090, ms0=0, ms1=20, status="ok")
    return encoder.data


def _bodies() -> bytes:
    kinds = "HCGTEPXRS"
    lines = []
    for line in _stream().split(b"\n"):
        if line[:1] == b"~":
            lines.append(bytes([kinds.index(chr(line[1]))]) + line[4:-6])
    return b"\n".join(lines)


def _file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.hilcap")
        with CaptureWriter(path, BOARD, PLAN) as writer:
            writer.rx(_stream(), 1000)
            writer.ping(1, 2)
            writer.finish("ok")
        return path.read_bytes()


def _edges() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        times = np.array([1, 5, 9], np.int64)
        line = EdgeLine("task0", times, times % 2, 0)
        lost = (LostInterval(2, 3, "why"),)
        recording = EdgeRecording("la", (line,), 0, 20, 1.0, lost, host_ns=times, own_ns=times)
        return write_edges(Path(folder, "a.hilcap"), recording).read_bytes()


def _witness() -> list[bytes]:
    counts = [62_500 * k for k in range(1, 8)]
    return Witness({"task0": counts, "loop": [c + 7 for c in counts]}, [250_000, 500_000]).frames()


def _packed() -> list[bytes]:
    stamps, _ = pack_stamps(np.arange(9) * 1000, np.arange(9), np.ones(8, np.bool_), 1000.0)
    return [stamps, pack_values(np.arange(5))[0]]


def _session() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("version", "2")
        metadata = "[device 1]\ncapturefile=logic-1\nsamplerate=1 MHz\nunitsize=1\n"
        archive.writestr("metadata", metadata + "probe1=D0\nprobe2=D1\n")
        archive.writestr("logic-1-1", bytes([0, 1, 3, 2, 0]))
    return file.getvalue()


_VCD = b"""$timescale 10 ns $end $scope module m $end $var wire 1 ! D0 $end
$var wire 1 "a D1 $end $upscope $end $enddefinitions $end
#0 $dumpvars 0! x"a $end #5 1! b0 "a
#17 0! $comment #3 $end 1"a
#40
"""
_SIGROK = (
    b"; Channels (2/2): D0, D1\n; Samplerate: 24 MHz\nnanoseconds,logic,logic\n41,0,1\n123,1,1\n"
)
_LAC = {
    "Frequency": 1000,
    "CaptureChannels": [
        {"ChannelNumber": n, "ChannelName": f"D{n}", "Samples": "AAEAAQ=="} for n in (0, 1)
    ],
}

_LOG = "\n".join(
    json.dumps(entry)
    for entry in (
        {
            "schema": 1,
            "run": write_record(_INFO),
        },
        {"skip": {"board": "b", "technique": "t", "load": "l", "reason": "r"}},
        {"error": {"board": "b", "technique": "t", "load": "l", "error": "e", "detail": "d"}},
        {"end": {"duration_s": 2.5}},
    )
)

SEEDS: dict[str, list[bytes]] = {
    "wire": [_stream(), _stream()[:200], b"~"],
    "sound_frames": [_bodies()],
    "store": [_file(), _file()[:300]],
    "sound_chunks": [b"R" + bytes(8) + _stream() + b"\xffEok", b"P" + bytes(16)],
    "board": [b"sim:ppm=40,tick_bits=16", b"/dev/ttyUSB0", b"a0", b"id:E66", b"replay:x",
              b"rfc2217://h:1", b"/dev/ttyACM1?baud=9600&slow=80", b"auto", b"COM5",
              b"sim:wires=4-5+6-7"],
    "budgets": [b'[budgets.timer_soft.idle]\nmissed = "1 %"\nlateness_p99_us = "0.5 period"\n',
                b'[board."sim.*".timer_hard.idle]\ndropped = 0\n'],
    "wiring": [b'name="x"\nmatch_machine="^a"\noutputs=[1,"LED"]\nloopback=[4,5]\ntimers=[-1]\n'],
    "edges_option": [b"sigrok:fx2lafw:1.3?D0=task0&ch1=loop&rate=24M", b"saleae:h:1", b"a b.vcd",
                     b"board:/dev/ttyACM1?baud=9600&gp2=task0", b"sim"],
    "recorded_file": [_VCD, _session(), _SIGROK, b"D0,D1\n0,1\n1,1\n",
                      b"Time [s],Channel 0,Channel 1\n-0.5,0,1\n1.000000001,1,0\n",
                      json.dumps({"Settings": _LAC}).encode()],
    "edge_file": [_edges(), b"M{}\xffT\0" + bytes(16) + b"\xffE"],
    "run_log": [_LOG.encode() + b"\n"],
    "results": [json.dumps(build_results(Results(_INFO))).encode()],
    "boot_messages": [
        b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0x8 (TG1WDT_SYS_RESET),boot:0x13 (SPI)\r\n",
        b"\r\nMPY: soft reboot\r\nMicroPython v1.24 on 2026-01-01; board\r\n>>> ",
        b" ets Jan  8 2013,rst cause:4, boot mode:(3,6)\r\nwdt reset\r\n",
        b"a\r\nraw REPL; CTRL-B to exit\r\n>",
        b"Guru Meditation Error: Core 0 panic'ed\r\nRebooting...\r\n"],
    "foreign_lines": [
        b"OK12\x1b[0;31mE (90210) wifi: lost\x1b[0m\r\n345\x04\x04>", b"I (12) a: b\r\nAT+GCAP\r",
        b"\x05A\x01R\x01\x80\x00\x01AT\r\r\nNameError: name 'AT' isn't defined\r\n"],
    "other_firmware": [
        b"Adafruit CircuitPython 9.1.0 on 2024-07-10; Raspberry Pi Pico with rp2040\r\n>>> ",
        b"Python 3.11.2 (main)\r\n>>> ", b"pi@host:~$ ", b"sh: 1: x: not found\r\n", b"login: "],
    "scrubber": [b"wifi \xff and\r\n\xff\x04", _stream()[:300] + b"\xff" + _stream()[300:],
                 b"Cana"],
    "sync_pattern": [_bodies(), b"\x00tp=65536\n\x01i=0;name=sync.before;kind=ticks\n"
                     b"\x01i=1;name=sync.after;kind=ticks"],
    "witness_stream": [b"".join(_witness()), b"\x00tp=65536\n\x01i=0;name=task0;kind=slots"],
    "redaction": [b"", b"/#?&=:@x", b"'; password=x", b"%40\n@"],
    "history_address": [b"postgresql://u:p@h:5432/d?sslmode=require", b"@h/d?password=x", b"a.db",
                        b"sqlite:///x.db", b"none", b"u:p/w@h/d"],
    "toml_text": [b'[budgets.any.idle]\nmissed = "1 %"\nx = 1e400\n', b"a" + b".a" * 90 + b"=1"],
    "latest_name": [b"20261127T120000Z_sim\n", b"../../etc", b"\xef\xbb\xbflatest"],
    "packed_stamps": _packed(),
    "schedule": [b'7 {"jobs": [["a", 10, 5], ["b", 20, null]], "at": 1.5}', b"1 []", b"0 null"],
    "probe": [b"hil:tp=1073741824\nhil:machine=x\nhil:caps=timer,thread\nhil:free=1000\n"
              b"hil:res_us=1.5\nhil:uid=00\n"],
}  # fmt: skip
