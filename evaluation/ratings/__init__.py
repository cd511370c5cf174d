"""Ratings 0 to 5 and by the rubric, by judges and by people."""
