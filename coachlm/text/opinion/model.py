"""How likely a text is unsafe, and how likely a response refuses without answering, by the shipped weights.

`coachlm/data/second_opinion.md` says how the weights are made, from what, and how well they do.
"""

import math
from functools import cache, lru_cache
from importlib import resources

import numpy as np
from safetensors.numpy import load

from coachlm.text.opinion.features import answer_buckets, is_alarming, text_buckets, windows, word_buckets

WEIGHTS_FILE = "second_opinion.safetensors"
_REMEMBERED_TEXTS = 1024
"""The messages of a conversation come again with each of its turns."""


class SecondOpinion:
    """Probabilities from 0 to 1; a window of a text costs some 0.1 ms."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        """`unsafe` and `refusal`: (BUCKETS,) each; `bias` and `scale`: two each, of the same order."""
        self._unsafe = weights["unsafe"].astype(np.float32)
        self._refusal = weights["refusal"].astype(np.float32)
        self._bias, self._scale = weights["bias"].tolist(), weights["scale"].tolist()
        self.unsafe = lru_cache(_REMEMBERED_TEXTS)(self._judge_unsafe)

    @staticmethod
    @cache
    def load() -> "SecondOpinion":
        """The shipped model, read once a process."""
        return SecondOpinion(load((resources.files("coachlm") / "data" / WEIGHTS_FILE).read_bytes()))

    def refusal(self, response: str) -> float:
        """That the response refuses and gives no answer."""
        rows = answer_buckets(response)
        return self._probability(1, float(self._refusal[rows].sum()) / math.sqrt(len(rows)))

    def _judge_unsafe(self, text: str) -> float:
        """That the worst window of a text is unsafe content or asks for it; 0 where no word gives cause to ask."""
        asked = [window for window in windows(text) if is_alarming(window)]
        return self._probability(0, max(map(self._window, asked))) if asked else 0.0

    def telling_words(self, text: str, count: int = 5) -> list[str]:
        """The words of a text that speak loudest for unsafe, loudest first."""
        weight = {word: float(self._unsafe[rows].sum()) for word, rows in word_buckets(text).items()}
        return [word for word in sorted(weight, key=lambda word: -weight[word])[:count] if weight[word] > 0]

    def _window(self, text: str) -> float:
        rows = text_buckets(text)
        return float(self._unsafe[rows].sum()) / math.sqrt(len(rows))

    def _probability(self, head: int, evidence: float) -> float:
        logit = self._scale[head] * (evidence + self._bias[head])
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))
