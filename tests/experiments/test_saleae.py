"""Edges through Logic 2's automation API, on a server of our own that speaks its protocol."""

import importlib.util
import sys
import threading
import time
import warnings
from concurrent import futures
from pathlib import Path
from types import SimpleNamespace

import pytest

from hil.experiments.edge_instruments import GuardedSource
from hil.experiments.stamp_sources import saleae as saleae_source
from hil.experiments.stamp_sources.saleae import open_saleae
from hil.model.board import NO_WIRING
from hil.model.edge_sources import parse_edge_sources
from hil.model.errors import ConfigurationError

BOARD = SimpleNamespace(wiring=NO_WIRING)
CSV = "Time [s],{}\n0.000000000,0,1\n0.000100000,1,1\n0.000250000,1,0\n"

needs_library = pytest.mark.skipif(
    importlib.util.find_spec("saleae") is None,
    reason="pip install -e '.[saleae]'",
)


def opened(text):
    (spec,) = parse_edge_sources([text])
    return open_saleae(spec, BOARD)


class Sink:
    def __init__(self):
        self.recordings = []

    def edges(self, recording):
        self.recordings.append(recording)


@pytest.fixture
def logic():
    """A server that records what it is asked for; ``fail`` names the call that goes wrong."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import grpc
        from saleae.grpc import saleae_pb2, saleae_pb2_grpc

    class Logic(saleae_pb2_grpc.ManagerServicer):
        fail, slow, names, exports = "", "", "Channel 2,Channel 7", True

        def __init__(self):
            self.calls = []

        def _called(self, name, context):
            self.calls.append(name)
            if name == self.fail:
                context.abort(grpc.StatusCode.ABORTED, f"6: no {name}\nat all")
            if name == self.slow:
                time.sleep(1.0)

        def GetAppInfo(self, request, context):  # noqa: N802
            version = saleae_pb2.Version(major=saleae_pb2.THIS_API_VERSION_MAJOR)
            info = saleae_pb2.AppInfo(api_version=version, application_version="2.4.0")
            return saleae_pb2.GetAppInfoReply(app_info=info)

        def StartCapture(self, request, context):  # noqa: N802
            self.request = request
            self._called("start", context)
            return saleae_pb2.StartCaptureReply(capture_info=saleae_pb2.CaptureInfo(capture_id=3))

        def StopCapture(self, request, context):  # noqa: N802
            self._called("stop", context)
            return saleae_pb2.StopCaptureReply()

        def ExportRawDataCsv(self, request, context):  # noqa: N802
            self._called("export", context)
            if self.exports:
                Path(request.directory, "digital.csv").write_text(CSV.format(self.names))
            return saleae_pb2.ExportRawDataCsvReply()

        def CloseCapture(self, request, context):  # noqa: N802
            self._called("close", context)
            return saleae_pb2.CloseCaptureReply()

    servicer = Logic()
    pool = futures.ThreadPoolExecutor(4)
    server = grpc.server(pool)
    saleae_pb2_grpc.add_ManagerServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    servicer.option = f"saleae:127.0.0.1:{port}?D7=task1&D2=task0"
    yield servicer
    server.stop(0).wait()
    pool.shutdown()  # a slow call that raises later disturbs what another test parses


def recorded(instrument):
    sink = Sink()
    guard = GuardedSource(instrument.source(BOARD, None))
    guard.begin(None, sink)
    assert guard.poll(0.0) == (not guard._failure)
    guard.end()
    (recording,) = sink.recordings
    return recording


@needs_library
def test_a_window_is_recorded_exported_and_forgotten(logic):
    instrument = opened(logic.option)
    assert logic.calls == ["start", "stop", "close"]  # the trial
    asked = logic.request.logic_device_configuration
    assert list(asked.logic_channels.digital_channels) == [2, 7]
    assert asked.digital_sample_rate == 10_000_000
    assert logic.request.capture_configuration.HasField("manual_capture_mode")
    recording = recorded(instrument)
    assert logic.calls[3:] == ["start", "stop", "export", "close"]
    assert (recording.instrument, recording.issues) == ("saleae", ())
    assert recording.resolution_ns == 100
    lines = {line.name: (line.initial, line.times_ns.tolist()) for line in recording.lines}
    assert lines == {"task0": (0, [100_000]), "task1": (1, [250_000])}
    instrument.close()


@needs_library
def test_no_thread_watches_a_connection_that_may_be_closed(logic):
    before = set(threading.enumerate())
    instrument = opened(logic.option)
    left = set(threading.enumerate()) - before
    instrument.close()
    assert [thread.name for thread in left if "(_run)" in thread.name] == []


@needs_library
def test_channels_of_any_name_are_told_by_their_order(logic):
    logic.names = "red wire,task0"
    recording = recorded(opened(logic.option + "&rate=25M"))
    assert logic.request.logic_device_configuration.digital_sample_rate == 25_000_000
    assert [line.name for line in recording.lines] == ["task0", "task1"]


@needs_library
def test_a_rate_or_analyser_that_is_not_there_ends_the_run_in_one_line(logic):
    logic.fail = "start"
    with pytest.raises(
        ConfigurationError, match=r"did not begin to record: .*no start at all"
    ) as error:
        opened(logic.option)
    assert "\n" not in str(error.value)


@needs_library
@pytest.mark.parametrize("step", ["start", "stop", "export"])
def test_a_failure_in_a_window_leaves_its_reason(logic, step):
    instrument = opened(logic.option)
    logic.fail = step
    recording = recorded(instrument)
    assert recording.lines == ()
    assert f"no {step}" in recording.issues[0].detail
    assert logic.calls[-1] == ("start" if step == "start" else "close")


@needs_library
def test_logic_2_on_another_machine_is_told(logic):
    instrument = opened(logic.option)
    logic.exports = False
    assert "another machine" in recorded(instrument).issues[0].detail


@needs_library
def test_an_answer_that_does_not_come_is_not_waited_for(logic, monkeypatch):
    instrument = opened(logic.option)
    logic.slow = "export"
    monkeypatch.setattr(saleae_source, "EXPORT_S", 0.1)
    assert "did not export within 0.1 s" in recorded(instrument).issues[0].detail


@needs_library
def test_without_logic_2_the_line_says_what_to_do(monkeypatch):
    monkeypatch.setattr(saleae_source, "CONNECT_S", 0.1)
    with pytest.raises(ConfigurationError, match="start Logic 2 and enable the automation server"):
        opened("saleae:127.0.0.1:9?D0=task0")


def test_without_the_library_the_line_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "saleae", None)
    monkeypatch.setitem(sys.modules, "saleae.automation", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'logic2-automation>="):
        opened("saleae:?D0=task0")
