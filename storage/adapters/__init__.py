"""The registry of adapters."""
