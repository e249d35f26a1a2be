"""The table of the load ``web``: a row for each technique, server and request rate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hil.metrics import technique_rank
from hil.records import Measurement
from hil.report.rows import worst

COLUMNS: tuple[tuple[str, str], ...] = (
    ("request_rate_hz", "answered"),
    ("request_latency_p50_us", "request p50"),
    ("request_latency_p99_us", "request p99"),
    ("request_latency_max_us", "request max"),
    ("request_errors", "errors"),
    ("lateness_p50_us", "task lateness p50"),
    ("lateness_p99_us", "task lateness p99"),
    ("lateness_max_us", "task lateness max"),
    ("period_jitter_rms_us", "task jitter rms"),
    ("missed", "missed"),
)
_SERVERS = {"loop": "a loop with sockets", "asyncio": "asyncio"}


@dataclass(frozen=True, slots=True)
class WebRow:
    """One request rate; ``cells`` by metric, of the tasks the worst one's."""

    where: str
    server: str
    rate: str
    cells: dict[str, Measurement]


def web_rows(measurements: Iterable[Measurement]) -> list[WebRow]:
    """Rows in the order of boards, techniques, servers and rising rates."""
    groups: dict[tuple[str, str, str, str], list[Measurement]] = {}
    for one in measurements:
        kind, _, rest = (one.method or "").partition("/")
        server, _, rate = rest.partition("/")
        if kind == "web" and server in _SERVERS:
            groups.setdefault((one.board, one.technique, server, rate), []).append(one)
    boards = list(dict.fromkeys(key[0] for key in groups))
    servers = list(_SERVERS)
    rows = []
    for key in sorted(
        groups,
        key=lambda key: (
            boards.index(key[0]),
            technique_rank(key[1]),
            servers.index(key[2]),
            int(key[3]) if key[3].isdecimal() else 1 << 30,
        ),
    ):
        board, technique, server, rate = key
        cells = {}
        for metric, _ in COLUMNS:
            found = worst([one for one in groups[key] if one.metric == metric])
            if found is not None:
                cells[metric] = found
        said = "as fast as it answers" if rate == "max" else "none" if rate == "0" else f"{rate}/s"
        rows.append(WebRow(f"{technique}, {board}", _SERVERS[server], said, cells))
    return rows
