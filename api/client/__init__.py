"""The service's Python client."""
