"""The bounds of a change against the model as it is written down, computed the slow way.

Each spread of the grid by itself, its weight from the past runs (restricted likelihood) and from
the other cases' figures of the same metric; the bounds where the mixture's tail has its share.
"""

import math

import numpy as np
import pytest

from hil.analysis.change_detection import HIDES, FigureHistory, ReferenceEvidence, judge_changes
from hil.analysis.comparison_scale import COUNT, Evidence, off_scale, on_scale
from hil.analysis.uncertainty.distributions import log_t_tail

GRID = [math.exp(math.log(0.02) + k / 34 * math.log(100.0 / 0.02)) for k in range(35)]


def said(value, low=0.02, high=None, c=1.0, dof=50.0):
    return Evidence(value, on_scale(value, c), low, low if high is None else high, c, dof)


def error2(evidence):
    return evidence.error**2


def normalised(weights):
    return [weight / math.fsum(weights) for weight in weights]


def reml(noise, tau):
    """Restricted likelihood of runs with an unknown level (Harville 1974)."""
    weights = [1.0 / (error2(evidence) + tau * tau) for evidence in noise]
    total = sum(weights)
    level = sum(w * evidence.y for w, evidence in zip(weights, noise, strict=True)) / total
    rest = sum(w * (evidence.y - level) ** 2 for w, evidence in zip(weights, noise, strict=True))
    return math.exp(0.5 * (sum(map(math.log, weights)) - math.log(total) - rest))


def centre(basis):
    first = basis.reference[0]
    if first.c == COUNT:
        return 0.3
    return 0.03 * (max(1.0, abs(first.y)) if first.c < 0.0 else 1.0)


def learned(figures, bases):
    """The weights of the grid for each figure."""
    prior = normalised([math.exp(-0.5 * (math.log(g) / 1.1) ** 2) for g in GRID])
    likely, alone = [], []
    for basis in bases:
        noise = [evidence for evidence in basis.noise if math.isfinite(evidence.error)]
        likelihoods = [reml(noise, centre(basis) * g) for g in GRID] if len(noise) >= 2 else None
        likely.append(likelihoods)
        both = [p * q for p, q in zip(prior, likelihoods, strict=True)] if likelihoods else prior
        alone.append(normalised(both) if likelihoods else None)
    weights_by_figure = []
    for at, figure in enumerate(figures):
        others = [
            alone[k]
            for k, other in enumerate(figures)
            if other.metric == figure.metric and other.case != figure.case and alone[k]
        ]
        shared = [
            (2.0 * p + sum(other[g] for other in others)) / (2.0 + len(others))
            for g, p in enumerate(prior)
        ]
        own = likely[at] or [1.0] * len(GRID)
        weights_by_figure.append(normalised([p * q for p, q in zip(shared, own, strict=True)]))
    return weights_by_figure


def bounds(basis, weights, share, new):
    """Shifts of the scale of comparison: the lower and the upper end."""
    count = len(new)
    y = sum(part.y for part in new) / count
    ends = []
    for side in (1, -1):
        own = sum((part.low if side > 0 else part.high) ** 2 for part in new) / count**2
        dof = sum(part.dof for part in new)
        level_dof = sum(part.dof for part in basis.reference)

        def tail(shift, side=side, own=own, dof=dof, level_dof=level_dof):
            p = 0.0
            for g, weight in zip(GRID, weights, strict=True):
                tau2 = (centre(basis) * g) ** 2
                ws = [1.0 / (error2(part) + tau2) for part in basis.reference]
                level2 = 1.0 / sum(ws)
                level = level2 * sum(w * r.y for w, r in zip(ws, basis.reference, strict=True))
                variance = own + tau2 / count + level2
                # Welch (1947): of the parts that are estimated
                welch = variance**2 / (own**2 / dof + level2**2 / level_dof)
                away = side * (y - shift - level) / math.sqrt(variance)
                p += weight * math.exp(log_t_tail(np.array([away]), np.array([welch]))[0])
            return p

        low, high = y - 60.0, y + 60.0
        for _ in range(80):
            middle = (low + high) / 2
            # the further the shift goes with the side, the likelier is the value
            if (tail(middle) < share) is (side > 0):
                low = middle
            else:
                high = middle
        ends.append((low + high) / 2)
    return ends


