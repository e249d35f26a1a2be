"""How long an event waits for its interrupt handler, and the handler for its deferred part."""

import pytest

pytestmark = pytest.mark.hil(techniques=["event_irq", "timer_hard"])


def test_isr_latency(figures):
    figures.check(
        "isr_latency_min_us",
        "isr_latency_p50_us",
        "isr_latency_p99_us",
        "isr_latency_p999_us",
        "isr_latency_max_us",
        "isr_jitter_pp_us",
    )


def test_deferred_latency(figures):
    figures.check(
        "defer_latency_min_us",
        "defer_latency_p50_us",
        "defer_latency_p99_us",
        "defer_latency_p999_us",
        "defer_latency_max_us",
    )
