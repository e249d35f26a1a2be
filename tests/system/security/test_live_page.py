"""The page of a measurement that goes on: who may read it, and what it can't be made to do."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from hil.report.live_page import server as live_server
from hil.report.live_page.server import MOST_CLIENTS, LivePage
from hil.report.live_state import MOST_TEXT, MOST_WARNINGS, LiveBoard, LiveState

HOSTILE = "</script><img src=x onerror=alert(1)>\x1b[2J\"'&"


@pytest.fixture
def live():
    return LiveBoard(LiveState(HOSTILE, HOSTILE, "idle", 10_000.0, 60.0))


@pytest.fixture
def page(live):
    with LivePage(live) as page:
        yield page


def ask(page, path, method="GET", **headers):
    parts = urlsplit(page.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    skip_host = "Host" in names
    connection.putrequest(method, path, skip_host=skip_host, skip_accept_encoding=True)
    for name, value in names.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), content


def token_path(page):
    return urlsplit(page.url).path


def test_only_this_computer_is_listened_to(page):
    parts = urlsplit(page.url)
    assert parts.hostname == "127.0.0.1"
    assert page._server.socket.getsockname()[0] == "127.0.0.1"


def test_every_page_has_a_token_of_its_own(live):
    tokens = set()
    for _ in range(3):
        with LivePage(live) as page:
            tokens.add(token_path(page).strip("/"))
    assert len(tokens) == 3
    assert all(len(token) >= 32 for token in tokens)


def test_the_page_and_the_state_are_all_there_is(page):
    path = token_path(page)
    assert ask(page, path)[0] == 200
    assert ask(page, f"{path}state")[0] == 200
    token = path.strip("/")
    elsewhere = [
        "/", "/state", "//", f"/{token}", f"/{token[:-1]}/", f"/{token}x/", f"/{token.swapcase()}/",
        f"{path}state/", f"{path}../state", f"{path}live.js", f"{path}..%2f..%2fetc/passwd",
        f"{path}../../../../etc/passwd", f"{path}state?x=1", f"/x/{token}/",
        "/%00/", f"{path}%73tate",
    ]  # fmt: skip
    for wrong in elsewhere:
        status, _, content = ask(page, wrong)
        assert (status, content) == (404, b""), wrong


def test_the_token_is_compared_in_constant_time(page, monkeypatch):
    seen = []
    compare = live_server.hmac.compare_digest
    monkeypatch.setattr(
        live_server.hmac, "compare_digest", lambda a, b: seen.append((a, b)) or compare(a, b)
    )
    assert ask(page, "/wrong/")[0] == 404
    assert seen == [(b"wrong", token_path(page).strip("/").encode())]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:{port}"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1.evil.example:{port}"},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
    ids=str,
)
def test_another_site_is_refused_even_with_the_token(page, headers):
    port = urlsplit(page.url).port
    given = {name: value.format(port=port) for name, value in headers.items()}
    for path in (token_path(page), f"{token_path(page)}state"):
        status, answered, content = ask(page, path, **given)
        assert (status, content) == (403, b"")
        assert "Access-Control-Allow-Origin" not in answered


def test_two_hosts_in_one_request_are_refused(page):
    parts = urlsplit(page.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as client:
        host = f"Host: {parts.netloc}\r\n".encode()
        client.sendall(b"GET " + parts.path.encode() + b" HTTP/1.0\r\n" + 2 * host + b"\r\n")
        assert client.recv(100).startswith(b"HTTP/1.0 403 ")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE"])
def test_nothing_but_reading(page, method):
    status, headers, content = ask(page, token_path(page), method)
    assert status >= 400
    assert content == b""
    assert "Access-Control-Allow-Origin" not in headers


def test_no_script_but_its_own_and_no_other_address(page):
    status, headers, content = ask(page, token_path(page))
    assert status == 200
    policy = headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'nonce-([^']+)'", policy)[1]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    text = content.decode()
    assert text.count(f'nonce="{nonce}"') == 2
    assert "@" not in re.sub(r"@media", "", text)
    assert re.findall(r"https?://[^\"']+", text) == ["http://www.w3.org/2000/svg"]
    assert "innerHTML" not in text
    assert "src=" not in text
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    again = ask(page, token_path(page))[1]["Content-Security-Policy"]
    assert nonce not in again
    assert HOSTILE not in text


def test_what_a_board_says_is_data(page, live):
    live.update(warnings=(HOSTILE * 1000,) * 100)
    status, headers, content = ask(page, f"{token_path(page)}state")
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Content-Type-Options"] == "nosniff"
    state = json.loads(content)
    assert state["board"] == HOSTILE
    assert len(state["warnings"]) == MOST_WARNINGS
    assert all(len(text) <= MOST_TEXT for text in state["warnings"])
    assert len(content) < 20_000


def test_so_many_clients_and_no_more_and_then_it_goes_on(page, monkeypatch):
    parts = urlsplit(page.url)
    where = (parts.hostname, parts.port)
    idle = [socket.create_connection(where, timeout=10) for _ in range(MOST_CLIENTS)]
    try:
        deadline = time.monotonic() + 10
        while page._server._free._value and time.monotonic() < deadline:
            time.sleep(0.01)
        with socket.create_connection(where, timeout=10) as one_more:
            assert one_more.recv(100).startswith(b"HTTP/1.0 503 ")
    finally:
        for client in idle:
            client.close()
    deadline = time.monotonic() + 10
    while page._server._free._value < MOST_CLIENTS and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ask(page, parts.path)[0] == 200


@pytest.mark.parametrize(
    "request_line",
    [b"\x00" * 100, b"GET " + b"x" * 70_000, b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\n", b"~S\xff\n"],
)
def test_garbage_ends_one_connection_only(page, capfd, request_line):
    parts = urlsplit(page.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as client:
        client.sendall(request_line + b"\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        try:
            said = client.recv(70_000)
        except ConnectionResetError:
            said = b""
    assert len(said) < 1000
    assert b"xxxx" not in said
    assert ask(page, parts.path)[0] == 200
    assert capfd.readouterr() == ("", "")


def test_a_closed_page_leaves_no_port_and_no_thread(live):
    before = set(threading.enumerate())
    page = LivePage(live)
    where = (urlsplit(page.url).hostname, urlsplit(page.url).port)
    ask(page, token_path(page))
    page.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(where, timeout=2).close()
    deadline = time.monotonic() + 10
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not set(threading.enumerate()) - before


def test_its_files_come_with_the_package():
    folder = Path(live_server.__file__).parent
    assert {path.name for path in folder.iterdir() if path.suffix != ".py" and path.is_file()} == {
        "live.html",
        "live.css",
        "live.js",
    }
