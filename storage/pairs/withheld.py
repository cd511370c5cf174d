"""Pairs that are kept from somebody who rates versions of them blindly, until that study is closed."""

from collections.abc import Sequence

from sqlalchemy import BindParameter, ColumnElement, Connection, exists, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from coachlm.errors import AccessError
from storage.engine.bulk import is_among
from storage.tables.pairs import PairRow
from storage.tables.studies import RatingRaterRow, RatingStudyRow, RatingWithheldRow

PersonNumber = int | InstrumentedAttribute[int] | BindParameter[int]
_OPEN = (RatingStudyRow.id == RatingRaterRow.study, RatingStudyRow.closed_at.is_(None))
_kept = aliased(PairRow)


def is_rater(person: PersonNumber) -> ColumnElement[bool]:
    """Whether the person rates in a study that is open. `person`: a number, a column or a parameter for it."""
    return exists().where(RatingRaterRow.person == person, *_OPEN)


def is_withheld(pair: InstrumentedAttribute[int], person: PersonNumber) -> ColumnElement[bool]:
    """Of a row whose column `pair` is a pair's number. `person`: a number, or a parameter for it."""
    return exists().where(
        _kept.seq == pair,
        RatingWithheldRow.pair_id == _kept.id,
        RatingRaterRow.study == RatingWithheldRow.study,
        RatingRaterRow.person == person,
        *_OPEN,
    )


def check_withheld(connection: Connection, person: int, name: str, pair_ids: Sequence[str]) -> None:
    """The answer is the same for every text of the study, whether there is such a pair or not.

    Raises: AccessError.
    """
    column = RatingWithheldRow.pair_id
    found = select(column).where(
        is_among(connection, column.expression, pair_ids),
        RatingRaterRow.study == RatingWithheldRow.study,
        RatingRaterRow.person == person,
        *_OPEN,
    )
    if (pair_id := connection.scalar(found.limit(1))) is not None:
        raise AccessError(f"{name!r} rates {pair_id} blindly; it can be looked at when that study is closed")
