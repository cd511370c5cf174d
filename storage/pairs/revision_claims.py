"""The queue of pairs that wait for the coach, shared by workers: each claims what it revises, and a dead one's claims
run out."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import aliased

from coachlm.protocols.revising import ClaimedPair
from coachlm.revision import Revision
from coachlm.status import Status
from storage.engine.arrivals import arrived, by_arrival
from storage.engine.bulk import is_among
from storage.engine.database import Database, utc_now
from storage.engine.results import all_rows, columns_of
from storage.pairs.contexts import Contexts, WaitingPair
from storage.pairs.revisions import store_revisions
from storage.tables.claims import RevisionClaimRow
from storage.tables.pairs import PairRow


class RevisionClaims:
    """Implements `coachlm.protocols.revising.RevisionQueue`. Raises (all): StoreError."""

    def __init__(
        self,
        database: Database,
        claim_seconds: float = 300.0,
        now: Callable[[], datetime] = utc_now,
        *,
        head_start: int = 0,
    ) -> None:
        self._database = database
        self._head_start = head_start  # see store_revisions
        self._claim = timedelta(seconds=claim_seconds)
        self._now = now

    def claim(self, worker: str, limit: int) -> list[ClaimedPair]:
        """The oldest accepted pairs that nobody has in hands; on PostgreSQL claimers don't wait for one another."""
        with self._database.writing() as connection:
            now = self._now()
            held = aliased(RevisionClaimRow)
            in_hands = select(held.pair).where(held.pair == PairRow.seq, held.expires_at > now).exists()
            found = connection.execute(
                select(*columns_of(PairRow, WaitingPair))
                .where(*arrived(PairRow.status, Status.ACCEPTED.value), ~in_hands)
                .order_by(*by_arrival(PairRow.status))
                .limit(limit)
                .with_for_update(skip_locked=True, key_share=True)
            )
            rows = all_rows(WaitingPair, found)
            # Between its snapshot and its lock another claim may have been committed: the key refuses a second one.
            numbers = [row.seq for row in rows]
            chosen = is_among(connection, RevisionClaimRow.pair.expression, numbers)
            connection.execute(delete(RevisionClaimRow).where(chosen, RevisionClaimRow.expires_at <= now))
            taken = set(connection.scalars(select(RevisionClaimRow.pair).where(chosen)))
            free = [row for row in rows if row.seq not in taken]
            if free:
                claims = [{"pair": row.seq, "worker": worker, "expires_at": now + self._claim} for row in free]
                connection.execute(insert(RevisionClaimRow), claims)
            contexts = Contexts(connection, free)
        return [
            ClaimedPair(
                row.id,
                contexts.pair(row),
                max((now - row.created_at).total_seconds(), 0.0),  # hosts' clocks differ
            )
            for row in free
        ]

    def extend(self, worker: str) -> int:
        """Keep what the worker has in hands; gives how many pairs that are."""
        with self._database.writing() as connection:
            own = update(RevisionClaimRow).where(RevisionClaimRow.worker == worker)
            return connection.execute(own.values(expires_at=self._now() + self._claim)).rowcount

    def save(self, worker: str, revisions: Sequence[Revision]) -> int:
        """Stores those of pairs that are still accepted and ends their claims; gives how many were new."""
        with self._database.writing() as connection:
            stored = store_revisions(connection, revisions, self._now(), self._head_start)
            ids = [revision.pair_id for revision in revisions]
            pairs = select(PairRow.seq).where(is_among(connection, PairRow.id.expression, ids))
            own = (RevisionClaimRow.worker == worker, RevisionClaimRow.pair.in_(pairs))
            connection.execute(delete(RevisionClaimRow).where(*own))
        return len(stored)

    def release(self, worker: str) -> int:
        """Hand everything back that the worker has in hands."""
        with self._database.writing() as connection:
            return connection.execute(delete(RevisionClaimRow).where(RevisionClaimRow.worker == worker)).rowcount
