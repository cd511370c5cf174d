"""The rater's side of blind ratings: their order and ratings. Nothing here reads the sources of a study."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, func, insert, select

from coachlm.context import context_from_record
from coachlm.desk.ratings import Rating
from coachlm.desk.rubric import Dimension
from coachlm.desk.studies import OwnStudy, PlacedTask, RatingReceipt
from coachlm.desk.work import Person
from coachlm.errors import ConflictError, NotFoundError, StaleError, StoreError, StudyClosedError
from storage.engine.database import Database, utc_now
from storage.engine.results import columns_of, one_row
from storage.pairs.withheld import check_withheld
from storage.people.people import find_rater
from storage.tables.rows import pair_from_row
from storage.tables.studies import RatingPlaceRow, RatingRaterRow, RatingRow, RatingStudyRow, RatingTaskRow

_MAX_KEY = 200
_IS_FIRST = RatingRow.version == 1


class StoredRating(NamedTuple):
    """What a rater gave of a place."""

    place: int
    version: int
    instruction_score: int
    response_score: int
    flaws: list[str] | None
    comment: str


class Place(NamedTuple):
    """What stands at a place of a rater's order."""

    id: int
    study: int
    place: int
    name: str
    closed_at: datetime | None
    instruction: str
    input: str
    response: str
    context: dict[str, object] | None


RATING = columns_of(RatingRow, StoredRating)


