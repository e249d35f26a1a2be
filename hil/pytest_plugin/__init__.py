"""The pytest side of hil: options, the ``measured`` fixture, and what a run leaves behind."""
