"""The web load's server on the embedded board, against clients that behave badly."""

import contextlib
import http.client
import json
import re
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from hil.agents import bundle
from hil.boards.raw_repl import RawRepl
from hil.model.errors import CapabilityMissing
from hil.protocol.decoder import Decoded, decode
from hil.recording.interfaces import Deadline

ANNOUNCED = re.compile(rb"~W..server=(\w+);host=([0-9.]+);port=(\d+);ms=(\d+)")
CONFIG = {"duration": 30_000_000, "spare": (2, 3)}


class Server:
    """The address of a server that runs beside a technique, and what may be done to it."""

    def __init__(self, repl: RawRepl) -> None:
        seen = b""
        end = time.monotonic() + 60
        while not (match := ANNOUNCED.search(seen)) or b"\n" not in seen[match.end() :]:
            assert time.monotonic() < end, seen
            seen += repl.read(0.1)
        self.kind, self.host = match[1].decode(), match[2].decode()
        self.port = int(match[3])
        self.seen = seen

    def connect(self) -> socket.socket:
        end = time.monotonic() + 60
        while True:  # asyncio listens a moment after it was announced
            try:
                return socket.create_connection((self.host, self.port), timeout=60)
            except ConnectionRefusedError:
                assert time.monotonic() < end
                time.sleep(0.02)

    def raw(self, *parts: bytes) -> bytes:
        """Send bytes; whatever comes until the server closes. A reset counts as a close."""
        with self.connect() as client, contextlib.suppress(ConnectionError):
            for part in parts:
                client.sendall(part)
            answer = b""
            while data := client.recv(4096):
                answer += data
            return answer
        return b""

    def ask(self, method: str, target: str) -> tuple[int, str]:
        self.connect().close()
        client = http.client.HTTPConnection(self.host, self.port, timeout=3)
        client.request(method, target)
        response = client.getresponse()
        body = response.read().decode()
        client.close()
        return response.status, body

    def status(self) -> dict[str, object]:
        code, body = self.ask("GET", "/status")
        assert code == 200
        return json.loads(body)


def stop(real_runner, server: Server) -> Decoded:
    """Ctrl-C; everything that the program said."""
    real_runner.repl.write(b"\x03")
    decoded = decode(server.seen + real_runner.repl.finish(Deadline(10, 10)))
    assert real_runner.end(decoded)["status"] == "interrupted"
    return decoded


@pytest.fixture(params=["loop", "asyncio"])
def serve(request, real_runner) -> Iterator[Callable[..., Server]]:
    """A function that starts a technique beside the server; checks its end afterwards."""
    started = []

    def start(technique: str = "timer_soft", **config: object) -> Server:
        real_runner.start(technique, "web", **{**CONFIG, "server": request.param, **config})
        server = Server(real_runner.repl)
        assert server.kind == request.param
        started.append(server)
        return server

    start.kind = request.param
    yield start
    time.sleep(0.3)  # thirty periods
    decoded = stop(real_runner, started[0])
    assert decoded.channels["task0"].values.size > 5
    assert not [line for line in decoded.log if "Traceback" in line]


def test_only_loopback_and_only_a_short_time(serve):
    server = serve()
    assert server.host == "127.0.0.1"
    own = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in own - {"127.0.0.1"}:
        if not address.startswith("127."):
            with pytest.raises(OSError):  # noqa: PT011 - refused or unreachable, as the host says
                socket.create_connection((address, server.port), timeout=1)


def test_the_page_and_its_controls(serve):
    server = serve()
    code, page = server.ask("GET", "/")
    assert code == 200
    assert "<form" in page
    before = server.status()
    assert (before["pin"], before["servo"], before["running"]) == (0, -1, False)
    assert server.ask("POST", "/pin?level=1")[0] == 200
    assert server.ask("POST", "/servo?angle=90")[0] == 200
    after = server.status()
    assert (after["pin"], after["servo"]) == (1, 90)
    assert server.ask("POST", "/start?period_ms=20")[0] == 200
    time.sleep(0.3)
    running = server.status()
    assert running["running"] is True
    assert running["turns"] >= 5
    assert server.ask("POST", "/stop")[0] == 200
    stopped = server.status()
    time.sleep(0.2)
    assert stopped["running"] is False
    assert server.status()["turns"] == stopped["turns"]


