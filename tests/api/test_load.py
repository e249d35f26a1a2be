"""``hil.load``: what names a run, what it gives, and that it only reads."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hil
from hil.cli.main import main
from hil.model.errors import CaptureError, ConfigurationError, HilError
from hil.units import us

RUNS = Path(__file__).parents[1] / "replay" / "runs"
NAME = "sim:clock=virtual,jitter_us=30,latency_us=20,ppm=40"


@pytest.fixture(scope="module")
def run():
    """A stored run whose ``results.json`` is of schema 1."""
    return hil.load(RUNS / "workloads")


@pytest.fixture
def captures(tmp_path):
    """A run's folder with nothing but its captures."""
    shutil.copytree(RUNS / "long" / "capture", tmp_path / "run" / "capture")
    return tmp_path / "run"


def test_a_run_of_schema_1_gives_its_facts(run):
    assert json.loads((RUNS / "workloads" / "results.json").read_text())["schema"] == 1
    assert (run.id, run.verdict, run.info.profile) == ("20261127T123824Z_replay", "fail", "quick")
    assert run.started.year == 2026
    assert run.started.utcoffset().total_seconds() == 0
    assert [board.name for board in run.boards] == [NAME]
    assert len(run) == 5
    assert run.changes is None
    assert run.left_out == ()
    assert len(run.skipped) == 33


def test_cases_are_found_by_technique_load_and_board(run):
    case = run["timer_hard", "idle"]
    assert (case.board, case.technique, case.load) == (NAME, "timer_hard", "idle")
    assert run["timer_hard"].key == run["timer_hard", "idle", NAME].key == case.key
    assert [c.technique for c in run.cases(technique="event_irq")] == ["event_irq"]
    assert len(list(run)) == len(run.cases(load="idle")) == 5


def test_figures_are_chosen_by_metric_and_case(run):
    p50 = run["timer_hard", "idle"].lateness_p50_us
    assert [f.task for f in p50] == [0, 1]
    assert p50[0] in run.figures("lateness_p50_us", technique="timer_hard", task=0)
    assert run["timer_hard", "idle"].lateness.p50 == p50
    assert p50 < 1000 * us
    first = p50[0]
    assert first.lo < first.value < first.hi
    assert (first.unit, first.confidence, first.n, first.source) == ("us", 0.95, 99, "board")
    assert (first.verdict, first.budget) == ("fail", 10.0)
    stored = json.loads((RUNS / "workloads" / "results.json").read_text())
    assert len(run.figures()) == len(stored["measurements"])


def test_stamps_are_arrays_and_agree_with_the_figures(run):
    case = run["timer_hard", "idle"]
    stamps = case.stamps(task=0)
    figure = case.lateness_p50_us.where(task=0)
    assert len(stamps) == figure.n == 99
    assert stamps.stamp_us.dtype == np.int64
    assert stamps.k.tolist() == list(range(99))
    np.testing.assert_allclose(stamps.stamp_us - stamps.intended_us, stamps.lateness_us)
    np.testing.assert_allclose(np.diff(stamps.asked_us), 10_000, atol=1)
    assert stamps.missed_us.size == 0
    late = np.sort(stamps.lateness_us - stamps.read_cost_us)
    assert abs(late[49] - figure.value) < 2
    assert figure.lo <= late[49] <= figure.hi


def test_releases_that_nobody_answered_are_named():
    stamps = hil.load(RUNS / "web")["asyncio_sleep", "web"].stamps()
    figure = hil.load(RUNS / "web")["asyncio_sleep", "web"].missed.where(task=0, method=None)
    assert len(stamps.missed_us) == figure.value > 0


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda r: r["timer_hrad"], ConfigurationError, "did you mean timer_hard?"),
        (lambda r: r["timer_hard", "gc"], ConfigurationError, "unknown load 'gc'; known are idle"),
        (lambda r: r[()], ConfigurationError, r"give run\[TECHNIQUE, LOAD\]"),
        (lambda r: r.figures("latenes_p99_us"), ConfigurationError, "did you mean lateness_p99"),
        (lambda r: r.figures(load="gcc"), ConfigurationError, "unknown load 'gcc'"),
        (lambda r: r.figures(tsk=1), ConfigurationError, "figures have no tsk"),
        (lambda r: r["timer_hard"].latenes, AttributeError, "did you mean"),
        (lambda r: r["timer_hard"].stamps(task=7), ConfigurationError, "no stamps of task 7 by"),
        (lambda r: r["timer_hard"].plot("nothing"), ConfigurationError, "unknown chart 'nothing'"),
        (lambda r: r["timer_hard"].lateness.p999 < 1 * us, ConfigurationError, "needs 2995"),
    ],
)
def test_a_wrong_name_is_one_line_with_the_names_there_are(run, ask, error, said):
    with pytest.raises(error, match=said) as caught:
        ask(run)
    assert "\n" not in str(caught.value)


def test_a_folder_of_captures_alone_is_computed(captures):
    loaded = hil.load(captures)
    assert {case.technique for case in loaded} == {"timer_hard", "asyncio_sleep"}
    assert loaded["timer_hard"].lateness_p50_us.where(task=0).n == 9000
    inner = hil.load(captures / "capture")
    assert inner.figures() == loaded.figures()
    assert sorted(p.name for p in captures.iterdir()) == ["capture"]


