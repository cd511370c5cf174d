"""An annotator who post-edits whatever waits in a database, and an owner who approves it, through the desks."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from coachlm.desk.post_edit import PostEdit
from coachlm.desk.work import PersonRole
from coachlm.pairs import InstructionPair
from storage.desk.queue import PostEditQueue
from storage.desk.rules import DeskRules
from storage.engine.database import open_database
from storage.review.desk import ReviewDesk

_RULES = DeskRules(undo_seconds=0, control_share=0.0, review_share=0.0, review_flagged_share=0.0, newcomer_reviews=0)


def post_edit_all(url: str, final: Callable[[InstructionPair], InstructionPair]) -> int:
    """Everybody's final text is what `final` makes of the raw pair; gives how many were approved."""
    now = datetime.now(UTC) + timedelta(hours=1)
    database = open_database(url)
    try:
        queue, desk = (kind(database, now=lambda: now, rules=_RULES) for kind in (PostEditQueue, ReviewDesk))
        assert isinstance(queue, PostEditQueue)
        queue.ensure_person("ann", PersonRole.ANNOTATOR)
        done = 0
        while (item := queue.claim("ann")) is not None:
            edit = PostEdit(item.pair_id, "ann", final(item.raw), 60)
            queue.submit(edit, token=item.token, version=item.version, idempotency_key=item.pair_id)
            done += 1
        now += timedelta(hours=1)
        assert isinstance(desk, ReviewDesk)
        while desk.approve_unsampled():
            pass
        return done
    finally:
        database.close()
