"""Workloads that follow the window on the board, beside the same load: variants, costs, latencies.

Their device files do the work; what is here is when, how much, and the figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.analysis.metric_sheet import MetricSheet
from hil.experiments.workload import Workload, by_profile, is_trial, option_count
from hil.model.captures import COUNTED_LATENCY, DEFERRED, HANDLER, STIMULUS, Channel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.analysis.clock import Instrument
    from hil.experiments.plan import Case, Profile
    from hil.experiments.workload import Options
    from hil.model.captures import Capture

_EVENT_S = 4 * 0.005
"""Four series, each event waited for; under a load that rarely gives way it takes milliseconds."""
_CALLBACK_S = 5 * 2 * 0.002
_RESTART_S = 0.05
_SLACK = 2
_USUAL_EVENT_S, _USUAL_CALLBACK_S, _USUAL_RESTART_S, _USUAL_LENGTH = 0.0048, 0.011, 0.03, 1.3
"""As the embedded board takes; lengths are those of the windows times this."""


def _interrupt_events(profile: Profile) -> int:
    return by_profile(profile, quick=2_000, nightly=10_000, soak=100_000)


def _variant_us(profile: Profile) -> int:
    return by_profile(profile, quick=1_000_000, nightly=4_000_000)


class InterruptLatency(Workload):
    """A pin's interrupt over the loopback: stimulus to handler, handler to deferred code."""

    name = "interrupt latency"
    device_file = "workloads/isr_latency.py"
    option_names = ("isr_events",)
    channels = (STIMULUS, HANDLER, DEFERRED)

    def options(self, case: Case, profile: Profile) -> Options | None:
        """For the technique that has no figures without it, after a trial window, too."""
        if case.plan.technique != "event_irq":
            return None
        return {"isr_events": _interrupt_events(profile)}

    def limit_s(self, options: Options) -> float:
        """By the number of events."""
        return option_count(options, "isr_events") * _EVENT_S

    def usual_s(self, options: Options) -> float:
        """By the number of events."""
        return option_count(options, "isr_events") * _USUAL_EVENT_S


class CounterLatency(Workload):
    """Interrupt latency read from a timer's own counter, where timers have a counter."""

    name = "latency by a counter"
    device_file = "workloads/counter_latency.py"
    option_names = ("counter_events",)
    channels = (COUNTED_LATENCY,)
    runs_last = True  # it takes a timer by its number

    def options(self, case: Case, profile: Profile) -> Options | None:
        """After hard callbacks of timers."""
        if case.plan.technique != "timer_hard" or is_trial(case):
            return None
        return {"counter_events": _interrupt_events(profile)}

    def limit_s(self, options: Options) -> float:
        """By the number of events."""
        return option_count(options, "counter_events") * _EVENT_S

    def usual_s(self, options: Options) -> float:
        """By the number of events."""
        return option_count(options, "counter_events") * _USUAL_EVENT_S / 4


class Restarts(Workload):
    """A periodic operator stopped and started again; and callbacks after the end of any capture."""

    name = "stops and restarts"
    device_file = "workloads/restarts.py"
    option_names = ("restarts",)
    stop_us = Channel("stop to last callback", "op.stop", "us", "values")
    phase_us = Channel("phase after a start", "op.phase", "us", "values")
    channels = (stop_us, phase_us)

    def options(self, case: Case, profile: Profile) -> Options | None:
        """For the technique that has no such figures without it, after a trial window, too."""
        if case.plan.technique != "periodic_operator":
            return None
        return {"restarts": by_profile(profile, quick=40, nightly=200)}

    def limit_s(self, options: Options) -> float:
        """By the number of restarts."""
        return option_count(options, "restarts") * _RESTART_S

    def usual_s(self, options: Options) -> float:
        """By the number of restarts."""
        return option_count(options, "restarts") * _USUAL_RESTART_S

    def analyse(self, capture: Capture, cost: Instrument) -> Iterable[MetricSheet]:
        """``callbacks_after_stop``, ``timer_after_stop``, ``stop_latency_us`` and the phase."""
        from hil.analysis.callbacks import measure_calls_after_end, measure_stops  # late: numpy

        sheet = MetricSheet()
        measure_calls_after_end(capture, sheet)
        measure_stops(
            capture.counters,
            capture.numbers(self.stop_us),
            capture.numbers(self.phase_us),
            cost.tick_us,
            cost.read_cost_us,
            sheet,
        )
        return (sheet,)


class CallbackVariants(Workload):
    """Where a callback's state is, which timer calls it, and what critical sections do to it."""

    name = "variants of callbacks"
    device_file = "workloads/callback_variants.py"
    option_names = ("callbacks",)
    channels = tuple(
        Channel(name, f"{kind}/{{method}}:{{task}}", "us", "activations")
        for name, kind in (
            ("callback variant", "callback"),
            ("timer variant", "timer"),
            ("critical section", "critical"),
        )
    )

    def options(self, case: Case, profile: Profile) -> Options | None:
        """After callbacks of timers."""
        if case.plan.technique not in ("timer_soft", "timer_hard") or is_trial(case):
            return None
        return {"callbacks": by_profile(profile, quick=390, nightly=1000)}

    def limit_s(self, options: Options) -> float:
        """By the length of a series."""
        return option_count(options, "callbacks") * _CALLBACK_S

    def usual_s(self, options: Options) -> float:
        """By the length of a series."""
        return option_count(options, "callbacks") * _USUAL_CALLBACK_S

    def analyse(self, capture: Capture, cost: Instrument) -> Iterable[MetricSheet]:
        """Heap, errors and late calls of callbacks; the series have their figures without it."""
        from hil.analysis.callbacks import measure_callbacks  # late: numpy

        sheet = MetricSheet()
        measure_callbacks(capture.counters, sheet)
        return (sheet,)


