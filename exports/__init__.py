"""Data sets out: formats, manifest, data card. Speaks no SQL."""
