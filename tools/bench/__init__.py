"""How fast the harness is, beside what one would do without it: ``tox -e bench``."""
