"""The generated parts of `docs/reference`: read from the code, written between markers, held by a test."""
