"""What the profiles measure: quick everything once, nightly the full matrix."""

from dataclasses import replace
from pathlib import Path

import pytest

from hil.agents.bundle import load_names, needed_capabilities, technique_names
from hil.experiments.plan import PROFILES, Case, extra_s, make_cases
from hil.experiments.registry import chosen_workloads
from hil.model.techniques import LOADS, TECHNIQUES, describe_method


def plans(name, loads=None):
    profile = PROFILES[name]
    cases = make_cases(profile, technique_names(), loads or profile.loads)
    return {(case.plan.technique, case.plan.load): case.plan for case in cases}


def after_window(plans):
    """The device files that follow the windows of these plans, by their stems."""
    files = {workload.device_file for p in plans for workload, _ in chosen_workloads(Case(p))}
    return {Path(file).stem for file in files if file}


def test_every_known_technique_and_load_has_a_file():
    assert set(technique_names()) == set(TECHNIQUES)
    assert set(load_names()) == set(LOADS)
    assert needed_capabilities("timer_soft", "flash") == ("timer", "fs")


def test_quick_measures_every_technique_once():
    assert {technique for technique, _ in plans("quick")} == set(TECHNIQUES)
    assert {load for _, load in plans("quick")} == {"idle"}


def test_nightly_is_the_full_matrix():
    assert set(plans("nightly")) == {(t, load) for t in TECHNIQUES for load in LOADS}


def test_quick_has_a_little_of_everything_that_follows_a_window():
    cases = plans("quick")
    for technique in ("timer_soft", "timer_hard"):
        # two-sided bounds of a 99th percentile need some 381 samples
        assert cases[technique, "idle"].options["callbacks"] >= 381
    assert cases["asyncio_sleep", "idle"].options["ways"] == "run/2:1/10"
    assert cases["periodic_operator", "idle"].options["restarts"] >= 20
    assert all(plan.options["share"] >= 6 for plan in cases.values())  # fewer give no bounds
    assert after_window(cases.values()) >= {"callback_variants", "asyncio_ways", "background_share"}


def test_nightly_has_asyncio_both_ways_with_all_rates_and_companions():
    ways = str(plans("nightly")["asyncio_sleep", "idle"].options["ways"]).split(",")
    want = {
        f"{way}/{rates}/{n}"
        for way in ("run", "run_forever")
        for rates in ("2:1", "7:11")
        for n in (1, 10, 50)
    }
    assert set(ways) == want
    assert all("busy companions" in describe_method(f"asyncio/{way}") for way in ways)


def test_a_capture_is_waited_for_as_long_as_all_that_it_measures_takes():
    for name in ("quick", "nightly"):
        for plan in plans(name).values():
            o = plan.options
            ways = len(str(o["ways"]).split(",")) * o["way_us"] if "ways" in o else 0
            least = (
                ways + 4 * o.get("schedule_us", 0) + 10_000 * o.get("callbacks", 0)
            ) / 1e6 + 4 * 0.0005 * o.get("isr_events", 0)
            assert least <= extra_s(Case(plan)) < 20 * least + 60, plan
    bare = replace(plan, options={"pings": 3})
    assert extra_s(Case(bare)) == 0


@pytest.mark.parametrize("duration_s", [0.3, 0.9])
def test_a_trial_window_is_followed_by_nothing(duration_s):
    cases = make_cases(PROFILES["quick"], technique_names(), ("idle",), duration_s=duration_s)
    # but for what a technique alone has no figures without
    assert after_window(case.plan for case in cases) == {"isr_latency", "restarts"}
