"""How many small faults put into the package the tests notice: ``tox -e mutants``."""
