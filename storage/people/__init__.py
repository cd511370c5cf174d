"""Accounts, leases and reservations."""
