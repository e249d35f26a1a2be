"""After a run: one message to whom it concerns, and metrics; neither changes the exit status."""

import json

import pytest
from webhook_server import WebhookServer

from hil.cli.main import main
from hil.report.notifications import sending

parser = pytest.importorskip("prometheus_client.openmetrics.parser")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(sending, "PAUSES_S", (0.0, 0.0))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "INVOCATION_ID"):
        monkeypatch.delenv(name, raising=False)


def metrics(path):
    families = parser.text_string_to_metric_families(path.read_text())
    return {(s.name, s.labels.get("board")): s.value for f in families for s in f.samples}


def test_a_night_out_of_budget_is_told_once_with_its_metrics(
    pytester, run_here, replayed, monkeypatch
):
    monkeypatch.setenv("HIL_REPORT_URL", "https://ci.example/hil")
    monkeypatch.setenv("INVOCATION_ID", "abc123")
    with WebhookServer() as server:
        result = run_here(
            *(replayed, "--hil-budgets=strict.toml", "--hil-out=out", "--hil-expect=pico-1"),
            *(f"--hil-notify={server.url}/secret-token", "--hil-openmetrics=hil.prom"),
        )
    assert result.ret == 9
    result.stdout.fnmatch_lines(["metrics: hil.prom", "notify: 127.0.0.1: sent"])
    (body,) = server.bodies
    assert (body["status"], body["verdict"], body["missing"]) == (9, "fail", ["pico-1"])
    assert "lateness_max" in body["failed"][0]
    folder = pytester.path / "out" / "latest"
    assert body["report"] == f"https://ci.example/hil/{folder.resolve().name}/report.html"
    told = json.loads((folder / "notification.json").read_text())
    assert (told["invocation"], told["outcomes"]) == ("abc123", ["notify: 127.0.0.1: sent"])
    assert not [p for p in folder.rglob("*.*") if b"secret-token" in p.read_bytes()]
    values = metrics(pytester.path / "hil.prom")
    assert values["hil_exit_status", None] == 9
    assert values["hil_missing_boards", None] == 1
    assert values["hil_board_up", "pico-1"] == 0
    assert values["hil_out_of_budget", None] >= 1
    assert {value for (name, _), value in values.items() if name == "hil_board_up"} == {0, 1}
    assert (pytester.path / "hil.prom").stat().st_mode & 0o777 == 0o644


def test_a_good_night_is_told_only_where_that_was_asked_for(pytester, run_here, replayed):
    with WebhookServer() as server:
        notify = f"--hil-notify={server.url}"
        assert run_here(replayed, "--hil-out=out", notify).ret == 0
        assert server.bodies == []
        assert run_here(replayed, "--hil-out=out", notify, "--hil-notify-when=always").ret == 0
    assert [body["status"] for body in server.bodies] == [0]
    assert "all well" in server.bodies[0]["text"]


def test_what_can_not_be_sent_or_written_is_told_and_changes_no_status(
    pytester, run_here, replayed, monkeypatch
):
    with WebhookServer([403]) as server:
        monkeypatch.setenv("HIL_NOTIFY", f"{server.url}/secret-token")
        pytester.path.joinpath("gone").mkdir()
        more = ("--hil-out=out", "--hil-notify-when=always", "--hil-openmetrics=gone/hil.prom")
        pytester.makepyfile(
            test_suite="import shutil\n"
            "def test_it(figures):\n    figures.check('dropped')\n    shutil.rmtree('gone')\n"
        )
        result = run_here(replayed, *more)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["metrics: not written: *", "notify: 127.0.0.1: not sent: the server answered 403"]
    )
    assert "secret-token" not in result.stdout.str()


def test_a_run_that_can_not_begin_is_told(pytester, run_here, attached):
    pytester.makepyfile("def test_it(figures):\n    pass\n")
    with WebhookServer() as server:
        notify = f"--hil-notify={server.url}"
        assert run_here("--board=/dev/no-such-port", notify).ret == 4
        assert run_here("--board=sim", "--hil-technique=zebra", notify).ret == 4
    first, second = server.bodies
    assert "/dev/no-such-port" in first["errors"][0]
    assert "zebra" in second["errors"][0]
    assert {first["status"], second["status"]} == {4}
    assert "the run could not begin" in first["text"]


@pytest.mark.parametrize(
    "option",
    ["--hil-notify=zebra", "--hil-notify-when=never", "--hil-openmetrics=no/such/folder/x.prom"],
)
def test_a_wrong_option_is_one_line_before_anything_is_measured(run_here, replayed, option):
    result = run_here(replayed, option)
    assert result.ret == 4
    assert [option.partition("=")[0] in line for line in result.stderr.lines if line] == [True]


@pytest.fixture
def stored(pytester, run_here, replayed, monkeypatch):
    """The folder of a run out of budget that was started by nobody's unit."""
    assert run_here(replayed, "--hil-budgets=strict.toml", "--hil-out=out").ret == 1
    monkeypatch.setenv("HIL_NOTIFY", "")
    return str(pytester.path / "out" / "latest")


def test_a_failed_unit_is_told_unless_its_run_has_told(stored, monkeypatch, capsys):
    monkeypatch.setenv("MONITOR_SERVICE_RESULT", "exit-code")
    monkeypatch.setenv("MONITOR_EXIT_STATUS", "1")
    monkeypatch.setenv("MONITOR_INVOCATION_ID", "abc")
    with WebhookServer() as server:
        words = ["notify", stored, "--unit=hil-nightly.service", f"--to={server.url}"]
        assert main(words) == 0
        assert server.bodies[0]["failed"]  # its run is there, and says more than its unit
        with open(f"{stored}/notification.json", "w") as file:  # noqa: PTH123
            json.dump({"invocation": "abc", "outcomes": ["notify: x: sent"]}, file)
        assert main(words) == 0
        assert len(server.bodies) == 1
        monkeypatch.setenv("MONITOR_INVOCATION_ID", "another night's")
        monkeypatch.setenv("MONITOR_SERVICE_RESULT", "timeout")
        monkeypatch.delenv("MONITOR_EXIT_STATUS")
        assert main(words) == 0
    assert "hil-nightly.service: timeout" in server.bodies[1]["errors"][0]
    assert "the run did not come to its end" in server.bodies[1]["text"]


def test_the_way_is_tested_by_hand(stored, capsys):
    with WebhookServer() as server:
        assert main(["notify", "--test", f"--to={server.url}"]) == 0
        assert main(["notify", stored, f"--to={server.url}"]) == 0
    assert capsys.readouterr().out.splitlines() == ["127.0.0.1: sent"] * 2
    assert "a test" in server.bodies[0]["text"]
    assert server.bodies[1]["status"] == 1
    assert main(["notify", stored, f"--to={server.url}"]) == 1  # nobody is there any more
    assert main(["notify", stored]) == 1
    assert "HIL_NOTIFY" in capsys.readouterr().err
    assert main(["notify", stored, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "fail"
