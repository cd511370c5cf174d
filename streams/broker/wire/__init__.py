"""Connections, codecs and offsets."""
