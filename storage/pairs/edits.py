"""What people write: post-edits and drafts, stored and read back."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, func, insert, select, update

from coachlm.desk.categories import RevisionCategory
from coachlm.desk.post_edit import PostEdit
from coachlm.desk.rubric import Dimension, Scores
from coachlm.desk.work import Draft, Person
from coachlm.errors import DivergedError
from coachlm.pairs import InstructionPair
from storage.engine.bulk import is_among
from storage.engine.results import all_rows, columns_of, one_row
from storage.engine.texts import text_hash
from storage.tables.desk import DraftRow, PostEditRow, ReopeningRow, ReviewRow, WithdrawalRow
from storage.tables.pairs import PersonRow
from storage.tables.rows import StoredDraft, StoredEdit, pair_from_row

SAVED = "saved"  # the slot of the one draft that a lease saves over and over
_MAX_TOKEN = 64
_REFUSED_KEPT = 20  # drafts of refused submits per person and pair
_INSERT_EDIT = insert(PostEditRow).returning(PostEditRow.id)


class Seen(NamedTuple):
    """What a browser knows of the drafts of an item; nothing is checked for one without a name."""

    writer: str = ""
    version: int = 0  # of the newest draft that it has shown


class EarlierEdit(NamedTuple):
    """What an earlier submit with the same key stored."""

    id: int
    pair: int
    version: int
    instruction: str
    input: str
    response: str


_BY_KEY = select(*columns_of(PostEditRow, EarlierEdit)).where(
    PostEditRow.person == bindparam("who"), PostEditRow.idempotency_key == bindparam("under")
)
_OF_PEOPLE = select(PostEditRow.__table__, PersonRow.name).join(PersonRow, PersonRow.id == PostEditRow.person)


def insert_post_edit(
    connection: Connection,
    seq: int,
    person: Person,
    edit: PostEdit,
    *,
    key: str,
    version: int,
    now: datetime,
    **columns: object,
) -> int:
    """The new row's number; `columns`: what the desk notes beside the text."""
    scores = edit.scores
    row = {
        "pair": seq,
        "person": person.id,
        **_texts(edit.final),
        "active_seconds": edit.active_seconds,
        "instruction_score": scores and scores.instruction,
        "response_score": scores and scores.response,
        "flaws": sorted(scores.flaws) if scores else None,
        "categories": sorted(edit.categories),
        "comment": edit.comment,
        "idempotency_key": key,
        "version": version,
        "created_at": now,
        **columns,
    }
    return connection.execute(_INSERT_EDIT, row).scalar_one()


def submitted_under(connection: Connection, person: Person, key: str) -> EarlierEdit | None:
    return one_row(EarlierEdit, connection.execute(_BY_KEY, {"who": person.id, "under": key}))


def is_withdrawn() -> ColumnElement[bool]:
    """Of a row of `PostEditRow`."""
    return exists().where(WithdrawalRow.post_edit == PostEditRow.id)


def is_reopened() -> ColumnElement[bool]:
    """Of a row of `ReviewRow`: its owner took it back."""
    return exists().where(ReopeningRow.review == ReviewRow.id)


def last_post_edit(connection: Connection, seq: int, pair_id: str) -> PostEdit | None:
    row = last_edit_row(connection, seq)
    return None if row is None else post_edit_from_row(row, pair_id)


def last_edit_row(connection: Connection, seq: int) -> StoredEdit | None:
    """The row of the pair's last post-edit that was not withdrawn."""
    standing = _OF_PEOPLE.where(PostEditRow.pair == seq, ~is_withdrawn())
    return one_row(StoredEdit, connection.execute(standing.order_by(PostEditRow.id.desc()).limit(1)))


def last_edit_rows(connection: Connection, pairs: Sequence[int]) -> list[StoredEdit]:
    """The same, of each of these pairs that has one."""
    last = (
        select(func.max(PostEditRow.id))
        .where(is_among(connection, PostEditRow.pair.expression, pairs), ~is_withdrawn())
        .group_by(PostEditRow.pair)
    )
    return all_rows(StoredEdit, connection.execute(_OF_PEOPLE.where(PostEditRow.id.in_(last))))


