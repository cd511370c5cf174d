"""Commands around the broker."""
