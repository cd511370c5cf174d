"""Whether two pairs ask the same: a copy may have other case, punctuation, articles or a typo, but no other word."""

import re
from functools import lru_cache

from coachlm.text.duplicates.words import words_of

_FILLERS = frozenset((b"the", b"a", b"an", b"that", b"please", b"kindly"))
_DENIALS = frozenset(b"not no never without except cannot t".split())  # `t`: of `can't`, `isn't`
_LONG = 60  # words; in a longer request only its ends and its questions are what is asked, the rest is material
_END_WORDS = 30
_MIN_TYPO_LENGTH = 7
_QUESTION = re.compile(r"[^.?!\n]{0,400}\?")


def asked_words(words: list[bytes]) -> list[bytes]:
    """A request's words in order, without those that change nothing."""
    return [word for word in words if word not in _FILLERS] or words


def is_long(words: list[bytes]) -> bool:
    return len(words) > _LONG


def asks_the_same(first: str, second: str) -> bool:
    """Word by word."""
    return _same_sequence(_asked(first), _asked(second))


def asks_alike(first: str, second: str) -> bool:
    """Of long requests, whose middle is mostly material: the same in both ends, questions, numbers and denials."""
    ours, theirs = _asked(first), _asked(second)
    if not (is_long(ours) and is_long(theirs)) or signs_of(ours) != signs_of(theirs):
        return False
    ends = ((ours[:_END_WORDS], theirs[:_END_WORDS]), (ours[-_END_WORDS:], theirs[-_END_WORDS:]))
    return (
        all(_same_sequence(*pair) for pair in ends) and _has_questions(first, theirs) and _has_questions(second, ours)
    )


def signs_of(words: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The words that turn a meaning: numbers, and denials."""
    return sorted(word for word in words if any(48 <= c <= 57 for c in word)), [w for w in words if w in _DENIALS]


def _has_questions(text: str, words: list[bytes]) -> bool:
    """Whether all questions of the text stand among the words, too."""
    joined = b" ".join(words)
    return all(b" ".join(asked_words(words_of(question))) in joined for question in _QUESTION.findall(text))


@lru_cache(maxsize=16)
def _asked(text: str) -> list[bytes]:
    return asked_words(words_of(text))


def _same_sequence(first: list[bytes], second: list[bytes]) -> bool:
    if first == second:
        return True
    return len(first) == len(second) and all(a == b or _is_typo(a, b) for a, b in zip(first, second, strict=True))


def _is_typo(first: bytes, second: bytes) -> bool:
    """Whether long words differ by one letter left out, put in, changed or swapped, and not the first or last."""
    if min(len(first), len(second)) < _MIN_TYPO_LENGTH or abs(len(first) - len(second)) > 1:
        return False
    if first[0] != second[0] or first[-1] != second[-1] or not (first.isalpha() and second.isalpha()):
        return False
    start = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), len(second))
    ours, theirs = first[start:], second[start:]
    return (
        ours[1:] == theirs[1:]
        or ours[1:] == theirs
        or ours == theirs[1:]
        or (ours[:2] == theirs[1::-1] and ours[2:] == theirs[2:])
    )
