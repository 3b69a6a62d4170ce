"""Cadence: how often people must hear, and who is chased when they do not."""
