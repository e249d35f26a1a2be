"""A board that says markup is shown as it spoke: nothing of it runs, loads or ends a script."""

from __future__ import annotations

from dataclasses import replace

from hil.model.results import Change, Comparison, ErrorRecord, Skip
from hil.report.page.page import write_page

BAD = '</script><img src=x onerror="window.boom=1"><!--<script>window.boom=1</script>\'&{{7*7}}'


def test_a_hostile_name_does_not_execute(view, samples, tmp_path):
    board = samples.make_board(BAD)
    capture = samples.make_capture("timer_soft", BAD, board)
    plan = replace(capture.plan, technique=BAD)
    capture = replace(capture, plan=plan, log=(BAD,), errors=(BAD,))
    results = samples.make_results([capture])
    results = replace(
        results,
        boards=(board,),
        skipped=(Skip(BAD, BAD, BAD, BAD),),
        errors=(ErrorRecord(BAD, BAD, BAD, BAD, BAD),),
    )
    change = Change(
        BAD, BAD, BAD, 0, BAD, BAD, 1.0, 2.0, 0.5, 1.5, 3, "worse", method=BAD, note=BAD
    )
    path = tmp_path / "report.html"
    write_page(path, results, [capture], Comparison(BAD, (change,), (BAD,)))
    page, seen = view(path)
    page.evaluate('document.querySelectorAll("details").forEach((one) => { one.open = true; })')
    page.locator("#hil-ask-value").fill("7")  # the script writes the names itself
    page.locator(".hil-canvas").first.hover()
    assert page.evaluate("window.boom") is None
    assert page.locator("img").count() == 0
    assert page.locator("script:not(.hil-chart-data)").count() == 3
    assert page.locator("script.hil-chart-data").count() == page.locator("figure").count() > 5
    assert BAD in page.locator(".hil-choices").first.inner_text()
    assert BAD in page.locator("figure.hil-wide .hil-legend").first.inner_text()
    assert BAD in page.locator("svg.hil-chart").first.get_attribute("aria-label")
    assert BAD in page.locator("pre.hil-log").first.inner_text()
    assert seen.requests == [path.as_uri()]
