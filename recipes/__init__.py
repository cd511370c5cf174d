"""Recipes of every file that ships: weights, lexicons, the bundled coach. Each can be run again."""
