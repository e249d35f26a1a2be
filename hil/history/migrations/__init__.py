"""The steps from one schema of the history to the next, run when a database is opened."""
