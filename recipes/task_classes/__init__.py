"""How the task classifier is made: its corpora, labels by hand, seed instructions and training."""
