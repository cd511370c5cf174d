"""Packed continuous batching over an unmodified transformers model; `engine.py` holds the idea, read it first."""
