"""What a run looks like: ``results.json``, the table in the terminal, progress, the page."""
