"""Serves the page of a measurement that goes on: on loopback only, to who knows its address.

The address has a random token. Two documents are behind it, the page and the newest state as JSON;
nothing else is served, no path is taken for a file's, and nothing that a client sends changes
anything. A request that a browser makes for another site is refused: its ``Host`` is not this
server's where a name was made to point here (DNS rebinding), its ``Origin`` is not where a script
of another page asks.
"""

from __future__ import annotations

import hmac
import http.server
import json
import secrets
import socketserver
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from hil.report.live_state import plain_state

if TYPE_CHECKING:
    import socket
    from typing import Any, Self

    from hil.report.live_state import LiveBoard

LOOPBACK = "127.0.0.1"
MOST_CLIENTS = 8
"""Requests at a time; a page makes one."""
_TIMEOUT_S = 5.0
_TOKEN_BYTES = 24
_FOLDER = Path(__file__).parent
_NONCE = "@NONCE@"
_BUSY = b"HTTP/1.0 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_POLICY = (
    "default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class LivePage:
    """The server in a thread of its own, from its making until :meth:`close`."""

    def __init__(self, live: LiveBoard, port: int = 0) -> None:
        """Raises :class:`OSError` where no port can be had."""
        self._server = _Server((LOOPBACK, port), _Handler)
        self._server.live = live
        self._server.token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The page's address, token included."""
        return f"http://{LOOPBACK}:{self._server.server_address[1]}/{self._server.token}/"

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """One thread for each request, and no more than so many at a time."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = MOST_CLIENTS
    live: LiveBoard
    token: str

    def __init__(self, *args: Any) -> None:
        self._free = threading.BoundedSemaphore(MOST_CLIENTS)
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin a thread for it, or turn it away."""
        if not self._free.acquire(blocking=False):
            self._turn_away(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """One request, from its beginning to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is none of the measurement's business."""

    def _turn_away(self, request: socket.socket) -> None:
        try:
            request.settimeout(0.1)
            request.sendall(_BUSY)
        except OSError:
            pass
        finally:
            self.shutdown_request(request)


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers GET of the two documents."""

    server: _Server
    server_version = "hil"
    sys_version = ""
    timeout = _TIMEOUT_S

    def do_GET(self) -> None:
        """The page, the state, or an error without a word about what there is."""
        if not self._is_from_here():
            self.send_error(403)
            return
        parts = self.path.split("/", 2)
        nothing, token, document = parts if len(parts) == 3 else ("-", "", "")
        known = hmac.compare_digest(token.encode("utf-8", "replace"), self.server.token.encode())
        if nothing or not known or document not in ("", "state"):
            self.send_error(404)
            return
        if document == "state":
            state = json.dumps(plain_state(self.server.live.state), allow_nan=False)
            self._send(state.encode(), "application/json", secrets.token_urlsafe(16))
            return
        nonce = secrets.token_urlsafe(16)
        self._send(_page().replace(_NONCE, nonce).encode(), "text/html; charset=utf-8", nonce)

    def _is_from_here(self) -> bool:
        """Whether the request is for this server by name, and by a page of this server if any."""
        port = self.server.server_address[1]
        hosts = {f"{name}:{port}" for name in (LOOPBACK, "localhost")}
        asked = self.headers.get_all("Host") or []
        origins = self.headers.get_all("Origin") or []
        site = self.headers.get("Sec-Fetch-Site", "none")
        return (
            len(asked) == 1
            and asked[0] in hosts
            and all(origin in {f"http://{host}" for host in hosts} for origin in origins)
            and site in ("none", "same-origin")
        )

    def _send(self, content: bytes, kind: str, nonce: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", _POLICY.format(nonce))
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A status and nothing that the client sent."""
        del message, explain
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a log would have the token."""


@cache
def _page() -> str:
    """The document, its style and script put in."""
    parts = {name: (_FOLDER / name).read_text(encoding="utf-8") for name in ("live.css", "live.js")}
    text = (_FOLDER / "live.html").read_text(encoding="utf-8")
    for name, part in parts.items():
        text = text.replace(f"@{name}@", part)
    return text
