"""What the models see of a text: hashed words, pairs of words and beginnings of words; the recipe sees the same."""

import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from xxhash import xxh3_64_intdigest

BUCKETS = 1 << 16
"""Rows of the weights: features are hashed into this many."""
WINDOW_CHARS, WINDOWS = 600, 8
"""A long text is judged by its worst window, and by so many windows at most."""

ALARMING = frozenset((Path(__file__).parent / "alarming.txt").read_text("utf-8").split())
"""Words that give cause to ask about a text. They accuse nobody: most texts with one are harmless."""
_LETTERS = b"abcdefghijklmnopqrstuvwxyz0123456789"
_FOLD = bytes(code if code in _LETTERS else 32 for code in range(256))
_ANSWER_CHARS, _OPENING_WORDS, _ANSWER_WORDS, _SIZE_CHARS = 1_500, 40, 200, 150
_STEM = 5
_WORD = re.compile(r"[^\W_]+")
_ANSWER_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|(?<!\d)\d+\.|[?!.:]")
_LIST = re.compile(r"^\s{0,4}(?:\d{1,2}[.)]|[-*•])\s", re.M)


def is_alarming(text: str) -> bool:
    """Whether a word gives cause to ask about the text; the model has learnt from such windows alone."""
    words = text.lower().encode("utf-8", "surrogatepass").translate(_FOLD).decode("ascii").split()
    return not ALARMING.isdisjoint(words)


def windows(text: str) -> list[str]:
    """The text cut at blanks into pieces of WINDOW_CHARS at most, its first WINDOWS of them."""
    pieces, start = [], 0
    while start < len(text) and len(pieces) < WINDOWS:
        end = min(len(text), start + WINDOW_CHARS)
        if end < len(text) and (blank := text.rfind(" ", start + WINDOW_CHARS // 2, end)) > 0:
            end = blank
        pieces.append(text[start:end])
        start = end
    return pieces or [text]


def text_buckets(text: str) -> list[int]:
    """Rows for a window of any text, in any order; never empty."""
    words = _WORD.findall(text.lower().replace("'", "").replace("’", ""))
    features = {f"w {word}" for word in words}
    features.update(f"p {first} {second}" for first, second in pairwise(words))
    features.update(f"t {first} {third}" for first, third in zip(words, words[2:], strict=False))
    features.update(f"s {word[:_STEM]}" for word in words if len(word) > _STEM)
    return _hashed(features)


def word_buckets(text: str) -> dict[str, list[int]]:
    """Each word by itself, with the rows that it and its beginning stand for."""
    words = _WORD.findall(text.lower().replace("'", "").replace("’", ""))
    return {word: _hashed([f"w {word}", *([f"s {word[:_STEM]}"] if len(word) > _STEM else [])]) for word in words}


def answer_buckets(text: str) -> list[int]:
    """Rows for a response as a refusal would be told by: its opening, its other words, its size and layout."""
    text = text.strip()
    words = _ANSWER_WORD.findall(text[:_ANSWER_CHARS].lower().replace("’", "'"))[:_ANSWER_WORDS]
    opening, rest = words[:_OPENING_WORDS], words[_OPENING_WORDS:]
    features = {f"h {word}" for word in opening} | {f"r {word}" for word in rest}
    features.update(f"hp {first} {second}" for first, second in pairwise(opening))
    features.update(f"rp {first} {second}" for first, second in pairwise(rest))
    features.update(f"o {' '.join(words[:count])}" for count in (1, 2, 3, 4))
    features |= {f"size {min(8, len(text) // _SIZE_CHARS)}", f"list {_LIST.search(text) is not None}"}
    return _hashed(features)


def _hashed(features: Iterable[str]) -> list[int]:
    names = "\n".join(features).encode("utf-8", "surrogatepass").split(b"\n")  # none has a line end
    return [digest % BUCKETS for digest in map(xxh3_64_intdigest, names)]
