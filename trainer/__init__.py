"""Tuning a coach: which expert revisions, which tokens, the run, and the record of what was done. Knows no database."""
