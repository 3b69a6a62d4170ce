"""Delivery: from one announcement to one settled line in the ledger for each person it is owed to."""
