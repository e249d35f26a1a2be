"""What a message says, and that nothing in it is markup, a mention or a secret."""

from dataclasses import replace

import pytest

from hil.model.results import ErrorRecord, Measurement, Results, RunInfo
from hil.model.secrets import KNOWN_SECRETS, Secret
from hil.report.notifications.message import NightMessage, harmless, night_message

INFO = RunInfo("20261128T011700Z_boards", "2026-11-28T01:17:00Z", 1, "nightly", "0", "h", "sim")
FAILED = Measurement(
    board="pico-1",
    technique="timer_soft",
    load="gc",
    task=0,
    metric="lateness_p99_us",
    unit="us",
    value=900.0,
    lo=850.0,
    hi=950.0,
    n=100,
    budget=500.0,
    verdict="fail",
)
GONE = ErrorRecord("esp32-2", "-", "-", "expected board is missing: pico-1 answered")
LOST = ErrorRecord("pico-1", "thread", "idle", "the link was lost")


def message(**more):
    results = Results(INFO, (), (FAILED,), (), (GONE, LOST))
    return night_message(results, "fail", None, **{"status": 9, "report": "/r/report.html", **more})


def test_what_failed_is_missing_and_broke_with_the_link():
    text = message(report="https://ci/hil/x/report.html", failures=["history: down"]).text
    assert text.splitlines()[0] == (
        "hil: out of budget or worse, and the bench is broken (exit 9) in 20261128T011700Z_boards"
    )
    assert "- missing: esp32-2" in text
    assert "- out of budget: " in text
    assert "timer_soft" in text
    assert "- error: pico-1, thread, idle: the link was lost" in text
    assert "- error: history: down" in text
    assert text.splitlines()[-1] == "report: https://ci/hil/x/report.html"


def test_the_document_has_the_fields_of_each_chat():
    document = message().document()
    assert document["schema"] == 1
    assert document["text"] == document["content"] == message().text
    assert document["allowed_mentions"] == {"parse": []}
    assert document["missing"] == ["esp32-2"]
    assert document["status"] == 9
    assert document["verdict"] == "fail"


@pytest.mark.parametrize(
    ("said", "left_out"),
    [("<!channel>", "<"), ("@everyone", "@e"), ("a\nb", "\n"), ("\x1b[31m", "\x1b"), ("```", "`")],
)
def test_what_a_board_says_is_no_markup(said, left_out):
    assert left_out not in harmless(said)
    hostile = replace(LOST, error=said, board=said)
    results = Results(INFO, (), (), (), (hostile,))
    document = night_message(results, "error", None, status=8, report="").document()
    assert left_out not in document["errors"][0]


def test_a_known_secret_is_masked():
    KNOWN_SECRETS.add(Secret("hunter2hunter2"))
    shown = message(failures=["login hunter2hunter2 refused"], report="https://u:hunter2hunter2@h")
    assert "hunter2" not in str(shown.document())


def test_a_long_night_is_a_message_that_chats_take():
    errors = tuple(replace(LOST, error="x" * 2000, load=str(n)) for n in range(300))
    results = Results(INFO, (), (), (), errors)
    told = night_message(results, "error", None, status=8, report="/r")
    assert len(told.text) <= 1900
    assert told.text.endswith("report: /r")
    assert all(len(line) <= 300 for line in told.errors)


@pytest.mark.parametrize("status", [0, 1, 2, 3, 4, 5, 8, 9, 77, None])
def test_every_exit_status_has_a_title_of_one_line(status):
    title = NightMessage(status).title
    assert title.startswith("hil: ")
    assert "\n" not in title
