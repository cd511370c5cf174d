"""Near copies: MinHash band keys that find candidates, and the exact similarity that decides.

A text is cut into words, words into overlapping triples ("shingles"); the similarity of two texts is the Jaccard
similarity of their sets of shingles. Band keys are the same in every process, on every machine and in every release, so
that they can be kept in a database. Where they are kept and looked up is the store's business.
"""

# See docs/decisions/0026-compare-copies-whole-and-by-answers.md

import string
import unicodedata
from collections.abc import Sequence
from itertools import chain

import numpy as np
import regex
from rensa import RMinHash  # pyright: ignore[reportAttributeAccessIssue]  # compiled, without stubs

from coachlm.pairs import InstructionPair

_PART = "\x1e"  # stands between the parts in a pair's text; separates words like any control character
_SHINGLE_WORDS = 3
_SEED = 1
# From 256 rows a call on rensa starts threads; intake has a process per core already, and threads don't survive a fork.
_ROWS_PER_CALL = 128
# Odd 64-bit constants of good dispersion. Source: xxHash, PRIME64_1 to PRIME64_3.
_PRIMES = tuple(np.uint64(p) for p in (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))
_HALF = np.uint64(32)

# Signs that carry the meaning of sums, prices, comparisons and addresses stay: `2+2` isn't `2/2`.
_WORD_BYTES = set((string.ascii_letters + string.digits + "+/=<>%^$&@").encode()) | set(range(128, 256))
_FOLD = bytes(code if code in _WORD_BYTES else 32 for code in range(256)).lower()
_SEPARATORS = regex.compile(r"[[\p{P}\p{Z}\p{C}]--\p{ASCII}]+", regex.V1)
# Scripts written without spaces: each character counts as a word, so their shingles are triples of characters.
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")


def pair_text(pair: InstructionPair) -> str:
    """The text by which a pair is compared: instruction, input and response, kept apart for `similarity`."""
    return _PART.join(part.replace(_PART, " ") for part in (pair.instruction, pair.input, pair.response))


def similarity(first: str, second: str) -> float:
    """Jaccard similarity of the sets of word triples, 0 to 1.

    Texts of pairs are near copies only as far as their *answers* are, and, where both have an input, as far as
    instruction and answer without the input are: the least of these counts. Otherwise a long input that two pairs share
    (a document, the earlier turns of one conversation) would outweigh different questions and answers about it.
    """
    parts, others = first.split(_PART), second.split(_PART)
    whole = _jaccard(first, second)
    if len(parts) != 3 or len(others) != 3:
        return whole
    least = min(whole, _jaccard(parts[2], others[2]))
    if parts[1].strip() and others[1].strip():
        least = min(least, _jaccard(f"{parts[0]}\n{parts[2]}", f"{others[0]}\n{others[2]}"))
    return least


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
        """For each text its `bands` keys, signed 64-bit, in order of bands; none for a text without a word."""
        keys: list[tuple[int, ...]] = []
        for start in range(0, len(texts), _ROWS_PER_CALL):
            keys += self._chunk_keys(texts[start : start + _ROWS_PER_CALL])
        return keys

    def _chunk_keys(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        words = [_words(text) for text in texts]
        wordy = [_padded(found) for found in words if found]
        if not wordy:
            return [()] * len(texts)
        keys = iter(self._fold_bands(self._signatures(wordy)).tolist())
        return [tuple(next(keys)) if found else () for found in words]

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
        offsets[1:] = (lengths - _SHINGLE_WORDS + 1).cumsum()
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


def _words(text: str) -> list[bytes]:
    """Words as UTF-8, with case and Unicode's compatibility forms folded, punctuation and white space gone."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).casefold()
        text = _UNSPACED.sub(r" \g<0> ", _SEPARATORS.sub(" ", text))
    return text.encode("utf-8", "surrogatepass").translate(_FOLD).split()


def _padded(words: list[bytes]) -> list[bytes]:
    """At least one shingle's worth, so that a text of one or two words has a shingle too."""
    return words if len(words) >= _SHINGLE_WORDS else words + [b""] * (_SHINGLE_WORDS - len(words))


def _shingles(text: str) -> set[tuple[bytes, ...]]:
    words = _words(text)
    padded = _padded(words)
    return set(zip(padded, padded[1:], padded[2:], strict=False)) if words else set()


def _jaccard(first: str, second: str) -> float:
    """1.0 for equal texts; texts without a single word are similar only when equal."""
    ours, theirs = _shingles(first), _shingles(second)
    if not ours or not theirs:
        return float(first.strip() == second.strip())
    return len(ours & theirs) / len(ours | theirs)
