"""Any folder can be given by ``--hil-out``: its name is no address, pattern or markup."""

import json
import os
from pathlib import Path

import pytest

from hil.cli.main import main

ODD = ["night?run=5#1", "100%25 done", "a'b\"c <b>&x", "zwölf µs", "two\nlines"]


@pytest.mark.parametrize("name", ODD)
def test_a_run_and_its_history_are_in_a_folder_of_that_name(
    pytester, run_here, monkeypatch, capsys, name
):
    monkeypatch.delenv("HIL_HISTORY")
    pytester.makepyfile("def test_it(figures):\n    figures.all('missed')\n")
    args = ("--hil-technique=timer_hard", "--hil-duration-s=0.2", "--hil-load=idle")
    result = run_here("--hil-board=sim:clock=virtual", *args, f"--hil-out={name}")
    assert result.ret == 0
    folders = {path.name for path in pytester.path.iterdir() if path.is_dir()}
    assert folders - {".pytest_cache", "__pycache__"} == {name}
    out = pytester.path / name
    assert {"history.db", "latest"} <= {path.name for path in out.iterdir()}
    assert sorted(p.name for p in (out / "latest").iterdir()) == [
        *("capture", "junit.xml", "report.html", "results.json"),
    ]
    assert "<b>&x" not in (out / "latest" / "report.html").read_text()
    capsys.readouterr()
    assert main(["history", "--history", str(out / "history.db"), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["runs"]) == 1
    assert main(["report", str(out / "latest")]) == 0


def test_a_real_folder_called_latest_is_not_taken_for_the_run(pytester, run_here, replayed, capsys):
    old = pytester.path / "out" / "latest"
    old.mkdir(parents=True)
    (old / "results.json").write_text("{}")
    result = run_here(replayed, "--hil-out=out")
    assert result.ret == 0
    lines = [line for line in result.outlines if line.startswith("note:")]
    assert len(lines) == 1
    assert "the newest run's name is in" in lines[0]
    name = Path("out/latest.txt").read_text().strip()
    capsys.readouterr()
    assert main(["show", "out/latest", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"]["id"] == name
    assert run_here("--hil-board=replay:out/latest", "--hil-out=again").ret == 0


@pytest.mark.skipif(os.name != "posix", reason="names of files are text there")
def test_a_stored_run_in_a_folder_whose_name_is_no_text(pytester, run_here, replayed):
    folder = os.fsdecode(b"a\xff b")
    assert run_here(replayed, f"--hil-out={folder}").ret == 0
    result = run_here(f"--hil-board=replay:{folder}/latest", "--hil-out=again")
    assert result.ret == 0
    again = pytester.path / "again" / "latest"
    assert "a\\udcff b" in (again / "report.html").read_text()
    assert (again / "junit.xml").stat().st_size
    assert main(["report", f"{folder}/latest"]) == 0
