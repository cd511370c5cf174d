"""Approved revisions to show a coach: those whose request is most like the pair's, never one that gives it away."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import regex

from coachlm.errors import SettingsError
from coachlm.pairs import InstructionPair, content_hash

MAX_CHARS = 3_000
"""Of an example, before and after together: longer ones cost more than they teach."""
EXAMPLE_TOKENS = MAX_CHARS // 3
"""Of an example, by a cautious guess."""
_K1, _B = 1.2, 0.75  # Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, §3.2
_WORD = regex.compile(r"\p{L}+|\p{N}+|[\p{Han}\p{Hiragana}\p{Katakana}]")
_QUERY_CHARS = 4_000  # of a request, for the search
_TELLING_CHARS = 20  # a text so long that stands in another one is no chance


@dataclass(frozen=True, slots=True)
class Example:
    """A pair before and after an expert revised it."""

    raw: InstructionPair
    revised: InstructionPair
    conversation: str = ""  # where it came from; empty: not known


@dataclass(frozen=True, slots=True)
class _Indexed:
    """An example, and what says that it would give a pair away."""

    example: Example
    instruction_hash: str


class ExampleStore:
    """Finds the nearest examples by BM25 over instruction and input. Safe to share between threads."""

    def __init__(
        self,
        examples: Iterable[Example],
        conversation_of: Callable[[str], str] = lambda _: "",
        withheld: frozenset[str] = frozenset(),
    ) -> None:
        """`conversation_of`: a pair's conversation by its id, empty where it isn't known; `withheld`: content hashes
        of instructions that are never shown, those of test sets."""
        self._conversation_of = conversation_of
        self._items = [
            _Indexed(each, content_hash(each.raw.instruction))
            for each in examples
            if _chars(each) <= MAX_CHARS and content_hash(each.raw.instruction) not in withheld
        ]
        self._postings, self._weights = _index([_words(item.example.raw) for item in self._items])

    def __len__(self) -> int:
        return len(self._items)

    def nearest(self, raw: InstructionPair, count: int) -> list[Example]:
        """The most similar last, next to what is asked; none that shares no word with the request."""
        if not count or not self._items:
            return []
        scores = np.zeros(len(self._items), np.float32)
        for word in set(_words(raw)):
            if word in self._postings:
                scores[self._postings[word]] += self._weights[word]
        own, conversation = content_hash(raw.instruction), self._conversation_of(raw.id)
        found: list[Example] = []
        for place in np.argsort(-scores, kind="stable"):
            if len(found) == count or scores[place] <= 0:
                break
            item = self._items[place]
            if not _gives_away(item, raw, own, conversation):
                found.append(item.example)
        return found[::-1]


def bundled_examples() -> list[Example]:
    """The project's own expert revisions."""
    return list(_read((resources.files("coachlm") / "data" / "expert_revisions.jsonl").read_text("utf-8"), "bundled"))


def file_examples(path: Path) -> list[Example]:
    """JSON lines with `raw` and `revised`, each an Alpaca record; `conversation` where it is known.

    Raises: SettingsError.
    """
    try:
        return list(_read(path.read_text("utf-8"), str(path)))
    except (OSError, ValueError) as error:
        raise SettingsError(f"COACHLM_COACH_EXAMPLES: {path} can't be read: {error}") from error


def withheld_instructions() -> frozenset[str]:
    """Content hashes of the instructions of the test set that comes along."""
    text = (resources.files("coachlm") / "data" / "own_200.jsonl").read_text("utf-8")
    return frozenset(content_hash(each.raw.instruction) for each in _read(text, "own_200"))


def _read(text: str, name: str) -> Iterator[Example]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            conversation = record.get("conversation") or ""
            yield Example(_pair(record["raw"]), _pair(record["revised"]), str(conversation))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{name}, line {number} holds no `raw` and `revised` pair") from error


def _pair(record: Any) -> InstructionPair:
    texts = record["instruction"], record.get("input") or "", record["output" if "output" in record else "response"]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a text is no text")
    return InstructionPair(*texts)


def _gives_away(item: _Indexed, raw: InstructionPair, instruction_hash: str, conversation: str) -> bool:
    """Whether the example is the pair itself, asks the same, or is of the same conversation."""
    other = item.example
    if item.instruction_hash == instruction_hash or (conversation and conversation == other.conversation):
        return True
    return _stands_in(other.raw.instruction, raw.input) or _stands_in(raw.instruction, other.raw.input)


def _stands_in(text: str, other: str) -> bool:
    """An earlier turn stands in a later one's input."""
    text = text.strip()
    return len(text) >= _TELLING_CHARS and text in other


def _chars(example: Example) -> int:
    pairs = (example.raw, example.revised)
    return sum(len(pair.instruction) + len(pair.input) + len(pair.response) for pair in pairs)


def _words(pair: InstructionPair) -> list[str]:
    return _WORD.findall(f"{pair.instruction}\n{pair.input}"[:_QUERY_CHARS].lower())


def _index(texts: Sequence[Sequence[str]]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Of each word, the places where it occurs and what it adds to their scores."""
    mean = sum(map(len, texts)) / max(len(texts), 1) or 1.0
    places: dict[str, list[int]] = defaultdict(list)
    parts: dict[str, list[float]] = defaultdict(list)
    for place, words in enumerate(texts):
        for word, times in Counter(words).items():
            places[word].append(place)
            parts[word].append(times * (_K1 + 1) / (times + _K1 * (1 - _B + _B * len(words) / mean)))
    weights = {
        word: np.asarray(some, np.float32) * math.log(1 + (len(texts) - len(some) + 0.5) / (len(some) + 0.5))
        for word, some in parts.items()
    }
    return {word: np.asarray(some, np.int32) for word, some in places.items()}, weights
