"""Seeded recordings of edges with known faults, and whether the alignment says each of them."""
