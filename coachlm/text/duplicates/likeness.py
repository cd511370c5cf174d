"""How alike two pairs are, part by part, and what differs."""

# See docs/decisions/0152-compare-copies-part-by-part.md

import difflib
import re
from collections.abc import Sequence
from functools import lru_cache

from coachlm.pairs import InstructionPair
from coachlm.text.duplicates.questions import asks_alike, asks_the_same, signs_of
from coachlm.text.duplicates.words import PART, jaccard, words_of

_SHORT_ANSWER = 40  # words; a shorter answer goes with many materials, so that these must be the same
_STYLE_CAPITALS = 2
_SHOWN_CHARS = 200
_SHOWN_WORDS = 400  # longer parts are told by their likeness alone
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_NAMES = ("request", "answer", "context")


def pair_text(pair: InstructionPair) -> str:
    """The text by which a pair is signed: instruction, input and response, kept apart for `similarity`."""
    return _joined(pair.instruction, pair.input, pair.response)


def compared_text(pair: InstructionPair) -> str:
    """The text by which a pair is compared: with the turns before it; system prompts may differ (by a date)."""
    if pair.context is None:
        return pair_text(pair)
    told = (message.text for message in (*pair.context.messages, *pair.context.steps))
    return _joined(*pair.texts, "\n".join(told))


def similarity(first: str, second: str) -> float:
    """Jaccard similarity of the sets of word triples, 0 to 1; of texts of pairs the least of their parts'.

    Pairs are near copies only as far as each part is: what they ask must be the same, word by word (0 where it isn't);
    material, answers and contexts alike; and the same numbers in the answers. Otherwise a long text that two pairs
    share (a document, a template, the earlier turns) would outweigh different questions and answers about it.
    """
    parts, others = first.split(PART), second.split(PART)
    if len(parts) < 3 or len(others) < 3:
        return _alike(" ".join(parts[:3]), " ".join(others[:3]))
    return _least_of_parts(_parts(parts), _parts(others))


def difference(first: str, second: str) -> str:
    """What differs between two texts of pairs, for people: each part's likeness and its changed words."""
    ours, theirs = _parts(first.split(PART)), _parts(second.split(PART))
    told = [_told(*parts) for parts in zip(_NAMES, ours, theirs, strict=True) if parts[1] != parts[2]]
    return "; ".join(told)[:_SHOWN_CHARS] or "the same text in other parts"


def _told(name: str, first: str, second: str) -> str:
    if _words(first) == _words(second):
        return f"{name} in case, punctuation or layout"
    return f"{name} {_alike(first, second):.2f}{_changes(first, second)}"


def _joined(*parts: str) -> str:
    return PART.join(part.replace(PART, " ") for part in parts)


def _parts(parts: Sequence[str]) -> tuple[str, str, str]:
    """Request, answer and context."""
    padded = [*parts, "", "", ""]
    return f"{padded[0]}\n{padded[1]}", padded[2], padded[3]


def _least_of_parts(parts: tuple[str, str, str], others: tuple[str, str, str]) -> float:
    (request, answer, context), (their_request, their_answer, their_context) = parts, others
    ours, theirs = _words(answer), _words(their_answer)
    asked, their_asked = _words(request), _words(their_request)
    same = asks_the_same(request, their_request)
    if not same and (min(len(ours), len(theirs)) < _SHORT_ANSWER or not asks_alike(request, their_request)):
        return 0.0
    if signs_of(ours)[0] != signs_of(theirs)[0] or _mirrors(asked, their_asked, ours, theirs):
        return 0.0
    if len(ours) < _SHORT_ANSWER and _differ_in_case(answer, their_answer):
        return 0.0
    least = min(_alike(answer, their_answer), _alike(context, their_context))
    return least if same else min(least, jaccard(asked, their_asked))


@lru_cache(maxsize=32)
def _words(text: str) -> list[bytes]:
    return words_of(text)  # of one pair that is compared with several


def _mirrors(asked: list[bytes], their_asked: list[bytes], answer: list[bytes], their_answer: list[bytes]) -> bool:
    """Whether a word that one request alone has is one that its answer alone has: the name of another thing."""
    if asked == their_asked or answer == their_answer:
        return False
    request, their_request = set(asked), set(their_asked)
    ours, theirs = set(answer) - set(their_answer), set(their_answer) - set(answer)
    return bool((request - their_request) & ours or (their_request - request) & theirs)


def _differ_in_case(first: str, second: str) -> bool:
    """Whether case is no matter of style here: in `gIaNt` and `getName`, or where most words of a title have it."""
    ours, theirs = _LETTERS.findall(first), _LETTERS.findall(second)
    capitals = sum(word[0].isupper() for word in ours) - sum(word[0].isupper() for word in theirs)
    return abs(capitals) > _STYLE_CAPITALS or _mixed_case(ours) != _mixed_case(theirs)


def _mixed_case(words: list[str]) -> list[str]:
    return [word for word in words if not (word[1:].islower() or word.isupper())]


def _alike(first: str, second: str) -> float:
    """1.0 for equal texts; texts without a single word are similar only when equal."""
    ours, theirs = _words(first), _words(second)
    if not ours or not theirs:
        return float(first.strip() == second.strip())
    return 1.0 if ours == theirs else jaccard(ours, theirs)


def _changes(first: str, second: str) -> str:
    ours, theirs = first.split(), second.split()
    if max(len(ours), len(theirs)) > _SHOWN_WORDS:
        return ""
    codes = difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes()
    shown = [f"{' '.join(ours[a:b])} → {' '.join(theirs[c:d])}" for op, a, b, c, d in codes if op != "equal"]
    return f" ({', '.join(shown)})" if shown else ""
