"""The vocabulary of CoachLM: instruction pairs, revisions, rubric, prompt, filters. No torch, SQL or broker."""

__version__ = "0.2.0"
