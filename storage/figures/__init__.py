"""Figures of the pages, and their recount."""
