"""The vocabulary of people's work: items, post-edits, rubric, ratings, efficiency, data sets."""
