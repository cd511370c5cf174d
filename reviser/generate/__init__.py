"""The engine over transformers' own `generate`."""
