"""Whole exchanges: a request and its answer, whichever provider's."""
