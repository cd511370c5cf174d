"""The maker's side of blind ratings: studies are drawn, looked at, closed and read.

The key (which text was which) is read here alone, and given to the study's owner and to operators, never to somebody
who rates in it while it is open.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, select, update

from coachlm.desk.ratings import RatingTask, Score, Sheet
from coachlm.desk.rubric import Part
from coachlm.desk.studies import GivenRating, RaterProgress, Study, StudyRatings
from coachlm.desk.work import Person, PersonRole
from coachlm.errors import AccessError, ConflictError, NotFoundError
from storage.engine.database import Database, utc_now
from storage.engine.results import all_rows, columns_of, one_row
from storage.people.people import find_person
from storage.studies.desk import RATING, StoredRating, rating_from_row
from storage.studies.draw import StudyPlan, check_plan, insert_study
from storage.tables.pairs import PersonRow
from storage.tables.studies import RatingPlaceRow, RatingRaterRow, RatingRow, RatingStudyRow, RatingTaskRow

_OVERSEERS = (PersonRole.OWNER, PersonRole.OPERATOR, PersonRole.ADMIN)
_SEES_ALL = (PersonRole.OPERATOR, PersonRole.ADMIN)


class StoredStudy(NamedTuple):
    """A study, its owner as a number."""

    id: int
    name: str
    sources: list[str]
    owner: int | None
    created_at: datetime
    closed_at: datetime | None


_STUDIES = select(*columns_of(RatingStudyRow, StoredStudy))
_RATED = RatingRow.__table__.alias("rated")
_PROGRESS = (
    select(PersonRow.name, func.count().label("tasks"), func.count(RatingRow.id).label("rated"))
    .select_from(RatingRaterRow)
    .join(PersonRow, PersonRow.id == RatingRaterRow.person)
    .join(
        RatingPlaceRow,
        (RatingPlaceRow.study == RatingRaterRow.study) & (RatingPlaceRow.person == RatingRaterRow.person),
    )
    .join(RatingRow, (RatingRow.place == RatingPlaceRow.id) & (RatingRow.version == 1), isouter=True)
    .where(RatingRaterRow.study == bindparam("of_study"))
    .group_by(PersonRow.name, RatingRaterRow.position)
    .order_by(RatingRaterRow.position)
)
_LAST_RATINGS = (
    select(PersonRow.name, RatingPlaceRow.task, RatingRow.created_at, *RATING)
    .join(RatingPlaceRow, RatingPlaceRow.id == RatingRow.place)
    .join(PersonRow, PersonRow.id == RatingRow.person)
    .where(
        RatingPlaceRow.study == bindparam("of_study"),
        RatingRow.version
        == select(func.max(_RATED.c.version)).where(_RATED.c.place == RatingRow.place).scalar_subquery(),
    )
    .order_by(RatingPlaceRow.task, RatingRow.person)
)


class RatingStudies:
    """Safe to share between threads and processes. `by`: who asks; None is whoever has the database itself.

    Raises (from every method): NotFoundError, also for a study that the person has no business with; AccessError;
    StoreError, naming the remedy.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    def make(self, plan: StudyPlan, by: str | None = None) -> Study:
        """Draws pairs that no rater has had in hands, and for every rater an order of all their versions. The same
        seed gives the same draw on the same database: the orders depend on the database's own salt as well, since a
        small seed could be guessed from one's own order.

        Raises: InputError, for a plan that can't be carried out; ConflictError, when the name is taken.
        """
        check_plan(plan)
        with self._database.writing(durable=True) as connection:
            owner = None if by is None else _overseer(connection, by)
            if _find(connection, plan.name) is not None:
                raise ConflictError(f"a study named {plan.name!r} exists already; choose another name")
            insert_study(connection, plan, owner, self._now())
            return _study(connection, _row(connection, plan.name))

    def studies(self, by: str | None = None) -> list[Study]:
        """The newest first: those that the person owns; all, for operators."""
        with self._database.reading() as connection:
            chosen = _STUDIES.order_by(RatingStudyRow.id.desc())
            who = None if by is None else _overseer(connection, by)
            if who is not None and who.role not in _SEES_ALL:
                chosen = chosen.where(RatingStudyRow.owner == who.id)
            rows = all_rows(StoredStudy, connection.execute(chosen))
            return [_study(connection, row) for row in rows if not _rates_in(connection, who, row)]

    def close(self, name: str, by: str | None = None) -> Study:
        """Ratings stay as they are from now on. Once more changes nothing."""
        with self._database.writing(durable=True) as connection:
            row = _visible(connection, name, by)
            closing = update(RatingStudyRow).where(RatingStudyRow.id == row.id, RatingStudyRow.closed_at.is_(None))
            connection.execute(closing.values(closed_at=self._now()))
            return _study(connection, _row(connection, name))

    def ratings(self, name: str, by: str | None = None) -> StudyRatings:
        """What was given so far, with the key."""
        with self._database.reading() as connection:
            row = _visible(connection, name, by)
            study = _study(connection, row)
            tasks = _tasks(connection, row)
            given = list(_read_given(connection, row, tasks))
        sheets = tuple(_sheet(rater, given) for rater in study.raters)
        return StudyRatings(study, {task.task: task for task in tasks.values()}, sheets, tuple(given))


