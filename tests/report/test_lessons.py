"""Every lesson's sheet says what its experiment shows: measured here, in virtual time."""

import subprocess
import sys
from html.parser import HTMLParser

import pytest

from hil.agents.bundle import agents_folder
from hil.cli.main import main
from hil.model.lessons import EVEN, LESSONS, PAUSES
from hil.model.metrics import METRICS
from hil.model.techniques import TECHNIQUES
from hil.recording.run_folder import read_results
from hil.report.lesson_sheet import figures_of, make_sheet, sheet_text, sheets_page, worst_of

CLAIMS = [lesson for lesson in LESSONS.values() if lesson.claim is not None]
ONLY_ON_A_BOARD = {"pio_irq"}


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The results of each board on which a claim is made: all its techniques in one short run."""
    folder = tmp_path_factory.mktemp("lessons")
    made = {}

    def results(board: str):
        if board not in made:
            of_it = [lesson for lesson in LESSONS.values() if lesson.board == board]
            names = dict.fromkeys(name for lesson in of_it for name in lesson.techniques)
            out = folder / str(len(made))
            words = [board, f"--technique={','.join(names)}", "--load=idle", "--windows=1"]
            words += ["--duration-s=1", f"--out={out}", "--history=none", "--", "-q"]
            command = [sys.executable, "-P", "-m", "hil", "run", *words]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
            assert done.returncode in (0, 1), done.stdout[-2000:] + done.stderr
            made[board] = read_results(out / "latest" / "results.json")
        return made[board]

    return results


def test_every_technique_has_a_lesson():
    assert list(LESSONS) == list(TECHNIQUES)
    for lesson in LESSONS.values():
        assert lesson.other in TECHNIQUES
        assert lesson.other != lesson.technique
        assert lesson.metric in METRICS
        texts = (lesson.topic, lesson.see, lesson.question, lesson.explanation)
        assert all(text.strip() == text and text for text in texts)
    assert not ONLY_ON_A_BOARD & {lesson.technique for lesson in CLAIMS}


@pytest.mark.parametrize("lesson", CLAIMS, ids=lambda lesson: lesson.technique)
def test_what_the_sheet_says_is_so(lesson, measured):
    results = measured(lesson.board)
    value = abs(worst_of(figures_of(lesson, lesson.technique, results)).value)
    limit = lesson.claim.limit
    if lesson.claim.factor:
        other = abs(worst_of(figures_of(lesson, lesson.other, results)).value)
        assert other > 0
        limit = lesson.claim.factor * other
    assert limit > 0
    assert value > limit if lesson.claim.relation == "above" else value < limit


def test_the_urgent_task_of_a_loop_with_an_interrupt(measured):
    lesson = LESSONS["round_robin_irq"]
    figures = figures_of(lesson, lesson.technique, measured(EVEN))
    of_tasks = {m.task: abs(m.value) for m in figures}
    assert of_tasks[0] < 100.0 < 1000.0 < of_tasks[1]


def test_a_pause_is_as_long_as_the_sheet_says(measured):
    lesson = LESSONS["timer_soft"]
    late = worst_of(figures_of(lesson, "timer_soft", measured(PAUSES))).value
    assert 10_000 < late < 25_000


@pytest.mark.parametrize("name", TECHNIQUES)
def test_a_sheet_has_the_agents_own_source_and_the_command(name, capsys):
    assert main(["lesson", name]) == 0
    shown = capsys.readouterr().out
    source = (agents_folder() / "techniques" / f"{name}.py").read_text("ascii")
    assert all(line in shown for line in source.splitlines())
    lesson = LESSONS[name]
    command = f"hil run {lesson.board} --technique={name},{lesson.other} --load=idle"
    assert command in shown
    own = [line for line in sheet_text(make_sheet(lesson)).splitlines() if line[4:] not in source]
    assert all(len(line) <= 79 for line in own if "--technique" not in line)


def test_the_list(capsys):
    assert main(["lesson"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(TECHNIQUES)
    assert all(len(line) < 100 for line in lines)


class _Headings(HTMLParser):
    def __init__(self):
        super().__init__()
        self.names = []

    def handle_starttag(self, tag, attributes):
        if tag == "article":
            self.names.append(dict(attributes)["id"])


def test_all_on_one_page_without_the_network(tmp_path, capsys):
    assert main(["lesson", "--all", f"--to={tmp_path / 'class'}"]) == 0
    page = (tmp_path / "class" / "lessons.html").read_text("utf-8")
    assert capsys.readouterr().out.strip().endswith("lessons.html")
    parser = _Headings()
    parser.feed(page)
    assert parser.names == list(TECHNIQUES)
    assert "http://" not in page
    assert "https://" not in page


def test_measured_figures_stand_in_the_sheet(measured):
    results = measured(PAUSES)
    sheet = make_sheet(LESSONS["timer_hard"], results)
    assert [row.technique for row in sheet.measured] == ["timer_hard", "timer_soft"]
    assert all(row.value in sheet_text(sheet) for row in sheet.measured)
    page = sheets_page([sheet]).replace("µ", "u")
    assert all(row.value in page for row in sheet.measured)
    assert f"Measured on {results.boards[0].name} (lateness" in sheet_text(sheet)
    assert f"measured on {results.boards[0].name}</th>" in page
    missing = make_sheet(LESSONS["thread"], results)
    assert missing.measured[0].value == "not measured"


@pytest.mark.parametrize(("words", "board"), [(["--run"], PAUSES), (["--run=a0"], "a0")])
def test_the_experiment_is_done_on_the_boards_of_its_sheet_or_another(
    words, board, monkeypatch, capsys
):
    asked = []

    def run(command, **more):
        asked.append(command)
        return subprocess.CompletedProcess(command, 4)

    monkeypatch.setattr("hil.cli.lesson.subprocess.run", run)
    assert main(["lesson", "timer_soft", *words]) == 1
    assert asked[0][3:5] == ["run", board]
    assert "there are no figures of this: hil run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["zebra"], "zebra"),
        (["--to=x"], "name a technique"),
        (["--all", "--run=sim"], "one experiment at a time"),
        (["thread", "--from=nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_one_line(words, said, capsys):
    assert main(["lesson", *words]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
