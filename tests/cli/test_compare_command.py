"""``hil compare``: folders, ids, boards and firmware versions side by side."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hil.cli.main import main
from hil.recording.run_folder import read_results
from hil.report.side_by_side import HEADLINE


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """No history is found by chance."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HIL_HISTORY", raising=False)
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def two(make_run):
    before = make_run("a", timer_soft=100, thread=300)
    after = make_run("b", timer_soft=900, thread=300, started="2026-11-21T11:25:53Z")
    return str(before), str(after)


class Rows(HTMLParser):
    """The figures on the page: metric and task of each row, and its cells."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.section, self.rows, self._cells, self._text = "", {}, None, None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        said = dict(attrs)
        if tag == "section":
            self.section = said["aria-label"]
        if tag == "tr" and "data-metric" in said:
            self._cells = []
            key = (self.section, said["data-metric"], said.get("data-task"))
            self.rows[key] = self._cells
        if tag in ("td", "th") and self._cells is not None:
            self._text = ""

    def handle_data(self, data):
        if self._text is not None:
            self._text += data

    def handle_endtag(self, tag):
        if tag in ("td", "th") and self._text is not None and self._cells is not None:
            self._cells.append(self._text.strip())
            self._text = None
        if tag == "tr":
            self._cells = None


def test_both_values_difference_and_verdict_in_the_terminal(two, capsys):
    assert main(["compare", *two]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert re.search(r"A: a: sim, MicroPython 1\.29\.0, 2026-11-20", said)
    soft, _, thread = said.partition("thread ")
    p50 = next(x for x in soft.splitlines() if "lateness_p50_us" in x)
    cells = p50.split()
    assert "worse" in cells
    values = [float(x) for x in re.findall(r"(?<![\[\d.+-])(\d+(?:\.\d+)?) us", p50)]
    stored = [
        next(
            m.value
            for m in read_results(Path(folder) / "results.json").measurements
            if (m.technique, m.metric, m.method) == ("timer_soft", "lateness_p50_us", None)
        )
        for folder in two
    ]
    assert values[:2] == pytest.approx(stored, rel=0.01)
    assert "worse" not in "\n".join(x for x in thread.splitlines() if "lateness_p50_us" in x)
    assert "Against run a:" in said


def test_the_page_has_every_figure_of_both_runs_and_the_distributions(two, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert main(["compare", *two, "--html", str(page)]) == 0
    assert str(page) in capsys.readouterr().out
    text = page.read_text("utf-8")
    rows = Rows(text).rows
    wanted = {
        (f"{m.technique}, load {m.load}, sim", m.metric, None if m.task is None else str(m.task))
        for folder in two
        for m in read_results(Path(folder) / "results.json").measurements
        if m.method is None
    }
    assert wanted <= set(rows)
    for (_, metric, _), cells in rows.items():
        assert len(cells) == 7
        assert metric in cells[0]
    soft = "timer_soft, load idle, sim"
    assert rows[soft, "lateness_p50_us", "0"][5] == "worse"
    assert rows["thread, load idle, sim", "lateness_p50_us", "0"][5] != "worse"
    blocks = re.findall(r'class="hil-chart-data">(.*?)</script>', text, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        names = [series["name"] for series in json.loads(block)["series"]]
        assert names == ["A: a, n = 400", "B: b, n = 400"]
    assert not re.search(r"(?:src|href)=.?(?!.?#)|url\(|@import", text)


def test_programs_get_the_judged_changes_and_both_sides(two, capsys):
    assert main(["compare", *two, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["before"]["run"], said["after"]["run"]) == ("a", "b")
    trends = {
        (change["technique"], change["task"]): change["trend"]
        for change in said["changes"]
        if change["metric"] == "lateness_p50_us"
    }
    assert trends["timer_soft", 0] == "worse"
    assert trends["thread", 0] != "worse"


def test_all_shows_what_the_short_list_leaves_out(two, capsys):
    assert main(["compare", *two]) == 0
    short = capsys.readouterr().out
    assert main(["compare", *two, "--all"]) == 0
    full = capsys.readouterr().out
    assert "lateness_max_us" not in HEADLINE
    assert "lateness_max_us" in full
    assert "lateness_max_us" not in short
    assert "--all" in short


def test_a_run_against_itself_has_no_worse_and_no_better(two, capsys):
    assert main(["compare", two[0], two[0]]) == 0
    assert ": 0 worse, 0 better" in capsys.readouterr().out


def test_ids_boards_and_firmware_versions_name_the_newest_run(make_run, tmp_path, capsys):
    history_option = ["--history", str(tmp_path / "h.db")]
    folders = [
        make_run("20261101T000000Z_x", board="x", started="2026-11-01T00:00:00Z", timer_soft=100),
        make_run("20261102T000000Z_x", board="x", started="2026-11-02T00:00:00Z", timer_soft=100),
        make_run(
            "20261103T000000Z_y", board="y", firmware="1.30.0", started="2026-11-03T00:00:00Z",
            timer_soft=100,
        ),
    ]  # fmt: skip
    assert main(["history", "add", *map(str, folders), *history_option]) == 0
    for before, other, runs in (
        ("20261101T", "20261103T000000Z_y", (0, 2)),
        ("board:x", "board:y", (1, 2)),
        ("firmware:1.30", "firmware:1.29", (2, 1)),
        (str(folders[0]), "board:x", (0, 1)),
    ):
        capsys.readouterr()
        assert main(["compare", before, other, *history_option, "--json"]) == 0
        said = json.loads(capsys.readouterr().out)
        assert (said["before"]["run"], said["after"]["run"]) == tuple(
            folders[at].name for at in runs
        )
        assert any(change["metric"] == "lateness_p50_us" for change in said["changes"])
    assert main(["compare", "board:x", "board:z", *history_option]) == 1
    assert "hil history" in capsys.readouterr().err


def test_boards_of_one_run_are_laid_beside_each_other(make_run, capsys):
    folder = make_run("r", boards=("x", "y"), timer_soft=100)
    assert main(["compare", str(folder), "--boards", "x", "y"]) == 0
    said = capsys.readouterr().out
    assert "A: r: x," in said
    assert "B: r: y," in said
    assert "lateness_p50_us" in said
    assert main(["compare", str(folder), "--boards", "x", "z"]) == 1
    assert "it has x, y" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nope", "nada"], "give run folders, or --history"),
        (["nope"], "hil compare A B"),
        (["board:x", "board:y"], "give --history"),
        (["nope", "nada", "--history", "none"], "--history"),
    ],
)
def test_what_is_not_there_is_one_line_with_the_next_step(capsys, words, told):
    assert main(["compare", *words]) == 1
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1


def test_names_are_data(make_run, tmp_path, capsys):
    evil = "<script>alert(1)</script>\x1b[2J"
    first = make_run("one", board=evil, timer_soft=100)
    other = make_run("other", board=evil, timer_soft=100)
    page = tmp_path / "page.html"
    assert main(["compare", str(first), str(other), "--html", str(page)]) == 0
    assert "\x1b" not in capsys.readouterr().out
    text = page.read_text("utf-8")
    assert text.count("<script>") == 1  # the page's own
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


def test_runs_with_nothing_in_common(make_run, tmp_path, capsys):
    first, other = make_run("one", timer_soft=100), make_run("other", thread=100)
    page = tmp_path / "page.html"
    assert main(["compare", str(first), str(other), "--html", str(page)]) == 0
    assert "thread, idle, sim" in capsys.readouterr().out
    assert "no case in common" in page.read_text("utf-8")


def test_a_comparison_at_every_width(two, capsys, monkeypatch):
    """Every number of a narrow table is one of the wide one, and the narrowest has the verdicts."""
    monkeypatch.delenv("COLUMNS")
    assert main(["compare", *two, "--all"]) == 0
    wide = set(re.findall(r"-?\d[\d.]*", capsys.readouterr().out))
    for width in (80, 60, 40, 20):
        monkeypatch.setenv("COLUMNS", str(width))
        assert main(["compare", *two, "--all"]) == 0
        narrow = capsys.readouterr().out
        assert set(re.findall(r"-?\d[\d.]*", narrow)) <= wide
        assert "worse" in narrow
        for line in narrow.splitlines():
            assert len(line) <= width or len(line.split()) == 1, line
