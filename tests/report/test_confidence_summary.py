"""The confidence in a run's figures: counted from the records, not said in general."""

from dataclasses import replace

from hil.model.captures import CaptureIssue
from hil.report.headline import confidence_summaries
from hil.report.result_tables import technique_rows


def facts(results, captures=()):
    (summary,) = confidence_summaries(results, technique_rows(results.measurements), captures)
    return dict(summary.facts)


def test_bounds_and_sizes_are_counted(results):
    few = results.measurements[0]
    largest = replace(few, metric="lateness_max_us", lo=None, hi=None, n=299)
    extra = (largest, replace(few, hi=None), replace(few, lo=None))
    shown_facts = facts(replace(results, measurements=(*results.measurements, *extra)))
    n = len(results.measurements)
    assert shown_facts["bounds"].startswith(f"{n} of {n + 3} figures have bounds")
    assert shown_facts["size"].startswith(
        "299 activations in each case: with 95 % confidence at most 0.997 % of all"
    )


def test_the_instrument_and_its_losses_are_named(results, captures):
    first = results.measurements[0]
    lost = replace(first, metric="dropped", unit="count", value=7.0)
    effect = replace(first, metric="observer_effect_us", value=0.25, lo=0.2, hi=0.3)
    skew = replace(first, metric="clock_skew_ppm", unit="ppm", value=-40.0, lo=-41.0, hi=-39.0)
    more = replace(results, measurements=(*results.measurements, lost, effect, skew))
    damaged = replace(
        captures[0], faults=(CaptureIssue("damaged", "x"), CaptureIssue("missing", "y"))
    )
    shown_facts = facts(more, [damaged])
    assert "steps by 1 us" in shown_facts["instrument"]
    assert "one stamp costs 0.31 us" in shown_facts["instrument"]
    assert "0.25 us [0.2, 0.3] longer" in shown_facts["instrument"]
    assert shown_facts["lost"].startswith("7 stamps dropped by the instrument, 2 faults")
    assert "-40.0 ppm [-41.0, -39.0]" in shown_facts["clock"]


def test_nothing_measured_says_nothing(results):
    empty = replace(results, measurements=())
    assert confidence_summaries(empty, [], ()) == []
