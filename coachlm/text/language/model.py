"""py3langid's model, loaded once per process at the first text that needs it, with what is known of how common
languages are."""

import math
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from coachlm.text.language.evidence import Scores
from coachlm.text.language.scripts import ONE_LANGUAGE
from coachlm.text.language.words import SCRIPTS, common_words

_SAME = {"arz": "ar", "ary": "ar", "yue": "zh", "wuu": "zh", "nn": "no", "bs": "hr", "uzs": "uz", "pcm": "en"}
_COMMON = {code for script in SCRIPTS for code in common_words(script)} | set(ONE_LANGUAGE.values())
_PRIORS = {
    "en": 0.7,
    "mk": -1.5,
    "be": -1.0,
    "bg": -0.7,
    "sr": -0.5,
    "ms": -2.0,
    "ca": -1.0,
    "mr": -1.5,
    "ne": -1.5,
    "et": -0.5,
    "lv": -0.5,
}
_UNCOMMON = {"la", "eo", "sq", "af", "tl", "sw", "gl", "eu"}
_UNCOMMON_PRIOR, _RARE_PRIOR = -2.5, -4.5
_NO_LANGUAGE = "zxx"
_LEAST = 1e-9
_SHARPNESS = 2.0  # py3langid flattens what it says of short texts


def model_scores(text: str) -> Scores:
    """Logarithm of each language's probability, rare languages made less probable."""
    scores: Scores = {}
    for code, probability in _identifier().rank(text):
        name = _SAME.get(str(code), str(code))
        if name != _NO_LANGUAGE:
            score = _SHARPNESS * math.log(max(probability, _LEAST)) + _prior(name)
            scores[name] = max(score, scores.get(name, score))
    return scores


def _prior(code: str) -> float:
    if code in _UNCOMMON:
        return _UNCOMMON_PRIOR
    return _PRIORS.get(code, 0.0) if code in _COMMON else _RARE_PRIOR


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
