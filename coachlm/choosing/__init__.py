"""Choosing among many pairs: which mean the same, and which are worth people's time."""