def test_what_names_a_run(tmp_path, monkeypatch):
    shutil.copytree(RUNS / "loads", tmp_path / "reports" / "20260101T000000Z_sim")
    monkeypatch.chdir(tmp_path)
    Path("reports", "latest").symlink_to("20260101T000000Z_sim")
    ids = {
        hil.load().id,
        hil.load("latest").id,
        hil.load("reports/latest").id,
        hil.load(Path("reports/latest/results.json")).id,
    }
    assert len(ids) == 1
    alone = tmp_path / "results.json"
    shutil.copy("reports/latest/results.json", alone)
    lone = hil.load(alone)
    assert {lone.id} == ids
    with pytest.raises(CaptureError, match="no stamps of thread, gc"):
        lone["thread"].stamps()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "nowhere: no run there; give a run's folder"),
        ("pyproject.toml", "no run there"),
        ("postgresql://me:secret@host/db", "give its URL and id=RUN"),
        ("history.db#", "name the run"),
    ],
)
def test_what_names_no_run_is_told_in_one_line(name, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("pyproject.toml").touch()
    with pytest.raises(HilError, match=said) as caught:
        hil.load(name)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_run_of_a_history(tmp_path, captures, capsys):
    database = tmp_path / "history.db"
    assert main(["history", "add", str(captures), f"--history={database}"]) == 0
    folder = hil.load(captures)
    with pytest.raises(ConfigurationError, match="has many runs"):
        hil.load(database)
    with pytest.raises(HilError, match="no such run"):
        hil.load(f"{database}#nothing")
    for stored in (hil.load(f"{database}#{folder.id[:8]}"), hil.load(database, id=folder.id)):
        assert stored.id == folder.id
        p50, own = (r["timer_hard"].lateness_p50_us for r in (stored, folder))
        assert [(f.value, f.lo, f.n) for f in p50] == [(f.value, f.lo, f.n) for f in own]
    stamps = stored["timer_hard"].stamps(task=1)
    assert 0 < len(stamps) <= len(folder["timer_hard"].stamps(task=1))
    assert set(stamps.k) <= set(folder["timer_hard"].stamps(task=1).k)
    with pytest.raises(CaptureError, match="no capture of timer_hard, idle in a history"):
        stored["timer_hard"].plot()


def test_a_hostile_folder_is_refused_or_shown_as_text(tmp_path, captures):
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    (captures / "results.json").symlink_to(secret)
    with pytest.raises(CaptureError, match="a link, and links are not followed"):
        hil.load(captures)
    (captures / "results.json").unlink()
    os.mkfifo(captures / "results.json")
    with pytest.raises(CaptureError, match="a pipe, not a file"):
        hil.load(captures)
    (captures / "results.json").unlink()
    document = json.loads((RUNS / "long" / "results.json").read_text())
    text = json.dumps(document).replace("timer_hard", "<script>\\u001b[2J").replace("quick", "<b>")
    (captures / "results.json").write_text(text)
    loaded = hil.load(captures)
    html = loaded._repr_html_() + loaded["<script>\x1b[2J"]._repr_html_()
    assert "<script" not in html
    assert "<b>" not in html
    assert "\x1b" not in f"{html}{loaded!r}{loaded.cases()!r}"


def test_frames_have_a_row_a_figure_and_a_row_a_stamp(run):
    pytest.importorskip("pyarrow")
    table = run.to_arrow()
    assert table.num_rows == len(run.figures())
    assert table.column("value").to_pylist() == [f.value for f in run.figures()]
    assert table.column("task").null_count > 0
    stamps = run.stamps_frame(technique="timer_hard").to_arrow()
    assert stamps.num_rows == sum(len(s) for s in run["timer_hard"].all_stamps())
    late = run["timer_hard"].stamps().lateness_us.tolist()
    assert stamps.column("lateness_us").to_pylist()[:99] == late


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_frames_of_other_packages(run, package):
    pytest.importorskip(package)
    for source in (run, run["timer_hard"].figures(), run["timer_hard"].stamps()):
        frame = getattr(source, f"to_{package}")()
        assert len(frame) == len(source.figures() if source is run else source)
    frame = getattr(run, f"to_{package}")()
    assert list(frame["value"]) == [f.value for f in run.figures()]


def test_a_package_that_is_missing_is_named(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigurationError, match="needs the package pandas: pip install pandas"):
        run.to_pandas()


def test_plots_are_figures_of_matplotlib(run):
    figure = run["timer_hard"].plot("interv")
    assert figure.texts[0].get_text() == "Intervals"
    assert figure.axes[0].lines
    assert "all techniques" in run.plot().texts[0].get_text()


def test_a_notebook_shows_small_tables(run):
    shown = (run, run["timer_hard"], run["timer_hard"].stamps())
    html = "".join(item._repr_html_() for item in shown)
    assert "<caption>165 figures</caption>" in html
    assert "timer_hard" in html
    assert "style" not in html  # the theme's own colours, light or dark
    assert len(html) < 20_000


def test_importing_hil_imports_nothing_heavy():
    heavy = "numpy", "hil.api.run", "hil.model"
    code = f"import sys, hil; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert {"load", "Run", "Case", "FigureSet", "Stamps"} <= set(dir(hil))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        hil.nothing  # noqa: B018
