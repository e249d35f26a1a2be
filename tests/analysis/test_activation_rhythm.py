import numpy as np
import pytest

from hil.analysis.activation_rhythm import find_rhythm, find_second_rate

P = 20_000


def every(period, n=200, first=0, noise=0, seed=1):
    rng = np.random.default_rng(seed)
    return first + np.arange(n) * period + rng.integers(0, noise + 1, n)


def mixed(*series):
    end = min(s[-1] for s in series)
    both = np.sort(np.concatenate(series))
    return both[both <= end]


@pytest.mark.parametrize("noise", [0, 500, 4000])
def test_one_by_one(noise):
    rhythm = find_rhythm(every(P, noise=noise))
    assert (rhythm.size, rhythm.apart_us) == (1, 0)
    assert rhythm.interval_us == pytest.approx(P, abs=noise / 2)
    assert find_second_rate(every(P, noise=noise), P) is None


@pytest.mark.parametrize(("size", "apart"), [(2, 30), (2, 1), (3, 200), (2, 4000)])
def test_groups_of_one_activation_stamped_several_times(size, apart):
    stamps = mixed(*(every(P, first=k * apart, noise=0) for k in range(size)))
    rhythm = find_rhythm(stamps)
    assert rhythm.size == size
    assert rhythm.interval_us == P
    assert rhythm.apart_us == apart


def test_pairs_of_unequal_halves():
    rhythm = find_rhythm(mixed(every(P, noise=50), every(P, first=8000, noise=50, seed=2)))
    assert rhythm.size == 2
    assert rhythm.apart_us == pytest.approx(8000, abs=60)
    assert rhythm.interval_us == pytest.approx(P, abs=60)


def test_equal_halves_are_one_by_one_in_half_the_period():
    rhythm = find_rhythm(every(P // 2))
    assert (rhythm.interval_us, rhythm.size, rhythm.is_even) == (P // 2, 1, True)


def test_a_late_burst_now_and_then_makes_no_groups():
    stamps = every(P)
    for k in range(20, 200, 40):
        stamps[k : k + 4] = stamps[k + 4] - [400, 300, 200, 100]
    assert find_rhythm(stamps).size == 1


@pytest.mark.parametrize("other", [50_000, 30_000, 70_000])
def test_activations_of_a_second_rate_are_told_apart(other):
    stamps = mixed(every(P, 500, noise=20), every(other, 500, first=5300, noise=20, seed=2))
    assert not find_rhythm(stamps).is_even
    assert find_second_rate(stamps, P) == pytest.approx(other, rel=0.01)


def test_what_comes_at_random_is_no_second_rate():
    rng = np.random.default_rng(3)
    stamps = mixed(every(P, 500), np.sort(rng.integers(0, 500 * P, 200)))
    assert find_second_rate(stamps, P) is None


def test_bursts_that_catch_up_have_the_rate_that_was_intended():
    rng = np.random.default_rng(5)
    late = np.sort(every(P) + rng.exponential(3 * P, 200).astype(np.int64))
    rhythm = find_rhythm(late)
    assert rhythm.size == 1
    assert rhythm.interval_us < 0.8 * P
    assert rhythm.mean_us == pytest.approx(P, rel=0.1)


def test_too_few_have_no_rhythm():
    assert find_rhythm(every(P, 3)) is None
    assert find_second_rate(every(P, 5), P) is None
