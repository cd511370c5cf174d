"""Judges of answers: local models, servers, recorded ones, and how far they agree."""
