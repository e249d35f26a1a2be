"""``hil report``: every output again from the captures."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

from hil.cli.main import main
from hil.model.results import Change, Comparison
from hil.recording.run_folder import CHANGES_NAME, read_results, write_changes


def test_every_output_is_made_anew(make_run, capsys):
    folder = make_run("r", timer_soft=100, thread=300)
    wanted = (folder / "results.json").read_bytes()
    (folder / "results.json").write_text("old")
    (folder / "report.html").write_text("old")
    assert main(["report", str(folder)]) == 0
    assert (folder / "results.json").read_bytes() == wanted
    page = (folder / "report.html").read_text()
    assert "timer_soft" in page
    root = ET.parse(folder / "junit.xml").getroot()
    assert [testcase.get("name") for testcase in root.iter("testcase")] == [
        "timer_soft-idle",
        "thread-idle",
    ]
    said = capsys.readouterr().out
    for name in ("results.json", "report.html", "junit.xml"):
        assert str(folder / name) in said


def test_the_file_that_pytest_wrote_stays_unless_other_budgets_judge(make_run, tmp_path):
    folder = make_run("r", timer_soft=100)
    of_pytest = '<?xml version="1.0"?><testsuites name="pytest tests"/>'
    (folder / "junit.xml").write_text(of_pytest)
    assert main(["report", str(folder)]) == 0
    assert (folder / "junit.xml").read_text() == of_pytest
    budgets = tmp_path / "budgets.toml"
    budgets.write_text("[budgets.any.any]\nlateness_p50_us = 1\n")
    assert main(["report", str(folder), "--budgets", str(budgets)]) == 0
    root = ET.parse(folder / "junit.xml").getroot()
    assert [failure.tag for failure in root.iter("failure")] == ["failure"]
    assert main(["report", str(folder)]) == 0, "its own file is made again"
    assert not list(ET.parse(folder / "junit.xml").getroot().iter("failure"))


def test_a_run_is_judged_again_by_its_own_budgets(make_run, tmp_path, capsys):
    folder = make_run("r", timer_soft=100)
    strict = "[budgets.any.any]\nlateness_p50_us = 1\n[board.'P*'.any.any]\nmissed = 0\n"
    (folder / "budgets.toml").write_text(strict)
    assert main(["report", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "fail"
    (folder / "results.json").unlink()
    assert main(["show", str(folder)]) == 0
    assert "out of budget (1)" in capsys.readouterr().out
    loose = tmp_path / "loose.toml"
    loose.write_text(strict.replace("= 1", "= 1e6"))
    assert main(["report", str(folder), "--budgets", str(loose)]) == 0
    said = capsys.readouterr().out
    assert ": 1 limit met" in said
    assert f"hint: {loose}:4: 'P*' fits no board of this run (sim)" in said


def test_what_was_written_is_said_in_json(make_run, capsys):
    folder = make_run("r", timer_soft=100)
    assert main(["report", str(folder), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    results = read_results(folder / "results.json")
    assert said["figures"] == len(results.measurements)
    assert (said["run"], said["errors"], said["out_of_budget"]) == ("r", 0, 0)
    assert said["junit"] == str(folder / "junit.xml")


def test_the_comparison_of_that_night_is_shown_again(make_run, capsys):
    folder = make_run("r", timer_soft=100)
    change = Change(
        *("sim", "timer_soft", "idle", 0, "lateness_p99_us", "us", 100.0, 400.0),
        *(200.0, 390.0, 5, "worse"),
    )
    write_changes(folder / CHANGES_NAME, Comparison("the night before", (change,)))
    assert main(["report", str(folder)]) == 0
    assert "Against the night before: 1 worse" in capsys.readouterr().out
    assert "the night before" in (folder / "report.html").read_text()
