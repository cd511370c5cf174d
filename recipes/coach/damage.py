"""Damage done to clean pairs, and how much of it a reviser mends."""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from coachlm.pairs import InstructionPair
from coachlm.text.markup import code_blocks, inline_code

DAMAGED_SHARE = 0.1


_WORD = re.compile(r"(?<![\w/@.`'’<-])[A-Za-z]{3,}(?![\w/@`'’>-])")


_FACTS = re.compile(r"https?://\S+|www\.\S+|[\w.+-]+@[\w-]+\.\w+|<[A-Z_]+_\d+>|\d+(?:[.,:/]\d+)*")


_STOP = re.compile(r"(?<=[A-Za-z])([,.;!?]) ?(?=[A-Za-z]|$)")


_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


@dataclass(frozen=True, slots=True)
class Mending:
    """Characters between a damaged text and the clean one, before and after mending, over all texts."""

    before: int
    after: int

    @property
    def reduction(self) -> float:
        return 1 - self.after / max(self.before, 1)


def damage(text: str, rng: random.Random) -> str:
    """One word in ten mistyped, doubled or decapitalised; one stop in ten misplaced. Code and facts are spared."""
    spared = [*((block.start, block.end) for block in code_blocks(text)), *inline_code(text)]
    spared += [match.span() for match in _FACTS.finditer(text)]

    def word(match: re.Match[str]) -> str:
        inside = any(start < match.end() and end > match.start() for start, end in spared)
        return match[0] if inside or rng.random() >= DAMAGED_SHARE else slip(match[0], rng)

    def stop(match: re.Match[str]) -> str:
        inside = any(start <= match.start() < end for start, end in spared)
        return match[0] if inside or rng.random() >= DAMAGED_SHARE else rng.choice((f" {match[0]}", match[1], ""))

    # Stops first: the spared spans hold for the undamaged text, and stops change its length last-to-first.
    for match in reversed(list(_STOP.finditer(text))):
        text = text[: match.start()] + stop(match) + text[match.end() :]
    spared = [*((block.start, block.end) for block in code_blocks(text)), *inline_code(text)]
    spared += [match.span() for match in _FACTS.finditer(text)]
    return _WORD.sub(word, text)


def slip(word: str, rng: random.Random) -> str:
    at = rng.randrange(len(word) - 1)
    match rng.randrange(6):
        case 0:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        case 1:
            return word[:at] + word[at + 1 :]
        case 2:
            return word[: at + 1] + word[at:]
        case 3:
            row = next(row for row in _KEYS if word[at].lower() in row)
            place = row.index(word[at].lower())
            return (
                word[:at]
                + row[max(place - 1, 0) if rng.random() < 0.5 else min(place + 1, len(row) - 1)]
                + word[at + 1 :]
            )
        case 4:
            return f"{word} {word}"
        case _:
            return word.lower()


def mending(
    clean: Sequence[InstructionPair],
    damaged: Sequence[InstructionPair],
    mend: Callable[[Sequence[InstructionPair]], list[str]],
) -> Mending:
    before = sum(Levenshtein.distance(good.response, bad.response) for good, bad in zip(clean, damaged, strict=True))
    texts = mend(damaged)
    after = sum(Levenshtein.distance(good.response, text) for good, text in zip(clean, texts, strict=True))
    return Mending(before, after)
