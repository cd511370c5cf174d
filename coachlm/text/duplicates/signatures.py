"""MinHash band keys: two texts that share one are candidates for near copies.

Keys are the same in every process, on every machine and in every release, so that they can be kept in a database. Where
they are kept and looked up is the store's business.
"""

from collections.abc import Sequence
from itertools import chain

import numpy as np
import xxhash
from rensa import RMinHash  # pyright: ignore[reportAttributeAccessIssue]  # compiled, without stubs

from coachlm.text.duplicates.words import PART, SHINGLE_WORDS, padded, words_of

_SEED = 1
# From 256 rows a call on rensa starts threads; intake has a process per core already, and threads don't survive a fork.
_ROWS_PER_CALL = 128
# Odd 64-bit constants of good dispersion. Source: xxHash, PRIME64_1 to PRIME64_3.
_PRIMES = tuple(np.uint64(p) for p in (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))
_HALF = np.uint64(32)
_ANSWER_WORDS = 8  # of an answer that go into the key of question and answer


class NearDuplicateHasher:
    """Signs texts: two texts that share a band key are candidates for near copies.

    8 bands of 6 rows find 97 % of the copies of similarity 0.8 to 0.85 and 99.7 % of closer ones, with half the keys of
    16 × 8 (`python -m benchmarks.duplicates`). Other numbers give other keys: an index must be built anew for them.

    Raises: ValueError, when `permutations` is no multiple of `bands`.
    """

    def __init__(self, permutations: int = 48, bands: int = 8) -> None:
        if bands < 1 or permutations < bands or permutations % bands:
            raise ValueError(f"permutations ({permutations}) must be a positive multiple of bands ({bands})")
        self.permutations = permutations
        self.bands = bands

    def band_keys(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """For each text its `bands` keys, signed 64-bit, in order of bands; none for a text without a word.

        A pair's text has one more, of its request and how its answer begins: where many questions share a template,
        and so their bands, copies of any one of them still find it.
        """
        keys: list[tuple[int, ...]] = []
        for start in range(0, len(texts), _ROWS_PER_CALL):
            keys += self._chunk_keys([_Words(text) for text in texts[start : start + _ROWS_PER_CALL]])
        return keys

    def _chunk_keys(self, texts: list["_Words"]) -> list[tuple[int, ...]]:
        wordy = [padded(text.words) for text in texts if text.words]
        if not wordy:
            return [()] * len(texts)
        keys = iter(self._fold_bands(self._signatures(wordy)).tolist())
        return [(*next(keys), *text.pair_key) if text.words else () for text in texts]

    def _signatures(self, words: list[list[bytes]]) -> np.ndarray:
        """MinHash signatures of texts given as at least three words each: `(texts, permutations) uint32`."""
        lengths = np.array([len(found) for found in words])
        hashes = np.fromiter(chain.from_iterable(RMinHash.hash_token_sets(words)), np.uint64, count=lengths.sum())
        first, second, third = hashes[:-2], hashes[1:-1], hashes[2:]
        shingles = ((first * _PRIMES[0] ^ second) * _PRIMES[1] ^ third) * _PRIMES[2]
        ends = lengths.cumsum()
        inside = np.ones(len(hashes), dtype=bool)  # False where a triple would reach into the next text
        inside[ends - 1] = inside[ends - 2] = False
        offsets = np.zeros(len(words) + 1, np.uint64)
        offsets[1:] = (lengths - SHINGLE_WORDS + 1).cumsum()
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(
            shingles[inside[:-2]], offsets, num_perm=self.permutations, seed=_SEED
        )
        return np.array(matrix.to_rows(), np.uint32)

    def _fold_bands(self, signatures: np.ndarray) -> np.ndarray:
        """Each band's rows and its index mixed into one number: `(texts, bands) int64`."""
        rows = signatures.reshape(len(signatures), self.bands, -1).astype(np.uint64)
        keys = np.broadcast_to(np.arange(1, self.bands + 1, dtype=np.uint64), rows.shape[:2])
        for row in range(rows.shape[2]):
            keys = (keys ^ rows[:, :, row]) * _PRIMES[0]
            keys = (keys ^ keys >> _HALF) * _PRIMES[1]
        return keys.view(np.int64)


class _Words:
    """A text's words, and of a pair's text the key of its request and how its answer begins."""

    def __init__(self, text: str) -> None:
        parts = text.split(PART)
        self.words = words_of(parts[0])
        self.pair_key: tuple[int, ...] = ()
        for number, part in enumerate(parts[1:], 1):
            words = words_of(part)
            if number == 2:
                key = xxhash.xxh3_64_intdigest(b" ".join((*self.words, PART.encode(), *words[:_ANSWER_WORDS])))
                self.pair_key = (key - 2**64 if key >= 2**63 else key,)
            self.words += words
