"""The web server as a loop with blocking sockets, one request after the other."""

import select
import socket
import time

from workloads.web_request import WEB_PATIENCE_MS, WebRequest


class WebLoop:
    """A listening socket; turn() serves one request if a client waits."""

    def __init__(self, page, host, port):
        self.page = page
        self.patience_ms = 0
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.sock.bind(socket.getaddrinfo(host, port)[0][-1])
            self.sock.listen(4)
        except OSError:
            self.sock.close()
            raise
        poller = select.poll()
        poller.register(self.sock, select.POLLIN)
        self.poll = poller.poll
        page.job.at_exit(self.close)

    def turn(self):
        """Wait up to patience_ms for a request and answer it."""
        if not self.sock or not self.poll(self.patience_ms):
            return
        try:
            client = self.sock.accept()[0]
        except OSError:
            return
        try:
            self.serve(client)
        except OSError:
            pass  # the client went away
        finally:
            client.close()

    def serve(self, client):
        """Waits in poll() only: a socket's own time-out begins anew at every interrupt."""
        client.setblocking(False)
        poller = select.poll()
        poller.register(client, select.POLLIN)
        request = WebRequest()
        end = time.ticks_add(time.ticks_ms(), WEB_PATIENCE_MS)
        while True:
            if not poller.poll(max(0, time.ticks_diff(end, time.ticks_ms()))):
                request.status = 408
                break
            data = client.recv(256)
            if not data:
                return
            if request.feed(data):
                break
        data = memoryview(self.page.answer(request, 0))
        poller.modify(client, select.POLLOUT)
        while data and poller.poll(WEB_PATIENCE_MS):
            data = data[client.send(data) :]

    def close(self):
        if self.sock:
            self.sock.close()
        self.sock = None
