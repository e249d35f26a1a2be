"""What requests to the board's web server take while its tasks run: only under the load web."""

import pytest

pytestmark = pytest.mark.hil(loads=["web"])


def test_requests(figures):
    figures.check(
        "request_latency_p50_us",
        "request_latency_p99_us",
        "request_latency_max_us",
        "request_rate_hz",
        "request_errors",
    )
