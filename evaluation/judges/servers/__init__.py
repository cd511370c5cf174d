"""Judges that servers run: asking them, and keeping what they said."""
