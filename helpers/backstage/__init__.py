"""Plumbing that a reader of the course need not enter."""
