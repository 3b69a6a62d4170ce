"""Candor's domain: what is said about a service, to whom it is owed, and whether it arrived."""
