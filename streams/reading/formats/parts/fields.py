"""Typed access to the fields of decoded records, whose types nobody promises."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from streams.reading.formats.parts.outcomes import malformed

Record = dict[str, Any]

_NAME = re.compile(r"[A-Za-z_][\w.-]{0,30}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_SECONDS = 4_102_444_800  # the year 2100; a larger number counts milliseconds, microseconds or nanoseconds


def words(text: str) -> frozenset[str]:
    """A set of names, written as plain words."""
    return frozenset(text.split())


def text_or_empty(record: Record, key: str) -> str:
    """Missing and null are empty.

    Raises: EntryError, for any other type.
    """
    value = record.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise malformed(key, value, "text")
    return value


def first_of(record: Record, *keys: str) -> Any:
    """The first of these fields that is there and not null."""
    for key in keys:
        value = record.get(key)
        if value is not None:
            return value
    return None


def name_of(record: Record, *keys: str) -> str | None:
    """The first of these fields that can serve as an id or a name; numbers become text, other types are passed over."""
    for key in keys:
        value = record.get(key)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return None


def mapping(value: object) -> Record:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def time_of(record: Record, *keys: str) -> datetime | None:
    """The first of these fields that can be read as a time, in UTC."""
    for key in keys:
        value = record.get(key)
        if value is not None and (time := parse_time(value)) is not None:
            return time
    return None


def parse_time(value: object) -> datetime | None:
    """ISO 8601, seconds to nanoseconds since 1970 as number or text, or a pair of seconds and nanoseconds; naive times
    are UTC. None, if it is nothing of the kind."""
    match value:
        case bool():
            return None
        case int() | float():
            return _from_epoch(value)
        case datetime():
            return _to_utc(value)
        case str():
            return _from_text(value)
        case [int() as seconds, int() as nanoseconds]:
            return _from_epoch(seconds + nanoseconds / 1e9)
    return None


def _from_text(text: str) -> datetime | None:
    try:
        return _to_utc(datetime.fromisoformat(text))
    except ValueError:
        pass
    try:
        return _from_epoch(float(text))
    except ValueError:
        return None


def _to_utc(time: datetime) -> datetime | None:
    if time.tzinfo is None:
        return time.replace(tzinfo=UTC)
    try:
        return time.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def _from_epoch(number: float) -> datetime | None:
    for _ in range(3):
        if abs(number) < _LATEST_SECONDS:
            break
        number /= 1000
    try:
        return _EPOCH + timedelta(seconds=number)
    except (OverflowError, ValueError):
        return None


def names_of(keys: Iterable[object], most: int = 6) -> str:
    """Some of a record's keys, for people; what looks like a text of its own is left out."""
    plain = [key for key in keys if isinstance(key, str) and _NAME.fullmatch(key)]
    return ", ".join(f"`{key}`" for key in plain[:most]) + (", …" if len(plain) > most else "")
