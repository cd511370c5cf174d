"""Logs become pairs: sources, log formats, joining, and the drivers that run the stages."""
