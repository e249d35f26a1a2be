"""Pytest at the root runs the timing suite in ``benchmarks/``; ``pytest tests`` tests the harness.

The plugin itself comes from the installed package's entry point, so it is not named here.
"""

collect_ignore = ["hil", "device_agents", "reports", "tools", "build"]