WRONG = {
    "no HTTP": (b"hello\r\n\r\n", 400),
    "two words": (b"GET /\r\n\r\n", 400),
    "other protocol": (b"GET / SPDY/3\r\n\r\n", 400),
    "absolute target": (b"GET http://x/ HTTP/1.1\r\n\r\n", 400),
    "not ASCII": (b"GET /\xff\xfe HTTP/1.1\r\n\r\n", 400),
    "zeros": (bytes(64) + b"\r\n\r\n", 400),
    "header without colon": (b"GET / HTTP/1.1\r\nhost\r\n\r\n", 400),
    "length is no number": (b"POST /stop HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
    "negative length": (b"POST /stop HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 413),
    "huge length": (b"POST /stop HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
    "unknown path": (b"GET /nope HTTP/1.1\r\n\r\n", 404),
    "private name": (b"POST /__class__ HTTP/1.1\r\n\r\n", 404),
    "method": (b"DELETE / HTTP/1.1\r\n\r\n", 405),
    "state changed by GET": (b"GET /pin?level=1 HTTP/1.1\r\n\r\n", 405),
    "out of range": (b"POST /servo?angle=181 HTTP/1.1\r\n\r\n", 400),
    "no number": (b"POST /pin?level=on HTTP/1.1\r\n\r\n", 400),
    "no argument": (b"POST /start HTTP/1.1\r\n\r\n", 400),
    "period of nothing": (b"POST /start?period_ms=0 HTTP/1.1\r\n\r\n", 400),
}


def test_malformed_requests_are_refused_and_the_server_goes_on(serve):
    server = serve()
    for name, (data, code) in WRONG.items():
        answer = server.raw(data)
        assert answer.startswith(b"HTTP/1.0 %d " % code), (name, answer[:80])
        assert server.ask("GET", "/status")[0] == 200, name


def test_huge_requests_are_cut_off(serve):
    server = serve()
    for data in (
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20_000 + b"\r\n",
        b"\x00" * 1_000_000,
    ):
        # what was sent in vain resets the connection on some hosts before the answer is read
        answer = server.raw(data)
        assert answer == b"" or answer.startswith(b"HTTP/1.0 431 "), answer[:80]
        assert server.ask("GET", "/status")[0] == 200
    body = b"POST /pin?level=1 HTTP/1.1\r\nContent-Length: 200\r\n\r\n" + b"b" * 200
    assert server.raw(body).startswith(b"HTTP/1.0 200 ")


def test_half_sent_requests_time_out(serve):
    server = serve()
    assert server.raw(b"GET /status HT").startswith(b"HTTP/1.0 408 ")
    with server.connect() as client:
        client.sendall(b"GET /sta")  # and gone
    server.connect().close()
    with server.connect() as drip:  # a byte now and then does not keep it for ever
        with contextlib.suppress(ConnectionError):
            for _ in range(20):
                drip.sendall(b"G")
                time.sleep(0.05)
        assert server.ask("GET", "/status")[0] == 200
    parts = server.raw(b"GET /sta", b"tus HTTP/1.1\r", b"\n\r\n")
    assert parts.startswith(b"HTTP/1.0 200 ")


def test_many_clients_at_once_and_one_that_never_reads(serve):
    server = serve()
    server.connect().close()
    clients = []
    for _ in range(12):
        with contextlib.suppress(OSError):
            client = socket.create_connection((server.host, server.port), timeout=0.3)
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            clients.append(client)
    assert len(clients) >= 4
    for client in clients:
        client.close()  # unread answers
    end = time.monotonic() + 60
    while server.ask("GET", "/status")[0] == 503:  # as long as it has its hands full
        assert time.monotonic() < end


def answers_beside_a_slow_client(server: Server) -> bool:
    """Whether one client is answered while another one, half-way, has not been given up yet."""
    with server.connect() as slow:
        slow.sendall(b"GET /")
        assert server.ask("GET", "/status")[0] == 200
        slow.setblocking(False)
        try:
            slow.recv(1)
        except BlockingIOError:
            return True
        return False


def test_beside_an_asyncio_technique_it_is_a_coroutine(real_runner):
    real_runner.start("asyncio_deadline", "web", **CONFIG)
    server = Server(real_runner.repl)
    assert server.kind == "asyncio"
    assert any(answers_beside_a_slow_client(server) for _ in range(20))
    stop(real_runner, server)


def test_a_control_without_its_means_says_so(real_runner):
    real_runner.start("timer_soft", "web", **{**CONFIG, "spare": (), "server": "loop"})
    server = Server(real_runner.repl)
    for target in ("/pin?level=1", "/servo?angle=0", "/start?period_ms=50", "/stop"):
        assert server.ask("POST", target)[0] == 409
    stop(real_runner, server)


def test_a_board_without_a_network_is_skipped_with_the_reason():
    with pytest.raises(CapabilityMissing, match="network"):
        bundle.require_capabilities("timer_soft", "web", {"timer"})


WIFI = """
import sys
calls = []
exits = []
class FakeWlan:
    joined = {joined}
    def __init__(self, kind=0):
        pass
    def active(self, on):
        calls.append(("active", on))
    def isconnected(self):
        return self.joined
    def connect(self, ssid, key):
        calls.append(("connect", ssid, key))
        self.joined = True
    def disconnect(self):
        calls.append("disconnect")
    def ifconfig(self):
        return ("10.0.0.7", "", "", "")
class FakeNetwork:
    WLAN = FakeWlan
class FakeJob:
    cfg = {config!r}
    def at_exit(self, fn):
        exits.append(fn)
sys.modules["network"] = FakeNetwork
kept, Pin = Pin, None  # a board that is not the embedded one
try:
    print(web_host(FakeJob()))
    while exits:
        exits.pop()()
except OSError as error:
    print(error)
finally:
    Pin = kept
    del sys.modules["network"]
print(calls)
"""


@pytest.mark.parametrize(
    ("joined", "config", "said"),
    [
        (
            False,
            {"wifi": ("6174746963", "6b6579")},
            [
                "10.0.0.7",
                "[('active', True), ('connect', 'attic', 'key'), 'disconnect', ('active', False)]",
            ],
        ),
        (True, {"wifi": ("6174746963", "6b6579")}, ["10.0.0.7", "[('active', True)]"]),
        (False, {}, ["not in a network: describe one in wifi.toml", "[('active', True)]"]),
    ],
)
def test_a_board_joins_the_network_and_leaves_it(real_runner, joined, config, said):
    real_runner.deploy("timer_soft", "web")
    assert real_runner.exec(WIFI.format(joined=joined, config=config)).strip().split("\n") == said


def test_the_server_keeps_off_the_ports_that_clients_are_given(real_runner):
    real_runner.deploy("timer_soft", "web")
    said = real_runner.exec(
        "p = []\nfor _ in range(40):\n p.append(web_port(None))\n time.sleep_us(777)\nprint(p)"
    )
    ports = [int(text) for text in said.strip("[]\r\n").split(",")]
    assert all(20_000 <= port < 32_768 for port in ports)  # Linux gives out 32768 and up
    assert len(set(ports)) > 20


def test_a_port_that_somebody_has_is_passed_over(serve, real_runner):
    with socket.socket() as other, socket.socket() as free:
        other.bind(("127.0.0.1", 0))
        other.listen()
        free.bind(("127.0.0.1", 0))
        taken, unused = other.getsockname()[1], free.getsockname()[1]
        free.close()
        real_runner.deploy("asyncio_sleep", "web")
        real_runner.exec(f"def web_port(job, tries=iter([{taken}, {unused}])): return next(tries)")
        server = serve("asyncio_sleep" if serve.kind == "asyncio" else "timer_soft")
        assert server.port == unused
        server.status()
