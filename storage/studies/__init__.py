"""Blind rating studies."""
