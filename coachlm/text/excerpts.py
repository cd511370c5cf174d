"""Excerpts of texts that nobody can work on: their beginning, and a digest that tells them apart."""

from dataclasses import replace

from coachlm.digests import content_hash
from coachlm.pairs import InstructionPair

EXCERPT_CHARS = 2_000


def excerpt_pair(pair: InstructionPair) -> InstructionPair:
    """The same pair with its long texts cut. Two pairs that differ anywhere have different excerpts, and the same pair
    has the same one every time."""
    return replace(
        pair, instruction=_excerpt(pair.instruction), input=_excerpt(pair.input), response=_excerpt(pair.response)
    )


def _excerpt(text: str) -> str:
    if len(text) <= EXCERPT_CHARS:
        return text
    return f"{text[:EXCERPT_CHARS]}\n[… {len(text):,} characters in all; digest {content_hash(text)}]"
