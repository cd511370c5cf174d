"""Finds, for the new pairs of a batch, the earliest kept pair that each is a near copy of, and what differs."""

# See docs/decisions/0041-link-near-copies-to-the-first.md

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from coachlm.pairs import InstructionPair
from storage.engine.bulk import insert_rows, is_among
from storage.engine.results import all_rows, columns_of
from storage.pairs.contexts import Contexts, WaitingPair
from storage.tables.pairs import BandRow, PairRow


@dataclass(frozen=True, slots=True)
class NearCopies:
    """What decides whether two pairs that share a band key are near copies."""

    similarity: Callable[[str, str], float]
    pair_text: Callable[[InstructionPair], str]  # with the context, where that counts
    threshold: float
    difference: Callable[[str, str], str] | None = None  # of the original's text and the copy's, in words


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A pair that the database hasn't seen, with the number it gets."""

    seq: int
    pair: InstructionPair
    bands: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """The number of the pair that a near copy copies, and what differs."""

    original: int
    difference: str = ""


def link_near_copies(connection: Connection, rule: NearCopies, newcomers: Sequence[Newcomer]) -> dict[int, Link]:
    """Number of each near copy → what it copies; the others' band keys are stored.

    Only kept pairs are in the index, so that links never chain, and candidates are tried in order of arrival: what is
    linked depends on the order of pairs alone, never on how they were cut into batches.
    """
    return _Search(connection, rule, newcomers).run()


class _Search:
    """One batch's search: the stored index with the batch's own keys laid over it."""

    def __init__(self, connection: Connection, rule: NearCopies, newcomers: Sequence[Newcomer]) -> None:
        self._connection = connection
        self._rule = rule
        self._newcomers = newcomers
        keys = list({key for newcomer in newcomers for key in newcomer.bands})
        self._stored = self._stored_owners(keys)
        self._fresh: dict[int, int] = {}
        self._pairs = {newcomer.seq: newcomer.pair for newcomer in newcomers}

    def run(self) -> dict[int, Link]:
        links: dict[int, Link] = {}
        self._load_candidates()
        for newcomer in self._newcomers:
            original = self._original(newcomer)
            if original is not None:
                links[newcomer.seq] = original
                continue
            for key in newcomer.bands:
                if key not in self._stored:
                    self._fresh.setdefault(key, newcomer.seq)
        insert_rows(self._connection, BandRow, sorted(self._fresh.items()))
        return links

    def _original(self, newcomer: Newcomer) -> Link | None:
        owners = {self._stored.get(key) or self._fresh.get(key) for key in newcomer.bands}
        candidates = sorted(owner for owner in owners if owner is not None)
        if not candidates:
            return None
        text = self._rule.pair_text(newcomer.pair)
        for seq in candidates:
            other = self._rule.pair_text(self._pairs[seq])
            if self._rule.similarity(text, other) >= self._rule.threshold:
                return Link(seq, self._rule.difference(other, text) if self._rule.difference else "")
        return None

    def _stored_owners(self, keys: list[int]) -> dict[int, int]:
        if not keys:
            return {}
        chosen = is_among(self._connection, BandRow.key.expression, keys)
        rows = self._connection.execute(select(BandRow.key, BandRow.pair).where(chosen))
        return dict(rows.all())

    def _load_candidates(self) -> None:
        """The stored pairs that newcomers will be compared with."""
        wanted = sorted(set(self._stored.values()))
        if not wanted:
            return
        found = self._connection.execute(
            select(*columns_of(PairRow, WaitingPair)).where(is_among(self._connection, PairRow.seq.expression, wanted))
        )
        rows = all_rows(WaitingPair, found)
        contexts = Contexts(self._connection, rows)
        self._pairs |= {row.seq: contexts.pair(row) for row in rows}