class AsyncioVariants(Workload):
    """Two blinkers among busy companions, by asyncio.run and by the loop object."""

    name = "variants of asyncio"
    device_file = "workloads/asyncio_ways.py"
    option_names = ("ways", "way_us")
    channels = (Channel("asyncio variant", "asyncio/{method}:{task}", "us", "activations"),)
    _nightly = ",".join(
        f"{entry}/{rates}/{companions}"
        for entry in ("run", "run_forever")
        for rates in ("2:1", "7:11")
        for companions in (1, 10, 50)
    )

    def options(self, case: Case, profile: Profile) -> Options | None:
        """After the naive coroutine."""
        if case.plan.technique != "asyncio_sleep" or is_trial(case):
            return None
        variants = by_profile(profile, quick="run/2:1/10", nightly=self._nightly)
        return {"ways": variants, "way_us": _variant_us(profile)}

    def limit_s(self, options: Options) -> float:
        """By the number of variants and their length."""
        variants, length_us = (option_count(options, name) for name in self.option_names)
        return _SLACK * variants * length_us / 1e6

    def usual_s(self, options: Options) -> float:
        """By the number of variants and their length."""
        return _USUAL_LENGTH / _SLACK * self.limit_s(options)


class SchedulerVariants(Workload):
    """The persistent scheduler as it is and as the usual library does it, in busy company."""

    name = "variants of the scheduler"
    device_file = "workloads/schedule_variants.py"
    option_names = ("schedules", "schedule_us")
    channels = (Channel("scheduler variant", "schedule/{method}:{task}", "us", "activations"),)

    def options(self, case: Case, profile: Profile) -> Options | None:
        """After the scheduler's own window."""
        if case.plan.technique != "aioschedule" or is_trial(case):
            return None
        variants = "planned,drifting,serial,usual"
        return {"schedules": variants, "schedule_us": _variant_us(profile)}

    def limit_s(self, options: Options) -> float:
        """By the number of variants and their length."""
        variants, length_us = (option_count(options, name) for name in self.option_names)
        return _SLACK * variants * length_us / 1e6

    def usual_s(self, options: Options) -> float:
        """By the number of variants and their length."""
        return _USUAL_LENGTH / _SLACK * self.limit_s(options)


class BackgroundShare(Workload):
    """The share of the processor that the technique leaves to the main program."""

    name = "background share"
    device_file = "workloads/background_share.py"
    option_names = ("share", "share_us")
    channels = tuple(
        Channel(name, f"share.{stored}", unit, "values")
        for name, stored, unit in (
            ("turns beside the tasks", "with", "1"),
            ("time beside the tasks", "with_us", "us"),
            ("turns alone", "bare", "1"),
            ("time alone", "bare_us", "us"),
        )
    )
    runs_last = True  # the technique runs again for it

    def options(self, case: Case, profile: Profile) -> Options | None:
        """After every technique, but for a web server: one that ends and begins with every window
        would be measured, not left."""
        if case.plan.load == "web" or is_trial(case):
            return None
        window_us = max(50_000, min(5 * case.plan.tasks[0].period_us, 1_000_000))
        return {"share": by_profile(profile, quick=6, nightly=12), "share_us": window_us}

    def limit_s(self, options: Options) -> float:
        """By the number of pairs of windows and their length."""
        pairs, length_us = (option_count(options, name) for name in self.option_names)
        return _SLACK * (2 * pairs + 1) * length_us / 1e6

    def usual_s(self, options: Options) -> float:
        """By the number of pairs of windows and their length."""
        return self.limit_s(options) / _SLACK

    def analyse(self, capture: Capture, cost: Instrument) -> Iterable[MetricSheet]:
        """``background_share``."""
        from hil.analysis.cpu_share import BACKGROUND_SHARE, measure_share  # late: numpy

        sheet = MetricSheet()
        columns = [capture.numbers(channel) for channel in self.channels]
        turns, turns_us, bare, bare_us = columns
        if capture.counters.get("share_none"):
            reason = "the main program runs the tasks itself: there is no loop beside them"
            sheet.mark_unavailable(BACKGROUND_SHARE, reason)
        elif turns is None or turns_us is None or bare is None or bare_us is None:
            if "background" in capture.counters or "share" in capture.plan.options:
                reason = "needs the turns of the same loop with no task running"
                sheet.mark_unavailable(BACKGROUND_SHARE, reason)
        else:
            measure_share(turns, turns_us, bare, bare_us, sheet)
        return (sheet,)


class ClockExchanges(Workload):
    """The board's clock against the host's: exchanges before and after the window."""

    name = "clock exchanges"
    option_names = ("pings",)
    every_window = True

    def options(self, case: Case, profile: Profile) -> Options | None:
        """In every capture."""
        return {"pings": by_profile(profile, quick=100, nightly=200, soak=500)}

    def analyse(self, capture: Capture, cost: Instrument) -> Iterable[MetricSheet]:
        """``clock_skew_ppm``."""
        from hil.analysis.clock_skew import measure_skew  # late: numpy

        sheet = MetricSheet()
        windows = capture.windows or (capture,)
        # what the host itself runs takes its time from the host's clock, however wrong that is
        host_ppm = capture.host_clock_ppm if capture.board.source == "hardware" else 0.0
        measure_skew([window.pings for window in windows], cost.tick_us, sheet, host_ppm)
        return (sheet,)
