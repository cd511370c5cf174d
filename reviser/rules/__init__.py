"""The engine of deterministic repairs."""