def expected(figures, shares, double=False):
    """(before, lo, hi, spread) of each figure, in its unit."""
    bases = [figure.earlier if double else figure.before for figure in figures]
    news = [(figure.now, figure.recent) if double else (figure.now,) for figure in figures]
    results = []
    for figure, basis, new, weights, share in zip(
        figures, bases, news, learned(figures, bases), shares, strict=True
    ):
        level = 0.0
        for g, weight in zip(GRID, weights, strict=True):
            ws = [1.0 / (error2(r) + (centre(basis) * g) ** 2) for r in basis.reference]
            level += (
                weight * sum(w * r.y for w, r in zip(ws, basis.reference, strict=True)) / sum(ws)
            )
        lo, hi = bounds(basis, weights, share, new)
        c = figure.now.c
        before = off_scale(level, c)
        spread = math.sqrt(
            sum(w * (centre(basis) * g) ** 2 for g, w in zip(GRID, weights, strict=True))
        )
        results.append(
            (before, off_scale(level + lo, c) - before, off_scale(level + hi, c) - before, spread)
        )
    return results


def reference(values, **more):
    told = tuple(said(value, **more) for value in values)
    return ReferenceEvidence(told, told)


def check(verdict, told):
    before, lo, hi, spread = told
    assert verdict.before == pytest.approx(before, rel=1e-6)
    assert verdict.spread == pytest.approx(spread, rel=1e-6)
    scale = abs(hi - lo)
    assert verdict.lo == pytest.approx(lo, abs=0.002 * scale)
    assert verdict.hi == pytest.approx(hi, abs=0.002 * scale)


NIGHTS = (100.0, 104.0, 97.0, 101.0, 99.0, 92.0)


@pytest.mark.parametrize(
    ("now", "levels", "c"),
    [
        (said(103.0), NIGHTS, 1.0),
        (said(103.0, 0.01, 0.2), NIGHTS, 1.0),
        (said(180.0, 0.3, 0.05, dof=7.0), NIGHTS[:2], 1.0),
        (said(90.0), NIGHTS[:1], 1.0),
        (said(103.0, 0.001), [100.0 + 0.1 * (k % 7) for k in range(90)], 1.0),
        (said(25.0, 3.0, 4.0, c=-10.0), (20.0, 40.0, 31.0), -10.0),
        (said(2.0, 0.1, 0.2, c=-10.0), (-1.0, 0.5), -10.0),
    ],
)
def test_one_figure_alone(now, levels, c):
    figure = FigureHistory(
        "a", "m", "lower", now, reference(levels, c=c, low=0.02 if c > 0 else 0.5)
    )
    for confidence in (0.99, 0.9):
        (verdict,) = judge_changes([figure], confidence)
        check(verdict, expected([figure], [(1.0 - confidence) / 2])[0])
        assert (verdict.two, verdict.after) == (False, pytest.approx(now.value))


def test_figures_of_one_metric_teach_each_other_and_of_one_case_do_not():
    figures = [
        FigureHistory("a", "m", "lower", said(103.0), reference(NIGHTS)),
        FigureHistory("a", "m", "lower", said(110.0), reference((100.0, 130.0, 80.0))),
        FigureHistory("b", "m", "lower", said(55.0), reference((50.0, 50.5, 50.2, 49.9))),
        FigureHistory("c", "m", "lower", said(55.0), reference((50.0,))),
        FigureHistory("b", "other", "lower", said(7.0), reference((5.0, 9.0, 2.0))),
    ]
    verdicts = judge_changes(figures)
    for verdict, told in zip(verdicts, expected(figures, [0.005 / 5] * 5), strict=True):
        check(verdict, told)


