"""How a text is cut into words and overlapping triples of them."""

import string
import unicodedata

import regex

PART = "\x1e"
"""Stands between the parts in a pair's text; separates words like any control character."""
SHINGLE_WORDS = 3

# Signs that carry the meaning of sums, prices, comparisons and addresses stay: `2+2` isn't `2/2`.
_WORD_BYTES = set((string.ascii_letters + string.digits + "+/=<>%^$&@").encode()) | set(range(128, 256))
_FOLD = bytes(code if code in _WORD_BYTES else 32 for code in range(256)).lower()
_SEPARATORS = regex.compile(r"[[\p{P}\p{Z}\p{C}]--\p{ASCII}]+", regex.V1)
# Scripts written without spaces: each character counts as a word, so their shingles are triples of characters.
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")


def words_of(text: str) -> list[bytes]:
    """Words as UTF-8, with case and Unicode's compatibility forms folded, punctuation and white space gone."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).casefold()
        text = _UNSPACED.sub(r" \g<0> ", _SEPARATORS.sub(" ", text))
    return text.encode("utf-8", "surrogatepass").translate(_FOLD).split()


def padded(words: list[bytes]) -> list[bytes]:
    """At least one shingle's worth, so that a text of one or two words has a shingle too."""
    return words if len(words) >= SHINGLE_WORDS else words + [b""] * (SHINGLE_WORDS - len(words))


def jaccard(first: list[bytes], second: list[bytes]) -> float:
    """Of the sets of triples; 0 where one text has no word."""
    ours, theirs = _shingles(first), _shingles(second)
    return len(ours & theirs) / len(ours | theirs) if ours and theirs else 0.0


def _shingles(words: list[bytes]) -> set[tuple[bytes, ...]]:
    filled = padded(words) if words else []
    return set(zip(filled, filled[1:], filled[2:], strict=False))
