"""What words and letters alone say about a text's language, without a model."""

import math
import re
from functools import cache

from coachlm.text.language.words import common_words, letters

_WORD = re.compile(r"[^\W\d_]+(?:['’\u200c\u0900-\u0963][^\W\d_]*)*")
_LETTER_WEIGHT = 1.5
_MAX_LETTERS = 4  # how often one kind of letter counts
Scores = dict[str, float]


def words_of(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace("’", "'"))


def word_scores(script: str, words: list[str]) -> tuple[Scores, dict[str, int]]:
    """For each language of the script how much its words weigh, rare ones more, and how many words are its own."""
    table = _languages_of(script)
    scores: Scores = {}
    known: dict[str, int] = {}
    for word in words:
        found = table.get(word)
        if found is not None:
            weight, languages = found
            for language in languages:
                scores[language] = scores.get(language, 0.0) + weight
                known[language] = known.get(language, 0) + 1
    return scores, known


def letter_scores(script: str, text: str) -> Scores:
    """For each language, minus a weight for every kind of letter that it never writes."""
    if script == "Latin" and text.isascii():
        return {}
    writers, lowered = letters(script), text.lower()
    scores: Scores = {}
    for letter in set(lowered) & writers.keys():
        weight = _LETTER_WEIGHT * min(lowered.count(letter), _MAX_LETTERS) ** 0.5
        for language in common_words(script).keys() - writers[letter]:
            scores[language] = scores.get(language, 0.0) - weight
    return scores


@cache
def _languages_of(script: str) -> dict[str, tuple[float, tuple[str, ...]]]:
    by_word: dict[str, list[str]] = {}
    languages = common_words(script)
    for language, words in languages.items():
        for word in words:
            by_word.setdefault(word, []).append(language)
    count = len(languages) + 1
    return {word: (math.log(count / len(found)), tuple(found)) for word, found in by_word.items()}
