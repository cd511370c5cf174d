"""Turns of a conversation go to one person in order: whose a conversation is, and which of its turns is next."""

from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, Connection, Executable, bindparam, exists, or_, select, update
from sqlalchemy.orm import aliased

from coachlm.desk.work import ItemState
from coachlm.status import Status
from storage.pairs.withheld import is_withheld
from storage.tables.contexts import ConversationRow
from storage.tables.desk import QueueItemRow, SkipRow
from storage.tables.pairs import PairRow

_UNDONE = tuple(status.value for status in (Status.ACCEPTED, Status.REVISED, Status.RETURNED))
_ITS_CONVERSATION = select(PairRow.conversation).where(PairRow.seq == bindparam("of_pair")).scalar_subquery()
_HOLD = (
    update(ConversationRow)
    .where(ConversationRow.id == _ITS_CONVERSATION)
    .values(holder=bindparam("by"), held_until=bindparam("until"))
)


def hold_conversation(connection: Connection, pair: int, person: int | None, until: datetime | None) -> None:
    """The conversation of this pair is the person's until then; None: anybody's."""
    connection.execute(_HOLD, {"of_pair": pair, "by": person, "until": until})


def is_others_turn() -> tuple[ColumnElement[bool], ...]:
    """Under which conditions an item of the queue is not for `who` at `now`: an earlier turn isn't done, or the
    conversation is somebody else's."""
    turn, earlier = aliased(PairRow), aliased(PairRow)
    is_early = exists().where(
        earlier.conversation == turn.conversation, earlier.turn < turn.turn, earlier.status.in_(_UNDONE)
    )
    is_held = exists().where(
        ConversationRow.id == turn.conversation,
        ConversationRow.holder != bindparam("who"),
        ConversationRow.held_until > bindparam("now"),
    )
    return turn.seq == QueueItemRow.pair, turn.conversation.is_not(None), or_(is_early, is_held)


@cache
def next_of_own(*, is_of_class: bool, skips_rated: bool) -> Executable:
    """The next free turn of the conversations that `who` has begun, locked."""
    begun = aliased(ConversationRow)
    columns = (QueueItemRow.pair, QueueItemRow.task_class, QueueItemRow.arm, PairRow.id.label("pair_id"))
    item = (
        select(*columns)
        .select_from(begun)
        .join(PairRow, PairRow.conversation == begun.id)
        .join(QueueItemRow, QueueItemRow.pair == PairRow.seq)
        .where(
            begun.holder == bindparam("who"),
            begun.held_until > bindparam("now"),
            QueueItemRow.state == ItemState.FREE.value,
            ~exists().where(*is_others_turn()),
            ~exists().where(SkipRow.person == bindparam("who"), SkipRow.pair == QueueItemRow.pair),
        )
        .order_by(PairRow.conversation, PairRow.turn, PairRow.seq)
    )
    if is_of_class:
        item = item.where(or_(QueueItemRow.task_class == bindparam("of_class"), QueueItemRow.task_class == ""))
    if skips_rated:
        item = item.where(~is_withheld(QueueItemRow.pair, bindparam("who")))
    return item.limit(1).with_for_update(of=QueueItemRow, skip_locked=True)
