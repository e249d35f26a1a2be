"""An HTTP request as it trickles in, with hard limits; and the response to it. No sockets here."""

WEB_HEAD_BYTES = 1024
WEB_BODY_BYTES = 256
WEB_PATIENCE_MS = 500  # for a whole request, from its connection on
WEB_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class WebRequest:
    """Fed with what arrives until it is done; then status is 0, or the error to answer with."""

    def __init__(self):
        self.data = b""
        self.status = 0
        self.method = self.path = ""
        self.query = {}
        self.whole = 0

    def feed(self, data):
        """True when there is nothing more to read."""
        self.data += data
        if self.whole == 0:
            end = self.data.find(b"\r\n\r\n")
            if end > WEB_HEAD_BYTES or end < 0 and len(self.data) > WEB_HEAD_BYTES:
                self.status = 431
                return True
            if end < 0:
                return False
            try:
                self.parse(self.data[:end].split(b"\r\n"))
                self.whole += end + 4
            except (ValueError, UnicodeError):
                self.status = self.status or 400
                return True
        return len(self.data) >= self.whole

    def parse(self, lines):
        """Raises ValueError where it is not HTTP; takes the length of the body."""
        method, target, version = [str(part, "ascii") for part in lines[0].split(b" ")]
        if not version.startswith("HTTP/1.") or not target.startswith("/"):
            raise ValueError
        for c in method + target:
            if not " " < c < "\x7f":
                raise ValueError
        self.method = method
        self.path, _, query = target.partition("?")
        for pair in query.split("&"):
            key, _, value = pair.partition("=")
            if key:
                self.query[key] = value
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            if not colon:
                raise ValueError
            if name.lower() == b"content-length":
                self.whole = int(str(value.strip(), "ascii"))
                if not 0 <= self.whole <= WEB_BODY_BYTES:
                    self.status = 413
                    raise ValueError

    def number(self, key, low, high):
        """A number of the query; ValueError if it is none or lies outside."""
        value = int(self.query.get(key, "none"))
        if not low <= value <= high:
            raise ValueError
        return value


def web_response(status, text="", kind="text/plain"):
    """The bytes of a response, after which the connection is closed."""
    reason = WEB_REASONS[status]
    body = (text or reason).encode()
    head = "HTTP/1.0 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    return (head % (status, reason, kind, len(body))).encode() + body
