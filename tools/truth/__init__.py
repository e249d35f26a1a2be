"""Known properties injected, and found again in the figures: ``tox -e truth``."""
