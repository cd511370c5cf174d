"""Texts as vectors without a model: hashed words weighed by how rare they are."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import xxhash

DIMENSIONS = 512
_WORD = re.compile(r"\w+")


def word_vectors(texts: Sequence[str]) -> np.ndarray:
    """`(texts, DIMENSIONS) float32`, of length one: TF-IDF of words and pairs of words, signs by hash (a random
    projection), so that the product of two vectors is about their likeness."""
    counted = [Counter(_terms(text)) for text in texts]
    documents = Counter(term for terms in counted for term in terms)
    places = {term: xxhash.xxh3_64_intdigest(term.encode("utf-8", "surrogatepass")) for term in documents}
    vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
    for row, terms in enumerate(counted):
        for term, count in terms.items():
            place = places[term]
            weight = (1 + np.log(count)) * np.log(1 + len(texts) / documents[term])
            vectors[row, place % DIMENSIONS] += weight if place >> 63 else -weight
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1)


def _terms(text: str) -> list[str]:
    words = _WORD.findall(text.lower())
    return [*words, *(f"{first} {second}" for first, second in pairwise(words))]