class RatingDesk:
    """Safe to share between threads and processes. A person is given by name.

    Raises (from every method): NotFoundError, also for a study in which the person doesn't rate; AccessError, for
    somebody who is no longer active or whose role doesn't rate; StoreError, naming the remedy.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    def studies(self, person: str) -> list[OwnStudy]:
        """In which the person rates, open ones first, oldest first."""
        with self._database.reading() as connection:
            who = find_rater(connection, person)
            rows = connection.execute(_STUDIES.where(RatingRaterRow.person == who.id)).all()
        found = [OwnStudy(name, tasks, rated, next_, closed is not None) for name, closed, tasks, rated, next_ in rows]
        return sorted(found, key=lambda study: study.is_closed)

    def task(self, person: str, study: str, place: int) -> PlacedTask:
        with self._database.reading() as connection:
            who = find_rater(connection, person)
            found = _place(connection, who, study, place)
            last = _last_rating(connection, found.id)
            tasks = connection.scalar(_count(RatingPlaceRow.study == found.study, RatingPlaceRow.person == who.id))
        return PlacedTask(
            study,
            place,
            tasks or 0,
            pair_from_row(found).within(context_from_record(found.context) if found.context else None),
            0 if last is None else last.version,
            None if last is None else rating_from_row(last),
            found.closed_at is not None,
        )

    def save(self, person: str, study: str, place: int, rating: Rating, *, version: int, key: str) -> RatingReceipt:
        """`version`: how often the place was rated when it was read. The same rating under the same key again gives
        the same receipt and stores nothing twice, also after the study was closed.

        Raises: ConflictError, when the key was used for another rating; StaleError, when the place was rated
        meanwhile; StudyClosedError.
        """
        if not key or len(key) > _MAX_KEY:
            raise StoreError(f"an idempotency key has 1 to {_MAX_KEY} characters; draw a new one for each rating")
        with self._database.writing(durable=True) as connection:
            who = find_rater(connection, person)
            found = _place(connection, who, study, place, for_update=True)
            stored = _stored_under(connection, who, found.id, rating, key)
            if stored is None:
                stored = self._store(connection, who, found, rating, version, key)
            rated = connection.scalar(
                select(func.count())
                .select_from(RatingRow)
                .join(RatingPlaceRow, RatingPlaceRow.id == RatingRow.place)
                .where(RatingPlaceRow.study == found.study, RatingPlaceRow.person == who.id, _IS_FIRST)
            )
            return RatingReceipt(place, stored, rated or 0)

    def check_withheld(self, person: Person, pair_ids: Sequence[str]) -> None:
        """Raises: AccessError, when the person rates one of these pairs or texts in a study that is open."""
        if person.is_rater:
            with self._database.reading() as connection:
                check_withheld(connection, person.id, person.name, pair_ids)

    def _store(self, connection: Connection, who: Person, found: Place, rating: Rating, version: int, key: str) -> int:
        # Whoever closes the study waits for us, or we for them: a rating is in it, or refused.
        closed = select(RatingStudyRow.closed_at).where(RatingStudyRow.id == found.study)
        if connection.scalar(closed.with_for_update(read=True)) is not None:
            raise StudyClosedError(f"study {found.name!r} is closed and takes no ratings any more")
        last = _last_rating(connection, found.id)
        known = 0 if last is None else last.version
        if version != known:
            raise StaleError(
                f"place {found.place} of {found.name!r} was rated meanwhile (version {known}, not {version}); "
                "load it again"
            )
        row = {
            "place": found.id,
            "person": who.id,
            "version": known + 1,
            "instruction_score": rating.instruction,
            "response_score": rating.response,
            "flaws": sorted(rating.flaws),
            "comment": rating.comment,
            "idempotency_key": key,
            "created_at": self._now(),
        }
        connection.execute(insert(RatingRow).values(**row))
        return known + 1


def rating_from_row(row: StoredRating) -> Rating:
    flaws = frozenset(Dimension(name) for name in row.flaws or ())
    return Rating(row.instruction_score, row.response_score, flaws, row.comment)


def _place(connection: Connection, who: Person, study: str, place: int, *, for_update: bool = False) -> Place:
    chosen = (
        select(
            RatingPlaceRow.id,
            RatingPlaceRow.study,
            RatingPlaceRow.place,
            RatingStudyRow.name,
            RatingStudyRow.closed_at,
            RatingTaskRow.instruction,
            RatingTaskRow.input,
            RatingTaskRow.response,
            RatingTaskRow.context,
        )
        .join(RatingStudyRow, RatingStudyRow.id == RatingPlaceRow.study)
        .join(RatingTaskRow, RatingTaskRow.id == RatingPlaceRow.task)
        .where(RatingStudyRow.name == study, RatingPlaceRow.person == who.id, RatingPlaceRow.place == place)
    )
    if for_update:
        chosen = chosen.with_for_update(of=RatingPlaceRow)
    found = one_row(Place, connection.execute(chosen))
    if found is None:
        raise NotFoundError(f"{who.name!r} has no place {place} to rate in a study {study!r}; look at your studies")
    return found


def _last_rating(connection: Connection, place: int) -> StoredRating | None:
    given = select(*RATING).where(RatingRow.place == place)
    return one_row(StoredRating, connection.execute(given.order_by(RatingRow.version.desc()).limit(1)))


def _stored_under(connection: Connection, who: Person, place: int, rating: Rating, key: str) -> int | None:
    own = (RatingRow.person == who.id, RatingRow.idempotency_key == key)
    row = one_row(StoredRating, connection.execute(select(*RATING).where(*own)))
    if row is None:
        return None
    if row.place != place or rating_from_row(row) != rating:
        raise ConflictError(f"the key {key!r} was used for another rating; send a new rating under a new key")
    return row.version


def _count(*chosen: ColumnElement[bool]) -> Select[int]:
    return select(func.count()).select_from(RatingPlaceRow).where(*chosen)


_OWN_PLACES = (RatingPlaceRow.study == RatingRaterRow.study, RatingPlaceRow.person == RatingRaterRow.person)
_RATED = RatingRow.__table__.alias("rated")
_IS_RATED = select(_RATED.c.id).where(_RATED.c.place == RatingPlaceRow.id).exists()
_STUDIES = (
    select(
        RatingStudyRow.name,
        RatingStudyRow.closed_at,
        _count(*_OWN_PLACES).scalar_subquery().label("tasks"),
        _count(*_OWN_PLACES, _IS_RATED).scalar_subquery().label("rated"),
        select(func.min(RatingPlaceRow.place)).where(*_OWN_PLACES, ~_IS_RATED).scalar_subquery().label("next"),
    )
    .select_from(RatingRaterRow)
    .join(RatingStudyRow, RatingStudyRow.id == RatingRaterRow.study)
    .order_by(RatingRaterRow.study)
)
