"""The tables of techniques, loads and methods."""

import pytest

from hil.model.techniques import (
    LOADS,
    METHODS,
    TECHNIQUES,
    describe_method,
    find_method,
    find_technique,
    is_queued,
    is_variant,
    load_rank,
    loads_of_profile,
    method_rank,
    resolution_us,
    technique_rank,
    why_no_pace,
)


def test_naive_techniques_drift_and_so_answer_their_releases_in_order():
    naive = {technique.name for technique in TECHNIQUES.values() if technique.naive}
    in_order = {name for name, row in TECHNIQUES.items() if row.releases == "in order"}
    assert naive == {"round_robin", "thread", "asyncio_sleep"}
    assert in_order == naive | {"pwm_irq"}  # which has no timer's clock, but counts its own edges
    assert all("(naive)" in TECHNIQUES[name].description for name in naive)


def test_a_users_program_is_a_technique_that_may_lose_releases():
    own = find_technique("firmware.py")
    assert (own.releases, own.resolution_us, own.naive) == ("queued", 0.0, False)
    assert technique_rank("firmware.py") > max(map(technique_rank, TECHNIQUES))


def test_asyncio_waits_by_whole_milliseconds():
    assert resolution_us("asyncio_sleep", None) == 1000.0
    assert resolution_us("asyncio_flag", None) == 0.0
    assert resolution_us("timer_soft", "asyncio/run/2:1/10") == 1000.0
    assert resolution_us("asyncio_sleep", "callback/global") == 0.0


@pytest.mark.parametrize(
    ("technique", "method", "queued"),
    [
        ("timer_soft", "callback/global", True),
        ("aioschedule", "schedule/planned", True),
        ("aioschedule", "schedule/drifting", False),
        ("asyncio_sleep", "asyncio/run/2:1/10", False),
    ],
)
def test_a_series_is_queued_where_technique_and_method_are(technique, method, queued):
    assert is_queued(technique, method) == queued


def test_methods_of_the_same_kind_as_known_ones_are_variants():
    assert is_variant("callback/of_tomorrow")
    assert not describe_method("callback/of_tomorrow")
    for method in (None, "loopback/hard", "web/loop/10", "stop()", "xcallback/global"):
        assert not is_variant(method)
    assert describe_method("web/loop/max") == "a loop with sockets"


def test_methods_stand_in_the_order_of_their_rows():
    names = ["web/asyncio/1", "web/loop/2", "callback/swapped", "callback/global", "loopback/hard"]
    ranked = sorted(names, key=method_rank)
    assert ranked == [names[3], names[2], names[1], names[0], names[4]]
    assert find_method(names[0]) is METHODS[-1]


def test_nightly_measures_every_load_and_the_others_none_beside():
    assert loads_of_profile("nightly") == tuple(LOADS)
    assert loads_of_profile("quick") == loads_of_profile("soak") == ("idle",)
    assert load_rank("unheard of") > max(map(load_rank, LOADS))


@pytest.mark.parametrize(
    ("times_us", "possible"),
    [
        ((10_000, 0), True),
        ((7_000, 7_000, 3_500), True),
        ((60_000_000, 0), True),
        ((1_400,), True),
        ((10_001, 0), False),
        ((10_000, 10_010), False),
        ((1_250, 125), False),
    ],
)
def test_a_pace_in_whole_hertz_has_not_every_period(times_us, possible):
    assert (why_no_pace("pwm_irq", times_us) is None) == possible
    assert why_no_pace("pio_irq", times_us) is None


def test_why_a_pace_is_impossible_says_what_to_do():
    reason = why_no_pace("pwm_irq", (10_001,))
    assert reason == (
        "no whole number of hertz up to 5000 has an edge every 10.001 ms; "
        "choose another --hil-period-ms"
    )
