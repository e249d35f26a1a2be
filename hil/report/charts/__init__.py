"""Charts: their description, the charts of a run, and drawing them into files."""