def test_leading_figures_have_two_thirds_of_the_error():
    figures = [
        FigureHistory("a", "m", "lower", said(103.0), reference(NIGHTS), leading=True),
        FigureHistory("b", "n", "lower", said(103.0), reference(NIGHTS)),
        FigureHistory("c", "o", "lower", said(103.0), reference(NIGHTS)),
    ]
    shares = [0.005 * 2 / 3, 0.005 / 3 / 2, 0.005 / 3 / 2]
    for verdict, told in zip(judge_changes(figures), expected(figures, shares), strict=True):
        check(verdict, told)
    alone = figures[:1]
    check(judge_changes(alone)[0], expected(alone, [0.005])[0])


def test_the_second_question_has_two_thirds_and_is_asked_of_both_runs():
    earlier = reference(NIGHTS)
    recent = said(131.0, 0.01)
    now = said(129.0, 0.01)
    whole = ReferenceEvidence((recent, *earlier.reference), (recent, *earlier.noise))
    figure = FigureHistory("a", "m", "lower", now, whole, recent, earlier)
    (verdict,) = judge_changes([figure])
    assert (verdict.two, verdict.trend) == (True, "worse")
    check(verdict, expected([figure], [0.005 * 2 / 3], double=True)[0])
    assert verdict.after == pytest.approx(off_scale((now.y + recent.y) / 2, 1.0))
    # where nothing has moved the first answer stays
    still = FigureHistory("a", "m", "lower", said(100.0), whole, recent, earlier)
    (verdict,) = judge_changes([still])
    assert verdict.two is False
    check(verdict, expected([still], [0.005 / 3])[0])


@pytest.mark.parametrize(("value", "two"), [(112.0, True), (104.0, False)])
def test_of_two_runs_the_lesser_has_moved_by_a_quarter_of_their_mean_at_least(value, two):
    """In logs: of 0.34 and 0.11 the lesser is half of the mean, of 0.34 and 0.04 a fifth."""
    calm = reference([100.0 * (1 + 0.001 * k) for k in range(-6, 7)], low=0.001)
    recent, now = said(140.0, 0.001), said(value, 0.05)
    whole = ReferenceEvidence((recent, *calm.reference), (recent, *calm.noise))
    (verdict,) = judge_changes([FigureHistory("a", "m", "lower", now, whole, recent, calm)])
    assert verdict.two is two


def test_a_figure_without_bounds_says_what_it_saw():
    none = Evidence(9.0, 2.3, math.inf, math.inf, 1.0)
    (verdict,) = judge_changes(
        [FigureHistory("a", "m", "lower", none, reference((3.0, 5.0, 100.0)))]
    )
    assert (verdict.before, verdict.after, verdict.lo, verdict.hi) == (5.0, 9.0, None, None)
    assert (verdict.trend, verdict.two, verdict.spread) == ("unclear", False, 0.0)
    assert verdict.note == "no bounds on one side, so not judged"
    (verdict,) = judge_changes(
        [FigureHistory("a", "m", "lower", said(9.0), ReferenceEvidence((), ()))]
    )
    assert math.isnan(verdict.before)
    assert verdict.note == "no past run has this figure"
    assert judge_changes([]) == []


@pytest.mark.parametrize(("wide", "note"), [(0.05, None), (0.2, HIDES)])
def test_same_means_that_no_change_by_half_could_hide(wide, note):
    (verdict,) = judge_changes(
        [FigureHistory("a", "m", "lower", said(100.0, wide), reference([100.0] * 12))]
    )
    widest = max(abs(math.log(1 + end / 100.0)) for end in (verdict.lo, verdict.hi))
    assert (widest > math.log(1.5)) is (note is not None)
    assert (verdict.trend, verdict.note) == ("unclear" if note else "same", note)


def test_counts_are_compared_by_bursts_and_told_in_events():
    """Four events a burst: the figure is of events, the scale of bursts."""

    def counted(events):
        bursts = events / 4.0
        return Evidence(float(events), on_scale(bursts, COUNT), 1.0, 1.0, COUNT, 1e6, 4.0)

    basis = ReferenceEvidence((counted(8),) * 6, (counted(8),) * 6)
    figure = FigureHistory("a", "missed", "lower", counted(60), basis)
    (verdict,) = judge_changes([figure])
    assert verdict.after == 60.0
    before, lo, hi, spread = expected([figure], [0.005])[0]
    check(verdict, (4 * before, 4 * lo, 4 * hi, spread))
