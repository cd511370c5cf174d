"""Formats of data set files and recordings."""
