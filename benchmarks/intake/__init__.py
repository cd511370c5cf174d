"""Intake of whole files, beside a peer."""
