"""A memory of every run: the database, and what has changed since."""
