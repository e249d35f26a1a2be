"""The history: a database of every run with its stamps, and comparisons with earlier runs."""
