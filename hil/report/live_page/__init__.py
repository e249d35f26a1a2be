"""A page of a measurement that goes on, for this computer only."""
