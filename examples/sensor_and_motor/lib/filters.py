"""A moving average that allocates nothing once it is made."""

from array import array


class Average:
    """The mean of the last ``n`` whole numbers."""

    def __init__(self, n):
        self.values = array("i", [0] * n)
        self.at = 0
        self.total = 0

    def add(self, value):
        """Take a number; returns the mean."""
        self.total += value - self.values[self.at]
        self.values[self.at] = value
        self.at = (self.at + 1) % len(self.values)
        return self.total // len(self.values)
