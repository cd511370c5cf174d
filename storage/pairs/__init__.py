"""A pair's states, revisions, edits and history."""
