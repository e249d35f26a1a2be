"""hil: how late, how jittery, how drifting is periodic code on a MicroPython board."""

__version__ = "0.1.0"
