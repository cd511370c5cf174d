"""Revises what waits in a database, batch by batch."""

from collections.abc import Callable, Iterator, Sequence

from coachlm.errors import BudgetError, EngineError
from coachlm.protocols.intake import Store
from coachlm.protocols.revising import Reviser
from coachlm.revision import Revision
from reviser.worker.revise_worker import revisions_of

_BATCHES_AHEAD = 8


def revise_pending(
    store: Store, reviser: Reviser, batch_pairs: int, on_revisions: Callable[[Sequence[Revision]], None]
) -> None:
    """Every accepted pair through the reviser, a batch a transaction; goes on until none is left.

    An engine that streams is given several batches at once, so that its slots stay full.

    Raises: EngineError, when the engine fails for a whole batch or the store takes nothing of one (no endless loop);
    BudgetError, once what was made before it is stored.
    """
    while pending := store.awaiting_revision(_BATCHES_AHEAD * batch_pairs):
        stored = 0
        revisions = revisions_of(reviser, (pair for _, pair in pending), batch_pairs)
        for batch in _batches(revisions, batch_pairs):
            stored += store.save_revisions(batch)
            on_revisions(batch)
        if not stored:
            raise EngineError(
                f"the store took none of {len(pending)} revisions, the first of pair {pending[0][0]}; "
                "is another process revising the same database? Run again to go on"
            )


def _batches(revisions: Iterator[Revision], batch_pairs: int) -> Iterator[list[Revision]]:
    """What came before a budget was used up comes out too."""
    batch: list[Revision] = []
    try:
        for revision in revisions:
            batch.append(revision)
            if len(batch) == batch_pairs:
                yield batch
                batch = []
    except BudgetError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch
