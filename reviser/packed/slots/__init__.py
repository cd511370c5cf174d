"""The cache of the packed engine, and attention over its slots."""
