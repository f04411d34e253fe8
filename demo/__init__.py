"""The demonstration: a real shop's history, simulated shoppers, a local inbox. Nothing imports it."""
