"""The vocabulary of CoachLM: instruction pairs, revisions, rubric, prompt, filters. Knows no torch, no SQL, no broker."""

__version__ = "0.1.0"
