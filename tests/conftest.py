"""Shared by the harness's own tests."""

import os

pytest_plugins = ["pytester"]

# Runs that the tests start are no part of a CI server's own summary.
os.environ.pop("GITHUB_STEP_SUMMARY", None)
