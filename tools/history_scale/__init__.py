"""How large, how quick and how big in memory the history is, at the sizes of a farm."""
