"""How values are written into columns and read back the same in every database: any text, times, JSON.

A database holds neither NUL (PostgreSQL) nor lone surrogates (both) in a text, and logs contain them. Such a text is
stored as JSON behind a marker; every other one as it is.
"""

import json
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator

_ESCAPED = "\x1bjson:"
_LONGEST_ESCAPE = 12  # characters, a surrogate pair's
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Key = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER can be SQLite's rowid, and it holds 64 bits


def to_column(text: str) -> str:
    """The text in a form that every database keeps; `from_column` gives it back, code point by code point."""
    if "\0" not in text and not text.startswith(_ESCAPED) and (text.isascii() or _is_encodable(text)):
        return text
    return _ESCAPED + json.dumps(text)


def from_column(stored: str) -> str:
    return json.loads(stored[len(_ESCAPED) :]) if stored.startswith(_ESCAPED) else stored


def from_cut(stored: str) -> str:
    """The beginning of what `to_column` gave, cut anywhere."""
    if not stored.startswith(_ESCAPED):
        return stored
    written = stored[len(_ESCAPED) :]
    for dropped in range(_LONGEST_ESCAPE + 1):
        for end in ("", '"'):
            try:
                return json.loads(written[: len(written) - dropped] + end)
            except ValueError:
                continue
    return ""


def optional_to_column(text: str | None) -> str | None:
    return None if text is None else to_column(text)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970; a time without a zone is taken as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def to_json(value: object) -> str | None:
    """ASCII, so that no code point of it can be refused; what JSON doesn't know is written as its `str`."""
    return json.dumps(value, sort_keys=True, default=str) if value else None


class AnyText(TypeDecorator[str]):
    """Text that may hold NUL and lone surrogates."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return optional_to_column(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else from_column(value)


class Moment(TypeDecorator[datetime]):
    """A time in UTC, as microseconds since 1970: it compares and sorts alike everywhere, with its zone."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_micros(value)


class Json(TypeDecorator[object]):
    """A small JSON value as text; NULL for an empty one."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:
        return to_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> object:
        return None if value is None else json.loads(value)
