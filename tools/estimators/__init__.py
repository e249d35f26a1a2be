"""Estimators compared on simulated data; the tables are in the decision records."""
