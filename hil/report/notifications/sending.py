"""Messages sent, each within a limit of time whatever the other side does; failures are texts."""

from __future__ import annotations

import contextlib
import http.client
import json
import smtplib
import ssl
import threading
import time
import urllib.error
import urllib.request
from email.message import EmailMessage
from typing import TYPE_CHECKING

from hil import __version__
from hil.model.printable import escaped_line
from hil.model.secrets import KNOWN_SECRETS
from hil.report.notifications.targets import Mail, Webhook

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import IO, NoReturn

    from hil.report.notifications.message import NightMessage
    from hil.report.notifications.targets import Target

SOCKET_S = 10.0
LIMIT_S = 30.0
"""For one target, with all that is tried again."""
PAUSES_S: Sequence[float] = (1.0, 3.0)
_ANSWER_BYTES = 4096
_PASSES = (408, 425, 429, 500, 502, 503, 504)
_SHORTEST_LINE = 200


def send_all(message: NightMessage, targets: Iterable[Target]) -> list[str]:
    """Send it to every target at once; a line for each, which says what came of it. Never raises.

    A target that has not answered in :data:`LIMIT_S` is left to itself.
    """
    deadline = time.monotonic() + LIMIT_S
    tasks = [_Delivery(message, target, deadline) for target in targets]
    for task in tasks:
        task.start()
    for task in tasks:
        task.join(max(0.0, deadline - time.monotonic()) + 0.5)
    return [task.line for task in tasks]


class _Delivery(threading.Thread):
    """One message to one target, tried again where that may help."""

    def __init__(self, message: NightMessage, target: Target, deadline: float) -> None:
        super().__init__(daemon=True)  # a hanging server does not keep the process
        self._message = message
        self._target = target
        self._deadline = deadline
        self._outcome = f"no answer in {LIMIT_S:.0f} s"

    @property
    def line(self) -> str:
        """What came of it, without a secret."""
        said = KNOWN_SECRETS.masked(self._outcome)
        return escaped_line(f"{self._target.shown}: {said}"[:_SHORTEST_LINE])

    def run(self) -> None:
        for pause_s in (*PAUSES_S, None):
            reason, again = self._attempt()
            self._outcome = f"not sent: {reason}" if reason else "sent"
            if not again or pause_s is None or time.monotonic() + pause_s >= self._deadline:
                return
            time.sleep(pause_s)

    def _attempt(self) -> tuple[str, bool]:
        """Why it was not sent, empty if it was, and whether to try again."""
        try:
            if isinstance(self._target, Webhook):
                _post(self._message, self._target)
            else:
                _mail(self._message, self._target)
        except urllib.error.HTTPError as error:
            error.close()
            return f"the server answered {error.code}", error.code in _PASSES
        except smtplib.SMTPResponseException as error:
            raw = error.smtp_error
            said = raw.decode(errors="replace") if isinstance(raw, bytes) else raw
            return f"the server answered {error.smtp_code} {said}", error.smtp_code // 100 == 4
        except smtplib.SMTPRecipientsRefused:
            return "the server takes no mail for this address", False
        except (OSError, http.client.HTTPException, smtplib.SMTPException) as error:
            return _reason(error), True
        except Exception as error:  # whatever a server does to us
            return f"internal error, {type(error).__name__}", False
        return "", False


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A message goes where it was addressed to and nowhere else."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,  # noqa: ARG002
    ) -> NoReturn:
        """Refuse it: what follows is the status alone."""
        raise urllib.error.HTTPError(req.full_url, code, msg, headers, fp)


def _post(message: NightMessage, target: Webhook) -> None:
    body = json.dumps(message.document(), ensure_ascii=True).encode()
    request = urllib.request.Request(  # of http or https: see parse_targets
        target.url.reveal(),
        data=body,
        headers={"Content-Type": "application/json", "User-Agent": f"hil/{__version__}"},
        method="POST",
    )
    opener = urllib.request.build_opener(_NoRedirect)
    with opener.open(request, timeout=SOCKET_S) as answer:
        answer.read(_ANSWER_BYTES)


def _mail(message: NightMessage, target: Mail) -> None:
    mail = EmailMessage()
    mail["Subject"] = message.title
    mail["From"] = target.sender
    mail["To"] = target.to
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    context = ssl.create_default_context()
    with _connected(target, context) as server:
        if not target.secure:
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
            elif target.user:
                raise smtplib.SMTPNotSupportedError(
                    "no STARTTLS: a password is not sent in the clear; use smtps://"
                )
        if target.user and target.password is not None:
            server.login(target.user, target.password.reveal())
        server.send_message(mail)


def _connected(target: Mail, context: ssl.SSLContext) -> smtplib.SMTP:
    if target.secure:
        return smtplib.SMTP_SSL(target.host, target.port, timeout=SOCKET_S, context=context)
    return smtplib.SMTP(target.host, target.port, timeout=SOCKET_S)


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", None)
    text = str(cause if cause is not None else error) or type(error).__name__
    with contextlib.suppress(AttributeError):
        text = error.strerror or text  # type: ignore[attr-defined]
    return text
