"""The words that the coach reads by, and which words a slip of the fingers may have come from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from symspellpy import SymSpell, Verbosity

from coachlm.coaching.lessons import TagRows
from reviser.coach.kin import kin_of
from reviser.coach.tags import GAP_TAGS, CaseTag, WordTag
from reviser.coach.words import MARK, Kind, Token
from reviser.rules.spelling import Speller, shared_speller, slip_weight

# Rows of the model's embedding, in this order, before those of the words.
SPECIAL = (
    "[PAD]",
    "[CLS]",
    "[MORE]",
    "[MASK]",
    "[NUMBER]",
    "[ASIDE]",
    "[LINE]",
    "[SIGN]",
    "[GUESS]",
    "[RARE]",
    "[RARE-s]",
    "[RARE-ed]",
    "[RARE-ing]",
    "[RARE-ly]",
    "[FOREIGN]",
)
PAD, START, MORE, MASK, NUMBER, ASIDE, LINE, SIGN, GUESS = range(9)
WORD_TAGS_AT = len(SPECIAL)
GAP_TAGS_AT = WORD_TAGS_AT + len(WordTag)
CASE_TAGS_AT = GAP_TAGS_AT + GAP_TAGS
WORDS_AT = CASE_TAGS_AT + len(CaseTag)
ROWS = TagRows(WORD_TAGS_AT, GAP_TAGS_AT, CASE_TAGS_AT, WORDS_AT)

MAX_CANDIDATES = 12
_MAX_CACHED = 100_000
_MAX_LETTERS = 30
Found = TypeVar("Found")
TYPES = 128  # known (8) x casing (4) x blank before (2) x said twice (2)
# What is known of a word: it is of the vocabulary; another English word; unknown, with a likely meaning (four degrees,
# from `LIKELY` up); two words that ran together, as it seems; unknown.
OF_VOCABULARY, ENGLISH, LIKELY, JOINED, UNKNOWN = 0, 1, 2, 6, 7
_DEGREES = (1e5, 1e7, 1e8)  # of the slip's weight times the meant word's count in a corpus of 10¹² words
_SURE = 1e6  # from here on a slip is likelier than two words run together
_DERIVED = 0.01  # what speaks against a slip in a word that is made of known parts
_RUN = 4  # words of a phrase said twice, at most
_SHORT = {2: 1e-4, 3: 1e-3, 4: 1e-2, 5: 0.1}  # short words are names and abbreviations as often as slips


@dataclass(frozen=True, slots=True)
class Reading:
    """How the coach sees a word, whatever its casing."""

    row: int  # of the embedding: the word's own, or that of the likeliest word one slip away
    known: int  # OF_VOCABULARY, ENGLISH, a degree from LIKELY up, JOINED or UNKNOWN
    split: str = ""  # the two words that may have run together


class Lexicon:
    """Reads words; deterministic, and so is everything made of it."""

    def __init__(self, words: Sequence[tuple[str, int]], speller: Speller | None = None) -> None:
        """`words` in the order of their embeddings, each with its count in a corpus of 10¹² words."""
        self.speller = speller or shared_speller()
        self.words = tuple(word for word, _ in words)
        self.rows = {word: WORDS_AT + place for place, (word, _) in enumerate(words)}
        self._counts = {word: max(count, self.speller.count(word)) for word, count in words}
        self._near = SymSpell(max_dictionary_edit_distance=1, prefix_length=7)
        for word, count in self._counts.items():
            if len(word) > 1:
                self._near.create_dictionary_entry(word, count)
        self._readings: dict[str, Reading] = {}
        self._candidates: dict[str, dict[str, float]] = {}
        self._kin: dict[str, tuple[str, ...]] = {}

    @classmethod
    def parse(cls, text: str, speller: Speller | None = None) -> "Lexicon":
        """Of a words file: `word<TAB>count` a line. Raises: ValueError."""
        lines = (line.split("\t") for line in text.splitlines())
        return cls([(word, int(count)) for word, count in lines], speller)

    def __len__(self) -> int:
        return WORDS_AT + len(self.words)

    def count(self, word: str) -> int:
        """How common a lower-case word is among 10¹² words; 0 for an unknown one."""
        return self._counts.get(word) or self.speller.count(word)

    def read(self, word: str) -> Reading:
        """`word` in small letters."""
        return _kept(self._readings, word, self._read)

    def candidates(self, word: str) -> dict[str, float]:
        """What may have been meant by `word`, likeliest first, with the weights of the slips (see `slip_weight`)."""
        return _kept(self._candidates, word, self._find)

    def kin(self, word: str) -> tuple[str, ...]:
        """Words of the vocabulary that are easily taken for this one: other forms of it, words that sound like it."""
        return _kept(self._kin, word, lambda word: tuple(sorted(each for each in kin_of(word) if each in self.rows)))

    def _read(self, word: str) -> Reading:
        if word in self.rows:
            return Reading(self.rows[word], OF_VOCABULARY)
        if not word.isascii() or len(word) > _MAX_LETTERS:
            return Reading(SPECIAL.index("[FOREIGN]"), UNKNOWN)
        if self.speller.count(word):
            return Reading(rare_row(word), ENGLISH)
        split, strength = self._split(word), self._strength(word)
        is_made = self.speller.knows(word) or self.speller.is_derived(word)
        if strength >= (_SURE if split else 0) and (not is_made or strength * _DERIVED >= _DEGREES[0]) and strength > 0:
            known = LIKELY + sum(strength * (_DERIVED if is_made else 1) >= degree for degree in _DEGREES)
            return Reading(self.rows.get(next(iter(self.candidates(word))), GUESS), known, split)
        if split:
            return Reading(rare_row(word), JOINED, split)
        return Reading(rare_row(word), ENGLISH if is_made else UNKNOWN)

    def _strength(self, word: str) -> float:
        """How much speaks for a slip of the likeliest candidate; 0 without any."""
        found = next(iter(self.candidates(word).items()), None)
        return found[1] * self.count(found[0]) * _SHORT.get(len(word), 1.0) if found else 0.0

    def _find(self, word: str) -> dict[str, float]:
        if not word.isascii() or len(word) > _MAX_LETTERS:
            return {}
        found = {each.term for each in self._near.lookup(word, Verbosity.ALL, 1)}
        if word not in self.rows:
            found |= {each.term for each in self.speller.symspell.lookup(word, Verbosity.ALL, 1) if each.term.isalpha()}
        found.discard(word)
        weighed = [(term, slip_weight(word, term)) for term in found]
        weighed.sort(key=lambda each: (-each[1] * self.count(each[0]), each[0]))
        return dict(weighed[:MAX_CANDIDATES])

    def _split(self, word: str) -> str:
        """The cut whose rarer half is the most common."""
        cuts = [
            (min(self.count(word[:cut]), self.count(word[cut:])), cut)
            for cut in range(1, len(word))
            if (cut > 1 or word[0] in "ai") and (cut < len(word) - 1 or word[-1] in "ai")
        ]
        best, cut = max(cuts, default=(0, 0))
        return f"{word[:cut]} {word[cut:]}" if best > 1_000_000 else ""

    def columns(self, tokens: Sequence[Token], meant: frozenset[str]) -> list[tuple[int, int]]:
        """Each token's row and type as the model takes them; unknown words of `meant` (small letters) are names."""
        small = [token.text.lower() for token in tokens]
        again = _said_twice(tokens, small)
        columns: list[tuple[int, int]] = []
        for place, (token, text) in enumerate(zip(tokens, small, strict=True)):
            row, known, casing = sign_row(token.text, self.rows), UNKNOWN, 0
            if token.kind is Kind.WORD:
                reading, casing = self.read(text), casing_of(token.text)
                row, known = reading.row, reading.known
                if LIKELY <= known < UNKNOWN and text in meant:
                    row, known = rare_row(text), UNKNOWN
            elif token.kind is Kind.LINE:
                row = LINE
            columns.append((row, known + 8 * casing + 32 * bool(token.before) + 64 * (place in again)))
        return columns


