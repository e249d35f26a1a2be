"""The campaign of faults: ``tox -e faults``."""
