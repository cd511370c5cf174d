"""Noticing, token by token, that an output won't end well: it loops, or begins a second pair.

Half of what a weak coach computes is such text. What ends here is decided by the output alone, so every engine ends it
at the same token, with and without drafts.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from coachlm.pairs import InstructionPair
from coachlm.text.hygiene import asks_for_repetition, repeats_allowed

_DIGITS = -1  # stands for every token of digits: numbered loops repeat all but their numbers
_TAIL_TOKENS = 20  # a field's name is no longer, letter by letter
_SECOND_PAIR = re.compile(r"(?<=\n)[^\S\n]*+Instruction:\s*+\Z")
_RESPONSE = re.compile(r"\sResponse:\s*\Z")
_NUMBERED_LETTERS, _NUMBERED_TIMES = 25, 8  # of a stretch that repeats but for its numbers: less may be a table


class Ending(StrEnum):
    """Why an output was ended before its model did."""

    LOOPING = "looping"
    SECOND_PAIR = "second_pair"


class Watch(Protocol):
    """Sees an output's tokens one after another."""

    def see(self, token: int) -> Ending | None:
        """Whether the output ends with this token."""
        ...


class TokenTexts:
    """What tokens say, each asked for once."""

    def __init__(self, decode: Callable[[list[int]], str]) -> None:
        self.decode = decode
        self._texts: dict[int, str] = {}

    def text(self, token: int) -> str:
        if token not in self._texts:
            self._texts[token] = self.decode([token])
        return self._texts[token]


class OutputWatch:
    """Watches one output."""

    def __init__(self, raw: InstructionPair, texts: TokenTexts, *, in_response: bool = False) -> None:
        """`in_response`: the output begins within the response, the fields before it are given."""
        self._texts = texts
        known = raw.known_text
        self._loops = None if asks_for_repetition(raw) else _Loops(texts, known)
        self._pairs_are_content = "Instruction:" in known
        self._in_response = in_response
        self._tail: list[int] = []

    def see(self, token: int) -> Ending | None:
        self._tail = [*self._tail[1 - _TAIL_TOKENS :], token]
        if self._loops is not None and self._loops.see(token):
            return Ending.LOOPING
        return Ending.SECOND_PAIR if self._begins_second_pair(token) else None

    def _begins_second_pair(self, token: int) -> bool:
        if self._pairs_are_content or ":" not in self._texts.text(token):
            return False
        said = self._texts.decode(self._tail)
        if self._in_response:
            return _SECOND_PAIR.search(said) is not None
        self._in_response = _RESPONSE.search(said) is not None
        return False


class _Loops:
    """Whether the end of a text repeats a stretch more often than texts do.

    It may come twice as often as where `coachlm.text.hygiene` cuts it: an output that ends by itself is mended there
    and need not be given up.
    """

    def __init__(self, texts: TokenTexts, known: str) -> None:
        self._texts = texts
        self._known = known
        self._tokens: list[int] = []
        self._plain: list[int] = []  # the same, all numbers alike
        self._seen: dict[tuple[int, int, int], int] = {}  # three tokens → where they ended last
        self._period = 0
        self._run = 0  # so many of the last tokens equal those a period before them

    def see(self, token: int) -> bool:
        self._tokens.append(token)
        self._plain.append(_DIGITS if self._texts.text(token).strip().isdigit() else token)
        self._follow()
        return bool(self._period) and self._run % self._period == 0 and self._is_too_often()

    def _follow(self) -> None:
        """Go on with the period that holds, or find one by the last three tokens."""
        plain, place = self._plain, len(self._plain) - 1
        if place < 2:
            return
        three = (plain[place - 2], plain[place - 1], plain[place])
        before = self._seen.get(three)
        self._seen[three] = place
        if self._period and plain[place] == plain[place - self._period]:
            self._run += 1
            return
        self._period = self._run = 0
        if before is not None:
            self._period = place - before
            while place >= self._run + self._period and self._repeats(place - self._run):
                self._run += 1

    def _repeats(self, place: int) -> bool:
        return self._plain[place] == self._plain[place - self._period]

    def _is_too_often(self) -> bool:
        period, times = self._period, self._run // self._period + 1
        unit = self._tokens[-period:]
        text = self._texts.decode(unit)
        if unit == self._tokens[-2 * period : -period]:
            enough = times >= 2 * repeats_allowed(text)
        else:
            enough = times >= _NUMBERED_TIMES and sum(map(str.isalpha, text)) >= _NUMBERED_LETTERS
        said = self._texts.decode(self._tokens[-self._run :]).strip()
        return enough and (not said or said not in self._known)
