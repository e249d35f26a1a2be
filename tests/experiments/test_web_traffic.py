"""The host's side of the web load: announcements, rates, what is kept, and the Wi-Fi's secrecy."""

import contextlib
import http.server
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hil.agents.bundle import start_code as agents_start_code
from hil.analysis.clock import Instrument
from hil.analysis.request_latency import request_stretches
from hil.boards.backend import BoardTraits
from hil.boards.backends.registry import parse_board
from hil.experiments.bench_network import address_check
from hil.experiments.evaluation import summarise_capture
from hil.experiments.plan import Case, capture_job
from hil.experiments.registry import chosen_workloads
from hil.experiments.session import Session
from hil.experiments.workloads.web_traffic import (
    SERVERS,
    WEB_MARKS,
    Served,
    WebClient,
    WebTraffic,
)
from hil.model.board import BoardIdentity
from hil.model.captures import Capture, CapturePlan, TaskPlan, Track
from hil.model.errors import CaptureError
from hil.protocol.encoder import encode_text
from hil.recording.capture_file import CaptureWriter
from hil.recording.capture_reader import read_capture

TASKS = (TaskPlan(0, 10_000), TaskPlan(1, 10_000))
BOARD = BoardIdentity("sim", "-", "sim", "linux", "m", "1.29", 1 << 30)


@pytest.fixture
def server() -> Iterator[Callable[[float], int]]:
    """A function that starts a server which takes its time to answer: its port."""
    servers = []

    def start(delay_s: float) -> int:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if "mark" not in self.path:
                    time.sleep(delay_s)
                marks.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_GET  # noqa: N815 - the name that the base class calls

            def log_message(self, *args: object) -> None:
                pass

        marks: list[str] = []
        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        server.marks = marks  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return int(server.server_address[1])

    start.servers = servers  # type: ignore[attr-defined]
    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def announce(port: object, ms: object, host: str = "127.0.0.1", server: str = "loop") -> bytes:
    fields = (("server", server), ("host", host), ("port", str(port)), ("ms", str(ms)))
    return encode_text("W", 0, fields)


WINDOW_S = 60.0


def anywhere(host: str, port: int) -> bool:
    """No address is refused."""
    return True


def drive(frame: bytes, steps: tuple[tuple[int, float], ...]) -> WebClient:
    client = WebClient(anywhere, WINDOW_S, steps)
    for at in range(len(frame)):  # however it arrives
        client.feed(frame[at : at + 1])
    for thread in client._threads:
        thread.join(60)
    client.close()
    return client


def test_a_real_server_is_asked_at_each_rate_and_told_of_it(server):
    port = server(0.0)
    client = drive(announce(port, 600), ((0, 0.2), (10, 0.5), (50, 0.3)))

    assert [served_rate.rate for served_rate in client.served] == [0, 10, 50]
    assert len(client.served[0].latency_us) == 0
    marks = [path for path in server.servers[0].marks if "mark" in path]
    assert marks == [f"/mark?rate={rate}" for rate in (0, 10, 50, 9998)]
    assert len(server.servers[0].marks) > len(marks)