def read_units(connection: Connection, people: Sequence[int]) -> dict[int, str | None]:
    """Of people by their numbers, as they are now."""
    if not people:
        return {}
    chosen = is_among(connection, PersonRow.id.expression, people)
    return dict(connection.execute(select(PersonRow.id, PersonRow.unit).where(chosen)).all())


def post_edit_from_row(row: StoredEdit, pair_id: str) -> PostEdit:
    return PostEdit(
        pair_id=pair_id,
        person=row.name,
        final=pair_from_row(row),
        active_seconds=row.active_seconds,
        scores=scores_from_row(row),
        categories=tuple(RevisionCategory(name) for name in row.categories or ()),
        comment=row.comment,
    )


def scores_from_row(row: StoredEdit) -> Scores | None:
    if row.instruction_score is None or row.response_score is None:
        return None
    return Scores(row.instruction_score, row.response_score, frozenset(Dimension(name) for name in row.flaws or ()))


def save_draft(
    connection: Connection,
    seq: int,
    person: Person,
    text: InstructionPair,
    *,
    token: str,
    comment: str,
    now: datetime,
    writer: str = "",
) -> None:
    """Replaces what was saved under the same lease before."""
    values = {**_texts(text), "comment": comment, "created_at": now, "writer": writer}
    again = update(DraftRow).where(*_place(seq, person, token)).values(**values, version=DraftRow.version + 1)
    if not connection.execute(again).rowcount:
        place = {"pair": seq, "person": person.id, "token": token, "slot": SAVED}
        connection.execute(insert(DraftRow).values(**place, **values, version=1))


def check_seen(connection: Connection, seq: int, person: Person, *, token: str, seen: Seen) -> None:
    """The newest draft of the lease is the writer's own, or one that they have seen. Raises: DivergedError."""
    newest = select(DraftRow.version, DraftRow.writer).where(*_place(seq, person, token))
    found = connection.execute(newest).one_or_none()
    if seen.writer and found is not None and found.writer != seen.writer and found.version > seen.version:
        raise DivergedError("another browser has saved a newer text of this item; load it and choose between the two")


def _place(seq: int, person: Person, token: str) -> tuple[ColumnElement[bool], ...]:
    return DraftRow.pair == seq, DraftRow.person == person.id, DraftRow.token == token, DraftRow.slot == SAVED


def keep_refused(
    connection: Connection, seq: int, person: Person, text: InstructionPair, *, token: str, comment: str, now: datetime
) -> None:
    """Keeps the text of a refused submit, once, however often it is sent; of many by one person the newest ones."""
    slot = text_hash("\x1e".join((text.instruction, text.input, text.response, comment)))
    own = {"pair": seq, "person": person.id, "token": token[:_MAX_TOKEN], "slot": slot}
    if connection.scalar(select(exists().where(*(getattr(DraftRow, name) == value for name, value in own.items())))):
        return
    values = {**_texts(text), "comment": comment, "created_at": now, "version": 1, "writer": ""}
    connection.execute(insert(DraftRow).values(**own, **values))
    refused = (DraftRow.pair == seq, DraftRow.person == person.id, DraftRow.slot != SAVED)
    newest = select(DraftRow.id).where(*refused).order_by(DraftRow.id.desc()).offset(_REFUSED_KEPT - 1).limit(1)
    oldest_kept = connection.scalar(newest)
    if oldest_kept is not None:
        connection.execute(delete(DraftRow).where(*refused, DraftRow.id < oldest_kept))


def latest_draft(connection: Connection, seq: int, person: int) -> Draft | None:
    own = select(DraftRow.__table__).where(DraftRow.pair == seq, DraftRow.person == person)
    newest = own.order_by(DraftRow.created_at.desc(), DraftRow.id.desc()).limit(1)
    row = one_row(StoredDraft, connection.execute(newest))
    if row is None:
        return None
    return Draft(pair_from_row(row), row.comment, row.created_at, row.slot != SAVED, row.version, row.writer)


def _texts(pair: InstructionPair) -> dict[str, str]:
    return {"instruction": pair.instruction, "input": pair.input, "response": pair.response}
