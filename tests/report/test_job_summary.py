"""The Markdown for CI servers: what a reader needs, and nothing that a board can make a mark of."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from hil.model.errors import CaptureError
from hil.model.results import Change, Comparison, ErrorRecord, Skip
from hil.report.exports.job_summary import MAX_CHARACTERS, escape, job_summary, write_summary

HOSTILE = (
    "<script>alert(1)</script> [x](http://evil.example) ![i](http://e/p.png) `code` **b** _i_ ~~s~~"
    " | cell | # h\n# new\r\n- item\x1b[31m www.evil.example mail@evil.example &lt;b&gt; \\* <!--"
    " <img src=x onerror=alert(1)> \u202ertl https://evil.example $x$ :tada: @everyone #1"
)


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag, attrs):
        assert not attrs or tag in ("th", "td"), (tag, attrs)
        self.tags.add(tag)

    def handle_data(self, data):
        self.text += data


def rendered(text):
    """As a page shows it, by a Markdown reader that is not ours, with raw HTML allowed."""
    page = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)
    seen = Tags()
    seen.feed(page)
    return seen


def test_everything_that_a_reader_needs_is_there(results):
    first = replace(results.measurements[0], verdict="fail", budget=1.0)
    skips = (Skip("sim", "thread", "idle", "there is no _thread"),)
    results = replace(results, measurements=(first, *results.measurements[1:]), skipped=skips)
    text = job_summary(results)
    page = rendered(text)
    assert page.text.startswith("❌ Timing: ")
    assert "1 figure out of budget" in page.text.splitlines()[0]
    assert "over its budget of" in page.text
    assert "the agent raised an exception" in page.text
    assert "there is no _thread" in page.text
    assert "timer_hard" in page.text
    assert page.tags <= {"h2", "h3", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td",
                         "strong", "br"}  # fmt: skip
    rows = re.findall(r"^\| timer", text, re.M)
    assert len(rows) >= 3


def test_what_a_board_says_is_shown_and_never_obeyed(results):
    board = replace(results.boards[0], name=HOSTILE)
    measurements = tuple(
        replace(m, board=HOSTILE, technique=HOSTILE) for m in results.measurements[:8]
    )
    errors = (ErrorRecord(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE),)
    skips = (Skip(HOSTILE, HOSTILE, HOSTILE, HOSTILE),)
    figures = (0, "lateness_p50_us", "us", 1.0, 2.0, 0.5, 1.5, 3, "worse")
    change = Change(HOSTILE, HOSTILE, "idle", *figures, note=HOSTILE)
    hostile = replace(
        results, boards=(board,), measurements=measurements, errors=errors, skipped=skips
    )
    page = rendered(job_summary(hostile, Comparison(HOSTILE, (change,), (HOSTILE,))))
    assert page.tags <= {"h2", "h3", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td",
                         "strong", "br"}  # fmt: skip
    assert "<script>alert(1)</script> [x](http://evil.example)" in page.text
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text


@pytest.mark.parametrize("text", ["a|b", "<b>", "\n# x", "*a*", "http://x", "www.x.y", "\\", "`"])
def test_no_mark_is_left_in_the_source(text):
    assert not set(escape(text)) & set("|<>*`\n\r:/.\\_[]()!~@")


def test_a_text_of_any_length_stays_within_what_a_server_takes(results):
    errors = tuple(ErrorRecord("sim", "t", "idle", "|" * 10_000) for _ in range(500))
    assert len(job_summary(replace(results, errors=errors)).encode()) < 100_000
    measurement = results.measurements[0]
    many = tuple(replace(measurement, technique=f"t{k}", board=f"b{k}" * 80) for k in range(3000))
    text = job_summary(replace(results, measurements=many))
    assert len(text) <= MAX_CHARACTERS + 100
    assert text.rstrip().endswith("the rest is in the report)*")


def test_what_changed_is_told_worse_first(results):
    change = Change("sim", "thread", "idle", 0, "lateness_p50_us", "us", 10, 20, 5, 15, 3, "worse")
    better = replace(change, technique="timer_hard", trend="better")
    page = rendered(job_summary(results, Comparison("run x", (better, change))))
    assert "Against run x: 1 worse, 1 better" in page.text
    assert page.text.index("worse: thread") < page.text.index("better: timer_hard")


def test_a_summary_is_added_to_what_is_there(results, tmp_path):
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    write_summary(path, "after", append=True)
    assert path.read_text() == "before\nafter"
    write_summary(path, "anew")
    assert path.read_text() == "anew"
    with pytest.raises(CaptureError, match="job summary"):
        write_summary(tmp_path / "no" / "where", "x")
