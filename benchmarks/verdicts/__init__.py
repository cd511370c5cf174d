"""Intake's verdicts against labelled data: one module for each family of verdicts, each with its `rows`."""
