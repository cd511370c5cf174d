"""A text as the words, stops and gaps that the coach tags, and back again, to the letter."""

import re
from dataclasses import dataclass
from enum import StrEnum

MARK = "\ue000"  # what `reviser.rules.repairs.Prose` puts in place of code, links and the like
_TOKEN = re.compile(rf"{MARK}|\n|[^\W\d_]+(?:['’][^\W\d_]+)*|\d+(?:[.,:/]\d+)*|[^\w\s]|[\w]+")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_GLUE = frozenset("_/\\@#&+=*~^|<>{}[]$%")
_STOPS = frozenset(",.;:!?")


class Kind(StrEnum):
    """What a token is, as far as mending goes."""

    WORD = "word"
    STOP = "stop"  # , . ; : ! ?
    LINE = "line"  # an end of line
    OTHER = "other"  # numbers, marks, brackets, anything else


@dataclass(frozen=True, slots=True)
class Token:
    """A word or sign with the white space before it."""

    before: str
    text: str
    kind: Kind
    frozen: bool = False  # a part of an identifier, address or number: never changed


@dataclass(frozen=True, slots=True)
class Words:
    """A text taken apart; `"".join(before + text) + tail` is the text."""

    tokens: tuple[Token, ...]
    tail: str

    def text(self) -> str:
        return "".join([*(token.before + token.text for token in self.tokens), self.tail])


def split_words(text: str) -> Words:
    """`split_words(text).text() == text` for every text."""
    matches = list(_TOKEN.finditer(text))
    tokens: list[Token] = []
    position = 0
    for match in matches:
        piece, before = match[0], text[position : match.start()]
        kind = kind_of(piece)
        frozen = kind is Kind.WORD and _is_glued(text, match.start(), match.end())
        tokens.append(Token(before, piece, kind, frozen))
        position = match.end()
    return Words(tuple(tokens), text[position:])


def kind_of(piece: str) -> Kind:
    if piece in _STOPS:
        return Kind.STOP
    if piece == "\n":
        return Kind.LINE
    return Kind.WORD if _WORD.fullmatch(piece) else Kind.OTHER


def _is_glued(text: str, start: int, end: int) -> bool:
    """Whether a word has a digit, hyphen or sign of programs at its side, or a stop within a name: `a.b`, `x2`."""
    before, after = text[start - 1 : start], text[end : end + 1]
    if (before and (before in _GLUE or before.isdigit())) or (after and (after in _GLUE or after.isdigit())):
        return True
    if before == "-" or (after == "-" and text[end + 1 : end + 2].isalnum()):
        return True
    return after == "(" or before in ("'", "’", "`") or after in ("'", "’", "`")
