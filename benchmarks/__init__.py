"""The timing suite; in an installed package it is ``hil.suite``: ``pytest --pyargs hil.suite``."""
