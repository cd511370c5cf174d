"""Engines and their peers on the experts' real lengths."""
