"""Spans and traces."""
