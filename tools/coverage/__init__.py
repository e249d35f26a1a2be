"""How often the stated bounds hold the truth, over seeded captures with known disturbances."""
