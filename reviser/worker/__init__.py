"""Revises what waits, and keeps doing so."""
