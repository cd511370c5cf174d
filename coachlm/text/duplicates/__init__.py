"""Near copies: keys that find candidates, and the comparison, part by part, that decides."""

from coachlm.text.duplicates.likeness import compared_text, difference, pair_text, similarity
from coachlm.text.duplicates.signatures import NearDuplicateHasher

__all__ = ["NearDuplicateHasher", "compared_text", "difference", "pair_text", "similarity"]
