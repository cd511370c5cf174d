"""Which of several revisions of a pair is likely to save people work, if any: candidates, what speaks for and against
each, a small model that weighs it, and the labels that it learns from. Loads no language model."""
