"""What the maintainers run on the harness itself; the wheel leaves it out.

Every tool is run from the root of a checkout, ``python -m tools.truth`` for example; ``tox.ini``
has an environment for each that takes part in a release.
"""
