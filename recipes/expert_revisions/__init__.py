"""The project's own expert revisions: what a weak model answered, and the pair as an expert would leave it. CC0."""
