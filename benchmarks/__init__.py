"""Every figure the documentation quotes: `python -m benchmarks.NAME [--quick]`, ending with one JSON line."""
