"""A learned second opinion beside the filter's rules: small linear models over hashed words, shipped as data."""

from coachlm.text.opinion.model import SecondOpinion

__all__ = ["SecondOpinion"]