class Played:
    """A server that answers after ``delay_s``, and the client's clock, which only waiting moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, delay_s: float) -> None:
        self.now_s = 1000.0
        self._delay_s = delay_s
        monkeypatch.setattr("hil.experiments.workloads.web_traffic.time", self)
        monkeypatch.setattr("hil.experiments.workloads.web_traffic.exchange", self.ask)

    def monotonic(self) -> float:
        return self.now_s

    def ask(self, host: str, port: int, method: str, target: str, timeout_s: float) -> int:
        self.now_s += self._delay_s if "mark" not in target else 0.0
        return 200

    def wait(self, seconds: float) -> bool:
        self.now_s += seconds
        return False

    def is_set(self) -> bool:
        return False

    def drive(self, seconds: float, *steps: tuple[int, float]) -> list[Served]:
        """What comes of a server that runs for so long, a tenth of a second of it idle."""
        client = WebClient(anywhere, WINDOW_S, steps)
        client._stop = self  # type: ignore[assignment]
        client._drive("loop", "127.0.0.1", 80, seconds + 0.1, self.now_s + 60)
        return client.served


def test_rates_are_kept(monkeypatch):
    """Due are the middles of the intervals: 5 of a tenth of a second, 15 of a fiftieth."""
    served = Played(monkeypatch, 0.001).drive(1.0, (0, 0.2), (10, 0.5), (50, 0.3))
    assert [len(served_rate.latency_us) for served_rate in served] == [0, 5, 15]
    assert {latency for served_rate in served for latency in served_rate.latency_us} == {1000}
    assert [served_rate.errors for served_rate in served] == [0, 0, 0]
    assert [served_rate.duration_us for served_rate in served] == [200_000, 500_000, 300_000]


def test_a_server_that_falls_behind_is_late_for_those_that_wait(monkeypatch):
    """40 ms an answer at 50 requests a second: no client waits politely for the one before it.

    Answer n comes at 10 + 40 (n + 1) ms and was due at 10 + 20 n; half of the 50 are never asked.
    """
    (served_rate,) = Played(monkeypatch, 0.04).drive(1.0, (50, 1.0))
    assert list(served_rate.latency_us) == [40_000 + 20_000 * n for n in range(25)]
    assert served_rate.errors == 25


def test_as_fast_as_it_answers(monkeypatch):
    (served_rate,) = Played(monkeypatch, 1 / 1024).drive(0.5, (9999, 1.0))
    assert len(served_rate.latency_us) == 512
    assert served_rate.errors == 0


@pytest.mark.parametrize("frame", [announce(80, 100)[:-3] + b"##\n", b"~W\n", b"\n~W"])
def test_what_is_no_announcement_starts_nothing(frame):
    client = WebClient(anywhere, WINDOW_S)
    client.feed(frame)
    client.close()
    assert client.served == []
    assert client._threads == []


def test_a_server_that_is_not_there_ends_with_the_capture():
    client = WebClient(anywhere, WINDOW_S)
    client.feed(announce(9, 60_000))
    client.close()  # the minute that was announced is not waited for
    assert not any(thread.is_alive() for thread in client._threads)
    assert client.served == []


@pytest.mark.parametrize(
    "frame",
    [
        announce("x", 100),
        announce(70000, 100),
        announce(0, 100),
        announce(80, -5),
        announce(80, 100, server="other"),
    ],
)
def test_an_announcement_that_can_not_be_ends_the_capture(frame):
    client = WebClient(anywhere, WINDOW_S)
    with pytest.raises(CaptureError, match="announced"):
        client.feed(frame)
    assert client._threads == []


def test_a_third_server_ends_the_capture():
    client = WebClient(anywhere, WINDOW_S)
    with pytest.raises(CaptureError, match="more than 2 web servers"):
        client.feed(announce(9, 100) * 3)
    client.close()


def test_an_address_that_is_refused_is_not_asked_and_ends_the_capture(server):
    port = server(0.0)

    def refuse(host: str, port: int) -> bool:
        raise CaptureError(f"not {host}, port {port}")

    client = WebClient(refuse, WINDOW_S)
    with contextlib.suppress(CaptureError):  # the thread may be through already
        client.feed(announce(port, 600))
    client._threads[0].join(60)
    with pytest.raises(CaptureError, match=f"not 127.0.0.1, port {port}"):
        client.feed(b"x")
    client.close()
    with pytest.raises(CaptureError, match="not 127"):  # also where nothing came any more
        client.keep(lambda _channel, _numbers: pytest.fail("kept"))
    assert server.servers[0].marks == []


def test_a_server_that_does_not_listen_yet_is_waited_for(server):
    port = server(0.0)
    answers = [False, False, True]
    client = WebClient(lambda _host, _port: answers.pop(0), WINDOW_S, ((0, 1.0),))
    client.feed(announce(port, 150))
    client._threads[0].join(60)
    client.close()
    assert answers == []
    assert server.servers[0].marks[0] == "/mark?rate=0"


def test_what_is_announced_lasts_no_longer_than_the_window(monkeypatch):
    seconds: list[float] = []
    client = WebClient(anywhere, 0.25)
    monkeypatch.setattr(client, "_drive", lambda *given: seconds.append(given[3]))
    client.feed(announce(9, 999_999_999))
    client._threads[0].join(60)
    assert seconds == [0.25]


def test_requests_as_fast_as_it_answers_are_counted(monkeypatch):
    monkeypatch.setattr("hil.experiments.workloads.web_traffic.MOST_REQUESTS_A_SECOND", 2)
    (served_rate,) = Played(monkeypatch, 0.0).drive(1.0, (9999, 1.0))
    assert len(served_rate.latency_us) == 2 * (1 + WINDOW_S)


@pytest.mark.parametrize(("load", "has_client"), [("idle", False), ("web", True)])
def test_only_this_load_has_a_client(load, has_client):
    case = Case(CapturePlan("thread", load, TASKS, 1_000_000))
    chosen = [workload.name for workload, _ in chosen_workloads(case)]
    assert (WebTraffic.name in chosen) == has_client


def test_what_the_host_took_is_in_the_capture(tmp_path):
    served_rate = Served("loop", 10, errors=3, duration_us=5)
    served_rate.latency_us.extend(range(250_000))
    client = WebClient(anywhere, WINDOW_S)
    client.served.append(served_rate)
    path = tmp_path / "one.hilcap"
    with CaptureWriter(path, BOARD, CapturePlan("thread", "web", (), 0)) as writer:
        client.keep(lambda channel, numbers: writer.values(channel.stored, numbers))
        writer.finish("ok")
    values = read_capture(path).values
    np.testing.assert_array_equal(values["web.latency.loop.10"], np.arange(250_000))
    assert list(values["web.totals.loop.10"]) == [3, 5]


def capture_of(marks: list[int], stamps: np.ndarray, **values: list[int]) -> Capture:
    track = Track(0, 10_000.0, 1_000_000, 11_000_000, stamps.astype(np.int64))
    taken = {"web.marks": marks} | {key.replace("_", "."): v for key, v in values.items()}
    arrays = {name: np.array(numbers, np.int64) for name, numbers in taken.items()}
    plan = CapturePlan("timer_soft", "web", TASKS[:1], 10_000_000)
    return Capture(BOARD, plan, (track,), values=arrays)


def analysed(capture: Capture):
    return list(WebTraffic().analyse(capture, Instrument(1.0, 0.0, 0.0)))


def test_lateness_by_request_rate_in_closed_form():
    """1000 releases: on time, then 100 us late from 3 s on, 200 us from 6 s, two of them lost."""
    release = np.arange(1000) * 10_000
    late = np.where(release < 3_000_000, 0, np.where(release < 6_000_000, 100, 200))
    stamps = np.delete(1_000_000 + release + late, [700, 701])
    capture = capture_of([0, 1, 0, 0, 10, 3000, 1, 9999, 6000, 1, 9998, 9000], stamps)
    by_metric = {(m.method, m.metric): m.value for s in analysed(capture) for m in s.figures}

    names = ("web/loop/1", "web/loop/10", "web/asyncio/max")
    rows = WEB_MARKS.rows(capture.numbers(WEB_MARKS))
    assert [stretch.method for stretch in request_stretches(capture, rows, SERVERS)] == list(names)
    assert [by_metric[name, "lateness_p50_us"] for name in names] == pytest.approx(
        [0, 100, 200], abs=1
    )
    assert [by_metric[name, "lateness_max_us"] for name in names] == [0, 100, 200]
    assert [by_metric[name, "missed"] for name in names] == [0, 0, 2]
    assert by_metric["web/loop/10", "period_jitter_rms_us"] == 0


def test_requests_in_closed_form():
    values = {
        "web_latency_loop_50": [*range(1000, 1400), 9000],
        "web_totals_loop_50": [4, 8_000_000],
        "web_totals_loop_0": [0, 1_000_000],
        "web_totals_other_9": [0, 1_000_000],
    }
    sheets = analysed(capture_of([], np.zeros(0), **values))
    by_metric = {
        (figure.method, figure.metric): figure.value for sheet in sheets for figure in sheet.figures
    }

    assert {method for method, _ in by_metric} == {"web/loop/50"}
    assert by_metric["web/loop/50", "request_latency_p50_us"] == pytest.approx(1200, abs=1)
    assert by_metric["web/loop/50", "request_latency_p99_us"] == pytest.approx(1396, abs=1)
    assert by_metric["web/loop/50", "request_latency_max_us"] == 9000
    assert by_metric["web/loop/50", "request_errors"] == 4
    assert by_metric["web/loop/50", "request_rate_hz"] == pytest.approx(401 / 8)


def test_no_web_load_no_figures():
    plain = replace(capture_of([], np.arange(100) * 10_000 + 1_000_000), values={})
    assert analysed(plain) == []


def run_on_sim(path: Path, technique: str, monkeypatch=None, **options: str) -> Capture:
    with Session(parse_board("sim")) as session:
        if monkeypatch:
            monkeypatch.setattr(session._connection, "traits", BoardTraits(network="wifi"))
        plan = CapturePlan(technique, "web", TASKS, 3_000_000, options={"pings": 5, **options})
        session.capture(capture_job(Case(plan), session.board), path)
    return read_capture(path)


def test_a_capture_with_both_servers(tmp_path):
    capture = run_on_sim(tmp_path / "web.hilcap", "timer_soft")
    rows = summarise_capture(capture).measurements

    assert capture.faults == ()
    assert capture.errors == ()
    methods = {m.method for m in rows if m.metric == "request_errors"}
    assert methods >= {"web/loop/10", "web/loop/max", "web/asyncio/10", "web/asyncio/max"}
    for server in ("loop", "asyncio"):
        method = f"web/{server}/max"
        late = [m for m in rows if m.method == method and m.metric == "lateness_max_us"]
        assert [m.task for m in late] == [0, 1]
        answered = next(m for m in rows if m.method == method and m.metric == "request_rate_hz")
        assert answered.value > 0
    # a host that has no time for the client makes it late, but some are answered at each rate
    answered_at = {m.method: m.n for m in rows if m.metric == "request_latency_max_us"}
    assert min(answered_at["web/loop/10"], answered_at["web/asyncio/10"]) > 0
    assert capture.counters["web_served"] > 0


@pytest.fixture
def wifi_file(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "net.toml"
    path.write_text('ssid = "attic-net"\npassword = "s3cret-word"\n')
    monkeypatch.setenv("HIL_WIFI", str(path))
    return path


def test_the_wifi_goes_to_the_board_and_nowhere_else(wifi_file, tmp_path, monkeypatch, capfd):
    sent: list[str] = []

    def start_code(config: Mapping[str, object], after: Iterable[str] = ()) -> str:
        sent.append(agents_start_code(config, after))
        return sent[-1]

    monkeypatch.setattr("hil.agents.bundle.start_code", start_code)
    module = "hil.experiments.workloads.web_traffic"
    monkeypatch.setattr(f"{module}.address_check", lambda _traits, _port: anywhere)
    capture = run_on_sim(tmp_path / "c.hilcap", "asyncio_deadline", monkeypatch)

    assert b"attic-net".hex() in sent[0]  # it was needed, so it was sent
    stored = (tmp_path / "c.hilcap").read_bytes()
    shown = "".join(capfd.readouterr()) + repr(capture)
    for secret in ("attic-net", "s3cret-word"):
        for form in (secret, secret.encode().hex()):
            assert form.encode() not in stored
            assert form not in shown


def test_a_board_that_names_another_server_has_no_valid_capture(tmp_path, monkeypatch):
    """One that is told not to be on this computer: its 127.0.0.1 is somebody else's."""
    check = address_check(BoardTraits(), "-")
    module = "hil.experiments.workloads.web_traffic"
    monkeypatch.setattr(f"{module}.address_check", lambda _traits, _port: check)
    with pytest.raises(CaptureError, match=r"named '127\.0\.0\.1', port .* which is not asked"):
        run_on_sim(tmp_path / "c.hilcap", "timer_soft")
    (error,) = read_capture(tmp_path / "c.hilcap").errors
    assert "as its web server, which is not asked" in error


def test_the_embedded_board_is_not_told(wifi_file, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "hil.experiments.workloads.web_traffic.wifi_config", lambda: pytest.fail("read")
    )
    run_on_sim(tmp_path / "c.hilcap", "asyncio_deadline")


def test_the_wifi_file_is_never_committed():
    assert "wifi.toml" in (Path(__file__).parents[2] / ".gitignore").read_text().split()
