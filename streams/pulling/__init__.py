"""Logs that other services keep, page by page through their public HTTP APIs."""
