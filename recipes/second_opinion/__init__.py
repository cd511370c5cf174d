"""How the second opinion is made: its corpora, labels by reading, seed sentences and training."""
