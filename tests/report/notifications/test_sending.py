"""Messages reach real servers on loopback; what a server does to us ends in a line."""

import socket
import threading
from email import message_from_bytes

import pytest
from webhook_server import WebhookServer

from hil.model.errors import ConfigurationError
from hil.report.notifications import sending
from hil.report.notifications.message import NightMessage
from hil.report.notifications.sending import send_all
from hil.report.notifications.targets import parse_targets, report_link

MESSAGE = NightMessage(8, "a run", "error", missing=("pico-1",), report="/r/report.html")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(sending, "PAUSES_S", (0.0, 0.0))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def send(*texts, **environment):
    return send_all(MESSAGE, parse_targets(texts, environment))


def test_a_webhook_gets_the_document():
    with WebhookServer() as server:
        assert send(f"{server.url}/services/T0/secret-token") == ["127.0.0.1: sent"]
    assert server.paths == ["/services/T0/secret-token"]
    assert server.types == ["application/json"]
    assert server.bodies[0]["text"] == MESSAGE.text
    assert server.bodies[0]["missing"] == ["pico-1"]


def test_a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not():
    with WebhookServer([503, 429]) as server:
        assert send(server.url) == ["127.0.0.1: sent"]
    assert len(server.bodies) == 3
    with WebhookServer([404]) as server:
        assert send(server.url) == ["127.0.0.1: not sent: the server answered 404"]
    assert len(server.bodies) == 1
    with WebhookServer([500] * 9) as server:
        assert send(server.url) == ["127.0.0.1: not sent: the server answered 500"]
    assert len(server.bodies) == 3


def test_a_message_does_not_follow_a_redirection():
    with WebhookServer() as other, WebhookServer([302], location=other.url) as server:
        assert send(server.url) == ["127.0.0.1: not sent: the server answered 302"]
    assert other.bodies == []


def test_a_server_that_never_answers_is_left(monkeypatch):
    monkeypatch.setattr(sending, "LIMIT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        (line,) = send(f"http://127.0.0.1:{deaf.getsockname()[1]}/secret-token")
    assert line.startswith("127.0.0.1: no answer in")


def test_a_server_that_answers_nonsense_and_one_that_is_not_there():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer():
            for _ in range(3):
                connection, _ = server.accept()
                with connection:
                    connection.recv(10_000)
                    connection.sendall(b"\xff" * 300 + b"secret-token\n\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        (line,) = send(f"http://127.0.0.1:{port}/secret-token")
        thread.join()
    assert line.startswith("127.0.0.1: not sent: ")
    assert "secret-token" not in line
    assert len(line) <= 300
    (line,) = send(f"http://127.0.0.1:{port}/secret-token")
    assert "not sent: " in line


class MailBox:
    """What a mail server took."""

    def __init__(self, refusal=None):
        self.mails = []
        self._refusal = refusal

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if self._refusal:
            return self._refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 OK"


@pytest.fixture
def smtp():
    controller = pytest.importorskip("aiosmtpd.controller")
    started = []

    def start(handler, **more):
        server = controller.Controller(handler, hostname="127.0.0.1", port=0, **more)
        # with port 0 the library would try to reach itself there: the system chooses before
        with socket.create_server(("127.0.0.1", 0)) as probe:
            server.port = probe.getsockname()[1]
        server.start()
        started.append(server)
        return f"127.0.0.1:{server.port}"

    yield start
    for server in started:
        server.stop(no_assert=True)


def test_a_mail_arrives_at_a_real_server(smtp):
    box = MailBox()
    where = smtp(box)
    lines = send(
        "mailto:keeper@example.org", HIL_SMTP=f"smtp://{where}", HIL_MAIL_FROM="bench@example.org"
    )
    assert lines == ["keeper@example.org by 127.0.0.1: sent"]
    ((sender, to, raw),) = box.mails
    mail = message_from_bytes(raw)
    assert (sender, to) == ("bench@example.org", ["keeper@example.org"])
    assert mail["Subject"] == MESSAGE.title
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "- missing: pico-1" in mail.get_payload()


def test_a_mail_that_is_refused_says_so(smtp):
    where = smtp(MailBox("550 no such user"))
    (line,) = send("mailto:nobody@example.org", HIL_SMTP=f"smtp://{where}")
    assert line == (
        "nobody@example.org by 127.0.0.1: not sent: the server takes no mail for this address"
    )


def test_a_password_is_not_sent_in_the_clear(smtp):
    box = MailBox()
    where = smtp(box)
    (line,) = send("mailto:a@example.org", HIL_SMTP=f"smtp://u:hunter2hunter2@{where}")
    assert "a password is not sent in the clear" in line
    assert box.mails == []


@pytest.mark.parametrize(
    "text",
    [
        *("ftp://x/secret-token", "file:///etc/passwd", "secret-token", "https://", "https://h/é"),
        *("http://h:99999/x", "mailto:", "mailto:a", "mailto:a@b\nBcc: c@d", "mailto:a%0d%0ab@c"),
    ],
)
def test_an_address_that_is_none_is_one_line_without_it(text):
    with pytest.raises(ConfigurationError) as caught:
        parse_targets([text.replace("\n", "%0a")], {})
    assert "\n" not in str(caught.value)
    assert "secret-token" not in str(caught.value)


@pytest.mark.parametrize("server", ["", "smtp://", "http://h", "smtp://h/path", "smtp://h:x"])
def test_a_mail_server_that_is_none(server):
    with pytest.raises(ConfigurationError, match="HIL_SMTP"):
        parse_targets(["mailto:a@b.c"], {"HIL_SMTP": server})


def test_the_variable_names_several_and_an_option_comes_before_it():
    environment = {"HIL_NOTIFY": "https://a/x  mailto:b@c"}
    assert [t.shown for t in parse_targets((), environment)] == ["a", "b@c by localhost"]
    assert [t.shown for t in parse_targets(["https://d/x"], environment)] == ["d"]
    assert parse_targets((), {}) == ()


def test_the_targets_may_stand_in_a_file(tmp_path):
    file = tmp_path / "notify"
    file.write_text("https://a/x\nmailto:b@c\n")
    environment = {"HIL_NOTIFY": f"@{file}"}
    assert [t.shown for t in parse_targets((), environment)] == ["a", "b@c by localhost"]
    for broken in (f"@{tmp_path}", "@/no/such/file", "@"):
        with pytest.raises(ConfigurationError, match="--hil-notify=@"):
            parse_targets([broken], {})


def test_the_link_to_the_report():
    url = {"HIL_REPORT_URL": "https://ci.example/hil/"}
    assert report_link("run", "/p", url) == "https://ci.example/hil/run/report.html"
    assert report_link("run", "/p/report.html", {}) == "/p/report.html"
    assert report_link("run", "/p", {"HIL_REPORT_URL": "javascript:x"}) == "/p"
