"""Arrays in, figures with bounds out: numpy only, no input or output.

The front door is :mod:`hil.analysis.summary`. Nothing is imported here: modules of this package are
first imported by two threads at once, and a package that imports its own modules would let one of
them see a half-made one.
"""
