"""The local pair scorer."""
