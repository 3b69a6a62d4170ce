"""Drills: an incident is rehearsed on a stage of its own, and a score sheet says how it went."""