def _overseer(connection: Connection, name: str) -> Person:
    person = find_person(connection, name)
    if not person.is_active or person.role not in _OVERSEERS:
        raise AccessError(f"{name!r} has the role {person.role}; studies are made by {', '.join(_OVERSEERS)}")
    return person


def _visible(connection: Connection, name: str, by: str | None) -> StoredStudy:
    row = _find(connection, name)
    who = None if by is None else _overseer(connection, by)
    if row is None or not (who is None or who.role in _SEES_ALL or row.owner == who.id):
        raise NotFoundError(f"{'there is' if by is None else 'you have'} no study {name!r}; list the studies")
    if _rates_in(connection, who, row):
        raise AccessError(f"{by!r} rates in study {name!r}: its versions are revealed when it is closed")
    return row


def _rates_in(connection: Connection, who: Person | None, row: StoredStudy) -> bool:
    """Whether the person is a rater of a study that is open."""
    if who is None or row.closed_at is not None:
        return False
    own = select(RatingRaterRow.study).where(RatingRaterRow.study == row.id, RatingRaterRow.person == who.id)
    return connection.scalar(own) is not None


def _find(connection: Connection, name: str) -> StoredStudy | None:
    return one_row(StoredStudy, connection.execute(_STUDIES.where(RatingStudyRow.name == name)))


def _row(connection: Connection, name: str) -> StoredStudy:
    row = _find(connection, name)
    if row is None:
        raise NotFoundError(f"study {name!r} does not exist; list the studies")
    return row


def _study(connection: Connection, row: StoredStudy) -> Study:
    items = select(func.count(func.distinct(RatingTaskRow.item))).where(RatingTaskRow.study == row.id)
    owner = None if row.owner is None else connection.scalar(select(PersonRow.name).where(PersonRow.id == row.owner))
    progress = connection.execute(_PROGRESS, {"of_study": row.id})
    return Study(
        row.name,
        tuple(row.sources),
        connection.scalar(items) or 0,
        owner,
        row.created_at,
        row.closed_at,
        tuple(RaterProgress(name, tasks, rated) for name, tasks, rated in progress),
    )


def _tasks(connection: Connection, study: StoredStudy) -> dict[int, RatingTask]:
    columns = (RatingTaskRow.id, RatingTaskRow.source, RatingTaskRow.item, RatingTaskRow.instruction_differs)
    chosen = select(*columns).where(RatingTaskRow.study == study.id)
    rows = connection.execute(chosen.order_by(RatingTaskRow.item, RatingTaskRow.source))
    return {
        number: RatingTask(str(number), study.sources[source], item, differs) for number, source, item, differs in rows
    }


def _read_given(connection: Connection, study: StoredStudy, tasks: dict[int, RatingTask]) -> Iterator[GivenRating]:
    for name, task, created_at, *columns in connection.execute(_LAST_RATINGS, {"of_study": study.id}):
        rating = StoredRating._make(columns)
        yield GivenRating(name, tasks[task], rating_from_row(rating), rating.version, created_at)


def _sheet(rater: RaterProgress, given: Sequence[GivenRating]) -> Sheet:
    own = [each for each in given if each.rater == rater.rater]
    scores = (
        Score(rater.rater, each.task, part, float(getattr(each.rating, part.value))) for each in own for part in Part
    )
    return Sheet(rater.rater, tuple(scores), len(Part) * (rater.tasks - rater.rated))
