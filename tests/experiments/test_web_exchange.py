"""One request, against servers that are no board: nothing follows them, waits for them or grows."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from itertools import chain, repeat

import pytest

from hil.experiments.workloads.web_exchange import MAX_ANSWER, MAX_HEAD, exchange

Serve = Callable[..., int]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server that sends the given pieces to whoever connects; returns its port."""
    listeners: list[socket.socket] = []
    requests: list[bytes] = []

    def start(pieces, pause_s: float = 0.0) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    try:
                        requests.append(client.recv(4096))
                        for piece in pieces:
                            client.sendall(piece)
                            time.sleep(pause_s)
                    except OSError:
                        pass

        threading.Thread(target=run, daemon=True).start()
        return int(listener.getsockname()[1])

    start.requests = requests  # type: ignore[attr-defined]
    yield start
    for listener in listeners:
        listener.close()


def asked(port: int, timeout_s: float = 5.0, method: str = "GET") -> int | None:
    return exchange("127.0.0.1", port, method, "/x", timeout_s)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (OK + b"ok", 200),
        (b"HTTP/1.0 409 Conflict\r\n\r\nno", 409),
        (b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", 200),
        (OK + b"o", None),
        (OK + b"ok and more", 200),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", None),
        (b"HTTP/1.1 999 OK\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\n", None),
        (b"", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nx", 200),
    ],
)
def test_the_status_is_that_of_a_whole_answer(serve, answer, status):
    assert asked(serve([answer])) == status
    assert asked(serve([bytes((byte,)) for byte in answer])) == status


def test_what_is_asked(serve):
    port = serve([OK + b"ok"])
    for method, length in (("GET", ""), ("POST", "Content-Length: 0\r\n")):
        assert asked(port, method=method) == 200
        wanted = f"{method} /x HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{length}\r\n"
        assert serve.requests[-1] == wanted.encode()


def test_a_redirection_is_an_answer_and_nothing_else(serve):
    other = serve([OK + b"ok"])
    away = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{other}/\r\nContent-Length: 0\r\n\r\n"
    assert asked(serve([away.encode()])) == 302
    assert len(serve.requests) == 1


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"])
def test_no_proxy_of_the_environment_is_used(serve, monkeypatch, name):
    monkeypatch.setenv(name, f"http://127.0.0.1:{serve([b'nothing'])}")
    assert asked(serve([OK + b"ok"])) == 200
    assert len(serve.requests) == 1


@pytest.mark.parametrize(
    "begin", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n", OK[:-2]]
)
def test_an_answer_without_end_ends_at_its_bound(serve, begin):
    received = MAX_ANSWER + MAX_HEAD
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        line = b"x" if begin.endswith(b"\n\r\n") else b"X-A: b\r\n"
        for piece in chain((begin,), repeat(100 * line)):
            sent += len(piece)
            yield piece

    begun = time.monotonic()
    assert asked(serve(endless()), timeout_s=30.0) is None
    assert time.monotonic() - begun < 25
    assert sent >= MAX_HEAD < received


def test_an_answer_that_drips_ends_with_its_time(serve):
    """Each piece comes in time, the whole does not."""
    begun = time.monotonic()
    assert asked(serve(repeat(b"X-A: b\r\n"), pause_s=0.02), timeout_s=0.3) is None
    assert 0.25 < time.monotonic() - begun < 10


def test_nobody_there(serve):
    assert asked(1, timeout_s=1.0) is None
