"""Commands that judge and compare."""
