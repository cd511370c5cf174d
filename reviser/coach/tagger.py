"""What the coach would change in a text, each edit with how sure it is; it decides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from reviser.coach.lexicon import (
    CASE_TAGS_AT,
    ENGLISH,
    GAP_TAGS_AT,
    MORE,
    OF_VOCABULARY,
    START,
    WORD_TAGS_AT,
    WORDS_AT,
    Lexicon,
    said_twice,
)
from reviser.coach.network import Network, log_softmax
from reviser.coach.tags import CaseTag, Edit, GapTag, WordTag
from reviser.coach.words import Kind, Token

LEAST = 0.02  # what is less likely is not even proposed
_WINDOW = 120  # tokens at once
_OVERLAP = 24  # of neighbouring windows; each decides up to the middle of what they share
_BATCH_TOKENS = 4_000


class EditKind(StrEnum):
    """Kinds of edits, each with its own measure of how sure the coach must be."""

    DOUBLE = "double"  # a word or phrase right after itself
    DELETE = "delete"
    TYPO = "typo"  # of a word that is none
    WORD = "word"  # one English word for another
    SPLIT = "split"
    BLANK = "blank"
    STOP = "stop"  # a comma or full stop put in
    INSERT = "insert"
    CASE = "case"


@dataclass(frozen=True, slots=True)
class Proposal:
    """An edit of one token."""

    place: int
    kind: EditKind
    edit: Edit
    sure: float  # 0 to 1


@dataclass(frozen=True, slots=True)
class Window:
    """Tokens `start:end` of a text, of which `first:last` are decided here."""

    text: int
    start: int
    end: int
    first: int
    last: int


class Tagger:
    """Proposes edits; safe to share between threads."""

    def __init__(self, network: Network, lexicon: Lexicon) -> None:
        self._network = network
        self._lexicon = lexicon

    def propose(self, texts: Sequence[Sequence[Token]], meant: Sequence[frozenset[str]]) -> list[list[Proposal]]:
        """For each text; `meant`: its words (small letters) that are meant as they stand even if nobody knows them."""
        columns = [self._lexicon.columns(tokens, names) for tokens, names in zip(texts, meant, strict=True)]
        windows = [window for text, tokens in enumerate(texts) for window in windows_of(text, len(tokens))]
        windows.sort(key=lambda window: window.end - window.start)
        again = [said_twice(tokens) for tokens in texts]
        found: list[list[Proposal]] = [[] for _ in texts]
        for batch in _batched(windows):
            lengths = [window.end - window.start + 1 for window in batch]
            ids, types = np.zeros((2, len(batch), max(lengths)), dtype=np.int64)
            for row, window in enumerate(batch):
                ids[row, 0] = MORE if window.start else START
                ids[row, 1 : lengths[row]], types[row, 1 : lengths[row]] = np.array(
                    columns[window.text][window.start : window.end], dtype=np.int64
                ).T
            states = self._network.states(ids, types, lengths)
            for row, window in enumerate(batch):
                tokens = texts[window.text]
                inside = states[row, 1 + window.first - window.start : 1 + window.last - window.start]
                found[window.text] += self._read(inside, tokens, window.first, meant[window.text], again[window.text])
        return [sorted(proposals, key=lambda each: each.place) for proposals in found]

    def _read(
        self, states: np.ndarray, tokens: Sequence[Token], first: int, meant: frozenset[str], again: set[int]
    ) -> list[Proposal]:
        """(T, H) states of tokens `first:first + T`."""
        network = self._network
        logits = states @ network.rows[WORD_TAGS_AT:WORDS_AT].T + network.bias[WORD_TAGS_AT:WORDS_AT]
        gaps, cases = GAP_TAGS_AT - WORD_TAGS_AT, CASE_TAGS_AT - WORD_TAGS_AT
        word, gap, case = (np.exp(log_softmax(part)) for part in np.split(logits, (gaps, cases), axis=1))
        proposals: list[Proposal] = []
        for at in np.flatnonzero(
            (word[:, 0] < 1 - LEAST) | (gap[:, 0] < 1 - LEAST) | (case[:, 0] < 1 - LEAST)
        ).tolist():
            place = first + at
            token = tokens[place]
            if token.frozen:
                continue
            if token.kind is Kind.WORD:
                proposals += self._word(place, token, word[at], states[at], place in again, meant)
                proposals += _case(place, token, case[at])
            proposals += _gap(place, token, gap[at], tokens[place - 1] if place else None)
        return proposals

    def _word(
        self, place: int, token: Token, chances: np.ndarray, state: np.ndarray, again: bool, meant: frozenset[str]
    ) -> list[Proposal]:
        small = token.text.lower()
        reading = self._lexicon.read(small)
        tag = WordTag(int(chances[1:].argmax()) + 1)
        if tag is WordTag.DELETE:
            kind = EditKind.DOUBLE if again else EditKind.DELETE
            return [Proposal(place, kind, Edit(WordTag.DELETE), float(chances[tag]))]
        if tag >= WordTag.SPLIT:
            cut = reading.split.find(" ")
            halves = f"{token.text[:cut]} {token.text[cut:]}"
            return [Proposal(place, EditKind.SPLIT, Edit(tag, text=halves), float(chances[tag]))] if cut > 0 else []
        if reading.known > ENGLISH and small in meant:
            return []
        sure = float(chances[WordTag.NEAREST] + chances[WordTag.CHOSEN])
        best = self.best(small, state, nearest=float(chances[WordTag.NEAREST]) / max(sure, 1e-9))
        kind = EditKind.WORD if reading.known in (OF_VOCABULARY, ENGLISH) else EditKind.TYPO
        return [Proposal(place, kind, Edit(tag, text=best[0]), sure * best[1])] if best else []

    def best(self, word: str, state: np.ndarray, *, nearest: float) -> tuple[str, float] | None:
        """The word that fits best in place of `word`, and its share among all that might; None without any."""
        reading = self._lexicon.read(word)
        slips = self._lexicon.candidates(word)
        kin = dict.fromkeys(self._lexicon.kin(word), 1.0)
        options = [each for each in {**slips, **kin} if each in self._lexicon.rows]
        shares: dict[str, float] = {}
        if options:
            rows = np.array([self._lexicon.rows[each] for each in options])
            logits = self._network.rows[rows] @ state + self._network.bias[rows]
            logits = logits + 0.5 * np.log(np.array([max(slips.get(each, 0), kin.get(each, 0)) for each in options]))
            shares = dict(zip(options, np.exp(log_softmax(logits)).tolist(), strict=True))
        if reading.known != OF_VOCABULARY and slips:
            top = next(iter(slips))
            shares = {each: share * (1 - nearest) for each, share in shares.items()} if top not in shares else shares
            shares.setdefault(top, nearest)
        return max(shares.items(), key=lambda each: (each[1], each[0])) if shares else None


def _case(place: int, token: Token, chances: np.ndarray) -> list[Proposal]:
    tag = CaseTag(int(chances[1:].argmax()) + 1)
    if chances[tag] < LEAST or token.text[:1].isupper() == (tag is CaseTag.UPPER):
        return []
    return [Proposal(place, EditKind.CASE, Edit(case=tag), float(chances[tag]))]


def _gap(place: int, token: Token, chances: np.ndarray, last: Token | None) -> list[Proposal]:
    tag, sure = int(chances[1:].argmax()) + 1, float(chances[1:].max())
    if sure < LEAST or last is None or token.kind is Kind.LINE:
        return []
    if tag >= GapTag.INSERT:
        return [Proposal(place, EditKind.INSERT, Edit(gap=tag), sure)]
    if tag in (GapTag.COMMA, GapTag.STOP):
        return [Proposal(place, EditKind.STOP, Edit(gap=tag), sure)] if last.kind is Kind.WORD else []
    if bool(token.before) == (tag == GapTag.BLANK):
        return []
    return [Proposal(place, EditKind.BLANK, Edit(gap=tag), sure)]


def windows_of(text: int, tokens: int) -> list[Window]:
    """Overlapping stretches of a text, each token decided in one of them."""
    windows: list[Window] = []
    start = first = 0
    while first < tokens:
        end = min(start + _WINDOW, tokens)
        last = end if end == tokens else end - _OVERLAP // 2
        windows.append(Window(text, start, end, first, last))
        start, first = end - _OVERLAP, last
    return windows


def _batched(windows: Sequence[Window]) -> list[list[Window]]:
    """Batches of windows in order of length, `_BATCH_TOKENS` with padding at most."""
    batches: list[list[Window]] = []
    for window in windows:
        width = window.end - window.start + 1
        if not batches or (len(batches[-1]) + 1) * width > _BATCH_TOKENS:
            batches.append([])
        batches[-1].append(window)
    return batches
