"""Revising under the adapter that is in force, whichever that is by now."""
