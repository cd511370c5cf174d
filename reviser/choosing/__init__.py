"""Several candidates a pair, and the choice between them."""
