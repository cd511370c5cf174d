"""Endless batches of damaged text with the remedy of each token, made in a process of their own."""

import multiprocessing
import os
import random
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Full
from typing import Any

import numpy as np

from coachlm.coaching.lessons import UNKNOWN
from recipes.coach.corruption import Damage
from reviser.coach.lexicon import MASK, MORE, PAD, START, WORDS_AT, Lexicon
from reviser.coach.teaching.remedies import Tagged
from reviser.coach.words import Token, split_words

ROW_TOKENS = 128
BATCH_ROWS = 16
_PIECE_TOKENS = 110
_CLEAN_SHARE = 0.4  # of pieces that are left as they are
_DAMAGED = (0.02, 0.2)  # share of damaged words in the others
_MASKED = 0.06  # of words in sight are hidden, to be guessed from what stands around


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text; `first`: its beginning."""

    tokens: tuple[Token, ...]
    first: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """(rows, ROW_TOKENS) int64 each; `word`, `gap`, `case` and `meant` are UNKNOWN where nothing is to be learned."""

    ids: np.ndarray
    types: np.ndarray
    word: np.ndarray
    gap: np.ndarray
    case: np.ndarray
    meant: np.ndarray


def pieces(texts: Sequence[str]) -> list[Piece]:
    found: list[Piece] = []
    interned: dict[Token, Token] = {}
    for text in texts:
        tokens = [interned.setdefault(token, token) for token in split_words(text).tokens]
        for start in range(0, len(tokens), _PIECE_TOKENS):
            found.append(Piece(tuple(tokens[start : start + _PIECE_TOKENS]), start == 0))
    return found


class BatchMaker:
    """Makes batch number n, the same one whenever it is asked."""

    def __init__(self, found: Sequence[Piece], lexicon: Lexicon, damage: Damage, seed: int = 0) -> None:
        self._pieces = found
        self._lexicon = lexicon
        self._damage = damage
        self._seed = seed

    def make(self, number: int) -> Batch:
        rng = random.Random(self._seed * 1_000_003 + number)
        arrays = np.full((6, BATCH_ROWS, ROW_TOKENS), UNKNOWN, dtype=np.int64)
        arrays[0], arrays[1] = PAD, 0
        for row in range(BATCH_ROWS):
            filled = 0
            while filled < ROW_TOKENS - 8:
                columns = self._columns(rng)[:, : ROW_TOKENS - filled]
                arrays[:, row, filled : filled + columns.shape[1]] = columns
                filled += columns.shape[1]
        return Batch(*arrays)

    def _columns(self, rng: random.Random) -> np.ndarray:
        piece = self._pieces[rng.randrange(len(self._pieces))]
        share = 0.0 if rng.random() < _CLEAN_SHARE else rng.uniform(*_DAMAGED)
        tagged = self._damage.tokens(piece.tokens, share, rng) if share else [Tagged(token) for token in piece.tokens]
        counts = Counter(each.token.text.lower() for each in tagged)
        meant = frozenset(word for word, count in counts.items() if count > 1)
        seen = self._lexicon.columns([each.token for each in tagged], meant)
        columns = [(START if piece.first else MORE, 0, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)]
        columns += [self._column(each, row, kind, rng) for each, (row, kind) in zip(tagged, seen, strict=True)]
        return np.array(columns, dtype=np.int64).T

    def _column(self, each: Tagged, row: int, kind: int, rng: random.Random) -> tuple[int, ...]:
        if row >= WORDS_AT and not (each.word or each.gap or each.case) and rng.random() < _MASKED:
            return MASK, kind & ~7, UNKNOWN, UNKNOWN, UNKNOWN, row
        meant = self._lexicon.rows.get(each.meant, UNKNOWN) if each.meant else UNKNOWN
        return row, kind, each.word, each.gap, each.case, meant


def batches(maker: BatchMaker, first: int) -> Generator[Batch, None, None]:
    """Batches from number `first` on, made ahead in another process; close the iterator to end it."""
    context = multiprocessing.get_context("fork")
    queue: Any = context.Queue(maxsize=64)
    process = context.Process(target=_fill, args=(maker, first, queue), daemon=True)
    process.start()
    try:
        while True:
            yield queue.get()
    finally:
        process.terminate()
        process.join()


def _fill(maker: BatchMaker, first: int, queue: Any) -> None:
    os.nice(5)
    parent = os.getppid()
    while os.getppid() == parent:  # not left behind when the training was killed
        batch = maker.make(first)
        while os.getppid() == parent:
            with suppress(Full):
                queue.put(batch, timeout=10)
                break
        first += 1
