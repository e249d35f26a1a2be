"""The tests on a machine that has no time for them: ``tox -e stress``."""
