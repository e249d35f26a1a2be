"""``hil export``: where files go, what is said, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from hil.cli.main import main
from hil.model.install_hints import install_line
from hil.recording.run_folder import read_results
from hil.report.exports.registry import EXPORTS

from .conftest import N

STAMPS = 4 * N - 12


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_every_format_at_once_goes_into_the_runs_folder(run_folder, capsys):
    before = files(run_folder)
    assert main(["export", str(run_folder), "--to", "all", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [entry["format"] for entry in said["written"]] == list(EXPORTS)
    assert files(run_folder) - before == {export.file for export in EXPORTS.values()}
    counts = {entry["format"]: (entry["count"], entry["what"]) for entry in said["written"]}
    figures = len(read_results(run_folder / "results.json").measurements)
    for name in ("vcd", "perfetto", "parquet", "csv"):
        assert counts[name] == (STAMPS, "activations")
    for name in ("openmetrics", "bmf", "junit"):
        assert counts[name] == (figures, "figures")
    charts, what = counts["pdf"]
    assert (what, charts > 5) == ("charts", True)
    pages = (run_folder / "charts.pdf").read_bytes().count(b"/Type /Page ")
    assert pages == charts
    assert counts["summary"] == (1, "pages")
    assert (run_folder / "summary.pdf").read_bytes().count(b"/Type /Page ") == 1
    assert counts["gab"][0] + counts["gab-bigger"][0] < figures
    assert "junit.xml" not in files(run_folder), "pytest's own file is not this command's"


def test_text_goes_to_stdout_and_the_summary_to_stderr(run_folder, capfdbinary):
    before = files(run_folder)
    assert main(["export", str(run_folder), "--to=csv", "--out=-"]) == 0
    out, err = capfdbinary.readouterr()
    rows = list(csv.reader(io.StringIO(out.decode("utf-8"), newline="")))
    assert len(rows) == STAMPS + 1
    assert b"activations" in err
    assert main(["export", str(run_folder), "--to=openmetrics", "--out=-"]) == 0
    assert capfdbinary.readouterr().out.endswith(b"# EOF\n")
    assert files(run_folder) == before


def test_a_reader_that_leaves_early_is_no_traceback(run_folder):
    command = [sys.executable, "-m", "hil", "export", str(run_folder), "--to=csv", "--out=-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.read(1)
        process.stdout.close()
        said = process.stderr.read()
        process.wait(60)
    assert b"Traceback" not in said, said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--to=vcd", "--out=-"], "does not go to stdout"),
        (["--to=vcd,csv", "--out=x"], "one format"),
        (["--to=csv", "--out=/nowhere/at/all"], "can't write"),
    ],
)
def test_what_can_not_be_done_is_one_line(run_folder, capsys, words, told):
    assert main(["export", str(run_folder), *words]) == 1
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1


def test_a_folder_that_is_not_there_or_holds_nothing(tmp_path, capsys):
    assert main(["export", str(tmp_path / "none"), "--to=csv"]) == 1
    assert "reports/latest" in capsys.readouterr().err
    assert main(["export", str(tmp_path), "--to=csv"]) == 1
    assert "no capture" in capsys.readouterr().err
    assert main(["export", str(tmp_path), "--to=bmf"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.iterdir()), "half a file was left"


def test_an_unknown_format_names_the_known_ones(capsys):
    with pytest.raises(SystemExit) as left:
        main(["export", "--to=xlsx"])
    assert left.value.code == 2
    assert "openmetrics" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("form", "module", "package"),
    [
        ("vcd", "vcd", "pyvcd"),
        ("parquet", "pyarrow", "pyarrow"),
        ("perfetto", "perfetto.protos.perfetto.trace.perfetto_trace_pb2", "perfetto"),
    ],
)
def test_a_missing_package_is_one_line_that_installs_it(
    run_folder,
    capsys,
    monkeypatch,
    form,
    module,
    package,
):
    monkeypatch.setitem(sys.modules, module, None)
    before = files(run_folder)
    assert main(["export", str(run_folder), f"--to={form}"]) == 1
    err = capsys.readouterr().err
    assert err == f"hil: --to {form} needs the package {package}: {install_line('export')}\n"
    assert files(run_folder) == before


def test_figures_come_from_the_captures_where_there_is_no_results_file(
    run_folder,
    capsys,
):
    (run_folder / "results.json").unlink()
    assert main(["export", str(run_folder), "--to=bmf"]) == 0
    document = json.loads((run_folder / "bmf.json").read_text())
    assert "sim/timer_soft/idle/task0" in document
    assert document["sim/timer_soft/idle/task1"]["dropped"]["value"] == 7.0


def test_what_is_left_out_is_said(run_folder, capsys):
    path = run_folder / "capture" / "001_timer_soft_idle.hilcap"
    path.write_bytes(path.read_bytes()[:-300])
    assert main(["export", str(run_folder), "--to=csv,vcd"]) == 0
    err = capsys.readouterr().err
    assert err.count("timer_soft, idle, board sim: left out") == 1


def test_the_formats_are_listed(capsys):
    assert main(["export", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(EXPORTS)
    assert main(["export", "--list", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [listed["name"] for listed in said["formats"]] == list(EXPORTS)
    assert {listed["package"] for listed in said["formats"]} == {None, *extra_packages()}


def extra_packages():
    """What the extra ``export`` adds."""
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text("utf-8"))
    wanted = project["project"]["optional-dependencies"]["export"]
    return {requirement.partition(">")[0] for requirement in wanted}
