"""The owners' review."""
