"""Sentences as vectors whose angle tells how alike they are in meaning."""
