"""What past runs have left: a database of every run with its stamps, and comparisons with it."""