def said_twice(tokens: Sequence[Token]) -> set[int]:
    """Places of words that repeat the one before, or of a phrase's second saying right after its first."""
    return _said_twice(tokens, [token.text.lower() for token in tokens])


def _said_twice(tokens: Sequence[Token], small: list[str]) -> set[int]:
    again: set[int] = set()
    for length in range(1, _RUN + 1):
        run = 0
        for place in range(length, len(small)):
            run = run + 1 if small[place] == small[place - length] and tokens[place].kind is Kind.WORD else 0
            if run >= length:
                again.update(range(place - length + 1, place + 1))
    return again


def _kept(cache: dict[str, Found], word: str, find: Callable[[str], Found]) -> Found:
    found = cache.get(word)
    if found is None:
        if len(cache) > _MAX_CACHED:
            cache.clear()
        found = cache[word] = find(word)
    return found


def sign_row(text: str, rows: dict[str, int]) -> int:
    if text == MARK:
        return ASIDE
    if text[0].isdigit():
        return NUMBER
    return rows.get(text, SIGN)


def casing_of(text: str) -> int:
    """0 small, 1 Capitalised, 2 CAPITALS, 3 miXed."""
    if text.islower():
        return 0
    if text[0].isupper() and (len(text) == 1 or text[1:].islower()):
        return 1
    return 2 if text.isupper() else 3


def rare_row(word: str) -> int:
    for ending in ("s", "ed", "ing", "ly"):
        if word.endswith(ending):
            return SPECIAL.index(f"[RARE-{ending}]")
    return SPECIAL.index("[RARE]")
