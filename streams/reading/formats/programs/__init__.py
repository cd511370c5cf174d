"""Exports of the chat programs that people use."""
